//! Checks that run no program of ours.

use super::deny;
use crate::command::program;
use crate::runner::{Output, Steps};
use crate::{fmt, lint, tools};

/// Checks formatting and lints, and dependencies if cargo deny is built or `all` is set.
pub(super) async fn run(steps: &mut Steps, all: bool) -> anyhow::Result<()> {
    steps.step("check the formatting", fmt::run(true)).await?;
    let rules = lint::check(lint::ENFORCED, &[], steps.output());
    steps.step("check rules of the repository and spelling", rules).await?;
    if !all && !tools::cargo_deny_is_built()? {
        steps.leave_out("cargo deny, which takes minutes to build; --all runs it");
        return Ok(());
    }
    steps.step("check dependencies with cargo deny", deny::check(steps.output())).await
}

/// Prints the versions of the toolchains, which the user installs.
pub(super) async fn toolchains(output: Output) -> anyhow::Result<()> {
    let go = "install Go 1.26 or newer, which builds the control plane";
    let python = "install Python 3.11 or newer with its module venv (on Debian: python3-venv)";
    for (name, flag, hint) in [("go", "version", go), ("python3", "--version", python)] {
        output.indented(&tools::version(program(name), flag, hint).await?);
    }
    Ok(())
}
