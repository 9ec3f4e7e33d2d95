//! Builds our own programs and the control plane.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::command;
use crate::paths;
use crate::runner::Output;

/// Our two programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `mtk-seal`.
    pub(crate) seal: PathBuf,
    /// `mtk-controller`.
    pub(crate) controller: PathBuf,
}

/// `cargo` in the repository, with the versions of `Cargo.lock`.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut cargo = command::program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(paths::root()).args([verb, "--locked"]);
    cargo
}

/// Builds both in the development profile.
pub(crate) async fn programs() -> anyhow::Result<Programs> {
    found(&build(&["--package", "mtk-seal", "--package", "mtk-controller", "--bins"]).await?)
}

/// Builds both in the development profile, and the control plane at the same time: Cargo and Go
/// together use more cores.
pub(crate) async fn programs_and_control_plane(
    output: Output,
) -> anyhow::Result<(Programs, PathBuf)> {
    tokio::try_join!(programs(), control_plane(output))
}

/// Makes the compiler of the workspace's crates report clippy's lints too. So clippy needs no second
/// build of all dependencies.
pub(crate) const WITH_CLIPPY: [&str; 2] =
    ["--config", "build.rustc-workspace-wrapper='clippy-driver'"];

/// Builds both in the development profile, and every test. Warnings of the compiler and of clippy are
/// errors.
pub(crate) async fn everything() -> anyhow::Result<Programs> {
    found(&linted(&["--workspace", "--all-targets"]).await?)
}

/// Builds with clippy's lints, and prints and denies all warnings.
pub(crate) async fn linted(what: &[&str]) -> anyhow::Result<String> {
    let mut cargo = cargo("build");
    cargo
        .args(WITH_CLIPPY)
        .args(what)
        .arg("--message-format=json-diagnostic-rendered-ansi")
        .stderr(Stdio::inherit());
    let (succeeded, messages) = command::result(&mut cargo).await?;
    let warnings = warnings(&messages);
    for warning in &warnings {
        Output::Stderr.line(warning.trim_end());
    }
    ensure!(succeeded, "the build failed");
    ensure!(warnings.is_empty(), "{} warnings, which are errors here", warnings.len());
    Ok(messages)
}

/// The texts of the compiler's messages among Cargo's.
fn warnings(messages: &str) -> Vec<String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter(|message| message["reason"] == "compiler-message")
        .filter_map(|message| message["message"]["rendered"].as_str().map(str::to_owned))
        .collect()
}

/// Builds an example of a package in the release profile.
pub(crate) async fn released_example(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    let messages = build(&["--release", "--package", package, "--example", name]).await?;
    executable(&messages, name)
}

/// Builds an example in the development profile, with the features and lints of a build of all tests, so
/// no crate is compiled twice.
pub(crate) async fn example(name: &str) -> anyhow::Result<PathBuf> {
    executable(&linted(&["--workspace", "--example", name]).await?, name)
}

/// Builds the control plane, which takes minutes the first time.
pub(crate) async fn control_plane(output: Output) -> anyhow::Result<PathBuf> {
    let build = move || e2e::controlplane::binary(|step| output.indented(step));
    tokio::task::spawn_blocking(build).await?
}

async fn build(what: &[&str]) -> anyhow::Result<String> {
    let mut cargo = cargo("build");
    cargo.args(what).arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    command::output(&mut cargo).await
}

fn found(messages: &str) -> anyhow::Result<Programs> {
    Ok(Programs {
        seal: executable(messages, "mtk-seal")?,
        controller: executable(messages, "mtk-controller")?,
    })
}

/// The path of a program in Cargo's messages, one JSON object per line.
fn executable(messages: &str, name: &str) -> anyhow::Result<PathBuf> {
    let built = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_program = message["target"]["name"] == name
            && (message["target"]["kind"][0] == "bin" || message["target"]["kind"][0] == "example");
        let is_test = message["profile"]["test"] == true;
        let path = message["executable"].as_str()?;
        (is_program && !is_test).then(|| PathBuf::from(path))
    });
    built.with_context(|| format!("cargo did not build a program {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_found_among_the_messages_of_a_build() {
        let lines = [
            serde_json::json!({ "reason": "compiler-artifact", "executable": null }),
            serde_json::json!({
                "reason": "compiler-message",
                "message": { "level": "warning", "rendered": "warning: unused variable" },
            }),
        ];
        let messages = lines.map(|line| line.to_string()).join("\n");
        assert_eq!(warnings(&messages), ["warning: unused variable"]);
    }

    #[test]
    fn program_is_distinguished_from_its_unit_tests() {
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
