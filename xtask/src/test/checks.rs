//! What needs no program of ours to run.

use super::deny;
use crate::command::{self, program};
use crate::steps::{Output, Steps};
use crate::{build, lint, places, tools};

/// Formatting, clippy, dependencies.
pub(super) async fn run(steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("formatting", formatting()).await?;
    steps.step("clippy, warnings denied", clippy()).await?;
    let rules = lint::check(lint::ENFORCED, &[], steps.output());
    steps.step("rules of the repository", rules).await?;
    steps.step("dependencies: cargo deny", deny::check(steps.output())).await
}

/// What cannot be installed from here.
pub(super) async fn toolchains(output: Output) -> anyhow::Result<()> {
    let go = "install Go 1.26 or newer; the control plane is built with it";
    let python = "install Python 3.11 or newer with its module venv (on Debian: python3-venv)";
    for (name, flag, hint) in [("go", "version", go), ("python3", "--version", python)] {
        output.indented(&tools::version(program(name), flag, hint).await?);
    }
    Ok(())
}

async fn formatting() -> anyhow::Result<()> {
    let mut cargo = program("cargo");
    cargo.current_dir(places::root());
    command::run(cargo.args(["fmt", "--all", "--check"])).await
}

async fn clippy() -> anyhow::Result<()> {
    let mut cargo = build::cargo("clippy");
    cargo.args(["--workspace", "--all-targets", "--quiet"]);
    command::run(cargo.args(["--", "--deny", "warnings"])).await
}
