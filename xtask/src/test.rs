//! `cargo xtask test`: every check and test, as CI does.

mod app;
mod cargo;
mod charts;
mod checks;
mod control_plane;
mod deny;
mod targets;

use clap::ValueEnum;

use crate::command;
use crate::steps::{Output, Steps};
use crate::{build, pods, tools};

/// They mostly wait, so more than a small machine has cores; but each may start an API server of its
/// own, at 600 MB.
const END_TO_END_THREADS: &str = "--test-threads=4";

/// What can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, clippy, dependencies
    Checks,
    /// The app: its types, its style, its tests
    App,
    /// The charts without a cluster: lint, schemas, rendered objects, policies
    Charts,
    /// The Rust code without a cluster
    Rust,
    /// Everything on real API servers
    EndToEnd,
}

/// Runs all, the cheap ones first. The first failure ends it.
pub(crate) async fn run(part: Option<Part>) -> anyhow::Result<()> {
    let wants = |one: Part| part.is_none_or(|part| part == one);
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    steps.step("the toolchains", checks::toolchains(output)).await?;
    if wants(Part::Checks) {
        checks::run(&mut steps).await?;
    }
    if wants(Part::App) {
        app::run(&mut steps).await?;
    }
    if wants(Part::Charts) {
        charts::run(&mut steps).await?;
    }
    if wants(Part::EndToEnd) {
        // Before the tests, which take what it leaves in Go's cache.
        control_plane::run(&mut steps).await?;
    }
    if wants(Part::Rust) || wants(Part::EndToEnd) {
        ours(&mut steps, wants).await?;
    }
    steps.summary();
    Ok(())
}

/// The tests of our programs.
async fn ours(steps: &mut Steps, wants: impl Fn(Part) -> bool) -> anyhow::Result<()> {
    let output = steps.output();
    let what = "a Python for independent implementations";
    let python = steps.step(what, tools::python(output)).await?;
    let programs = steps.step("building all programs and tests", build::everything()).await?;
    let targets = targets::Targets::read().await?;
    let test = |targets: &[String], arguments: &[&str]| {
        let mut cargo = cargo::test(targets, arguments);
        cargo
            .env("MTK_PYTHON", &python)
            .env("MTK_SEAL_BIN", &programs.seal)
            .env("MTK_CONTROLLER_BIN", &programs.controller);
        cargo
    };
    if wants(Part::Rust) {
        let units = ["--lib".to_owned(), "--bins".to_owned()];
        steps.step("unit tests", command::run(&mut test(&units, &[]))).await?;
        let mut others = test(&targets.others, &[]);
        let what = "tests of whole programs, of vectors, and against fake API servers";
        steps.step(what, command::run(&mut others)).await?;
    }
    if wants(Part::EndToEnd) {
        let helms = steps.step("Helm 3 and 4", tools::helms(output)).await?;
        let mut end_to_end = test(&targets.end_to_end, &[END_TO_END_THREADS]);
        helms.name_to(&mut end_to_end);
        let moto = steps.step("moto, a local AWS", tools::moto(output)).await?;
        end_to_end.env("MTK_MOTO", moto);
        let missing = pods::missing(output).await?;
        if missing.is_empty() {
            let parts = pods::parts(steps).await?;
            end_to_end.env("MTK_REQUIRE_NODE", "1");
            end_to_end.env("MTK_CONTROLLER_IMAGE", parts.controller);
            end_to_end.env("MTK_APP_IMAGE", parts.app);
        } else {
            let missing = pods::described(&missing);
            output.line(format_args!("==> tests in real Pods are skipped: they need {missing}"));
        }
        let what = "end-to-end tests on real API servers";
        steps.step(what, command::run(&mut end_to_end)).await?;
    }
    Ok(())
}
