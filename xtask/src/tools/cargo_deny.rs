//! cargo-deny: licences, duplicate and foreign dependencies, advisories.

use std::path::PathBuf;

use e2e::cache;

use crate::build;
use crate::command;
use crate::runner::Output;

const VERSION: &str = "0.20.2";

fn root() -> anyhow::Result<PathBuf> {
    Ok(cache::directory()?.join(format!("cargo-deny-{VERSION}")))
}

fn binary() -> anyhow::Result<PathBuf> {
    Ok(root()?.join("bin/cargo-deny"))
}

/// Whether a former call has built the program.
pub(crate) fn cargo_deny_is_built() -> anyhow::Result<bool> {
    Ok(binary()?.is_file())
}

/// The program. The first call builds it.
pub(crate) async fn cargo_deny(output: Output) -> anyhow::Result<PathBuf> {
    let binary = binary()?;
    if !binary.is_file() {
        output.indented(&format!("building cargo-deny {VERSION}, once"));
        let mut install = build::cargo("install");
        install
            // An unoptimised program without debug information is good enough, and built sooner.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(["--quiet", "--debug", "--version", VERSION, "--root"])
            .arg(root()?)
            .arg("cargo-deny");
        command::run(&mut install).await?;
    }
    Ok(binary)
}
