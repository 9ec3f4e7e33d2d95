//! `cargo xtask check`, for every commit.

use crate::runner::{Output, Steps};
use crate::test::cargo;
use crate::{build, command, fmt, lint};

/// The test program with the cases of the command line.
const CLI_CASES: &str = "--test=commands";

/// Checks formatting and lints, then runs unit tests and CLI cases.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    steps.step("check the formatting", fmt::rust(true)).await?;
    let rules = lint::check(lint::ENFORCED, &[], output);
    steps.step("check rules of the repository and spelling", rules).await?;
    let build = build::linted(&["--workspace", "--all-targets"]);
    steps.step("build everything, with clippy's lints", build).await?;
    let targets = ["--lib", "--bins", CLI_CASES].map(str::to_owned);
    let mut tests = cargo::test(&targets, &[]);
    steps.step("run unit tests and CLI cases", command::run(&mut tests)).await?;
    steps.summary();
    Ok(())
}
