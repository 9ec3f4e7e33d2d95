//! Building our own programs, and the control plane.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use tokio::process::Command;

use crate::command;
use crate::places;
use crate::steps::Output;

/// Our two programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `mtk-seal`.
    pub(crate) seal: PathBuf,
    /// `mtk-controller`.
    pub(crate) controller: PathBuf,
}

/// `cargo` in the repository, at the version of `Cargo.lock`.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut cargo = command::program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(places::root()).args([verb, "--locked"]);
    cargo
}

/// Builds both, as they are developed.
pub(crate) async fn programs() -> anyhow::Result<Programs> {
    // The whole workspace, so that the features of shared crates are those of every other build
    // here, and no crate is built twice.
    found(&build(&["--workspace", "--bins"]).await?)
}

/// Builds both, and every test.
pub(crate) async fn everything() -> anyhow::Result<Programs> {
    found(&build(&["--workspace", "--all-targets"]).await?)
}

/// Builds an example of a package, as if it were released.
pub(crate) async fn released_example(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    let messages = build(&["--release", "--package", package, "--example", name]).await?;
    executable(&messages, name)
}

/// Builds the controller as it is released.
pub(crate) async fn released_controller() -> anyhow::Result<PathBuf> {
    let messages = build(&["--release", "--package", "mtk-controller"]).await?;
    executable(&messages, "mtk-controller")
}

/// Builds the control plane's program, which takes minutes once.
pub(crate) async fn control_plane(output: Output) -> anyhow::Result<PathBuf> {
    let build = move || e2e::controlplane::binary(|step| output.indented(step));
    tokio::task::spawn_blocking(build).await?
}

async fn build(what: &[&str]) -> anyhow::Result<String> {
    let mut cargo = cargo("build");
    cargo
        .args(what)
        .arg("--message-format=json-render-diagnostics")
        .stderr(std::process::Stdio::inherit());
    command::output(&mut cargo).await
}

fn found(messages: &str) -> anyhow::Result<Programs> {
    Ok(Programs {
        seal: executable(messages, "mtk-seal")?,
        controller: executable(messages, "mtk-controller")?,
    })
}

/// The path of a program among cargo's messages, one JSON object a line.
fn executable(messages: &str, name: &str) -> anyhow::Result<PathBuf> {
    let built = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_program = message["target"]["name"] == name
            && (message["target"]["kind"][0] == "bin" || message["target"]["kind"][0] == "example");
        let is_test = message["profile"]["test"] == true;
        let path = message["executable"].as_str()?;
        (is_program && !is_test).then(|| PathBuf::from(path))
    });
    built.with_context(|| format!("cargo has built no program {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_from_its_unit_tests() {
        let message = |path: &str, test: bool| {
            serde_json::json!({
                "reason": "compiler-artifact", "executable": path, "profile": { "test": test },
                "target": { "name": "mtk-seal", "kind": ["bin"] },
            })
            .to_string()
        };
        let messages =
            [message("/t/deps/mtk_seal-1", true), message("/t/mtk-seal", false)].join("\n");
        assert_eq!(executable(&messages, "mtk-seal").unwrap(), PathBuf::from("/t/mtk-seal"));
        assert!(executable(&messages, "mtk-controller").is_err());
    }
}
