//! `cargo xtask test`: all checks and tests, as CI runs them.

mod app;
pub(crate) mod cargo;
mod charts;
pub(crate) mod checks;
mod control_plane;
mod deny;
mod targets;

use std::path::PathBuf;

use clap::ValueEnum;
use tokio::task::JoinHandle;

use self::targets::Targets;
use crate::build::{self, Programs};
use crate::command;
use crate::images;
use crate::lint;
use crate::node::{self, NodeImages};
use crate::runner::{Output, Steps};
use crate::tools;

/// End-to-end tests mostly wait, so more of them run at once than a small machine has cores. Each may
/// start its own API server, which takes 600 MB.
const END_TO_END_THREADS: &str = "--test-threads=4";

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, lints, dependencies
    Checks,
    /// The app: its types, its style, its tests
    App,
    /// The charts without a cluster: lint, schemas, rendered objects, policies
    Charts,
    /// The Rust code without a cluster
    Rust,
    /// Tests on real API servers and nodes
    EndToEnd,
}

/// The programs and tests of the workspace, built.
struct Built {
    programs: Programs,
    python: PathBuf,
    targets: Targets,
}

/// The build of the programs that ship. `None` if this machine can run no node.
type ShippedPrograms = Option<JoinHandle<anyhow::Result<()>>>;

/// Runs all parts or one, the cheap ones first, and stops at the first failure.
pub(crate) async fn run(part: Option<Part>, filter: Option<&str>) -> anyhow::Result<()> {
    let wants = |one: Part| part.is_none_or(|part| part == one);
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    steps.step("find the toolchains", checks::toolchains(output)).await?;
    let wants_end_to_end = wants(Part::EndToEnd);
    let node = if wants_end_to_end { start_shipped_programs(&mut steps).await? } else { None };
    if wants(Part::Checks) {
        checks::run(&mut steps).await?;
    }
    // A build of all tests runs clippy too.
    if part == Some(Part::Checks) {
        steps.step("run clippy", lint::clippy()).await?;
    }
    if wants(Part::App) {
        app::run(&mut steps).await?;
    }
    if wants(Part::Charts) || wants(Part::Rust) || wants(Part::EndToEnd) {
        let built = build_all(&mut steps, wants(Part::EndToEnd)).await?;
        if wants(Part::Charts) {
            charts::run(&mut steps, &built.targets, filter).await?;
        }
        if wants(Part::Rust) {
            rust(&mut steps, &built, filter).await?;
        }
        if wants_end_to_end {
            end_to_end(&mut steps, &built, node, filter).await?;
        }
    }
    steps.summary();
    Ok(())
}

/// Builds all programs and tests, and the control plane at the same time: Cargo and Go together use
/// more cores.
async fn build_all(steps: &mut Steps, control_plane: bool) -> anyhow::Result<Built> {
    let output = steps.output();
    let what = "install a Python for independent implementations";
    let python = steps.step(what, tools::python(output)).await?;
    let build = async {
        if control_plane {
            let plane = build::control_plane(output);
            Ok(tokio::try_join!(build::everything(), plane)?.0)
        } else {
            build::everything().await
        }
    };
    let programs = steps.step("build all programs and tests, with clippy's lints", build).await?;
    Ok(Built { programs, python, targets: Targets::read().await? })
}

async fn rust(steps: &mut Steps, built: &Built, filter: Option<&str>) -> anyhow::Result<()> {
    let units = ["--lib", "--bins"].map(str::to_owned);
    steps.step("run unit tests", command::run(&mut built.test(&units, filter, &[]))).await?;
    let mut others = built.test(&built.targets.others, filter, &[]);
    let what = "run tests of programs, of vectors, and against fake API servers";
    steps.step(what, command::run(&mut others)).await
}

/// Starts the build of the programs that ship. It takes the longest, so it runs with low priority
/// while other steps wait.
async fn start_shipped_programs(steps: &mut Steps) -> anyhow::Result<ShippedPrograms> {
    let output = steps.output();
    let missing = steps.step("check the requirements of a node", node::missing(output)).await?;
    if missing.is_empty() {
        return Ok(Some(tokio::spawn(images::build_shipped_programs_in_background(output))));
    }
    let missing = node::described(&missing);
    output.line(format_args!("==> skipping tests in real Pods; missing: {missing}"));
    Ok(None)
}

async fn end_to_end(
    steps: &mut Steps,
    built: &Built,
    node: ShippedPrograms,
    filter: Option<&str>,
) -> anyhow::Result<()> {
    let output = steps.output();
    // After the build, because `go vet` then finds the packages in Go's cache.
    control_plane::check(steps).await?;
    let mut tests = built.test(&built.targets.end_to_end, filter, &[END_TO_END_THREADS]);
    let helms = steps.step("build Helm 3 and 4", tools::helms(output)).await?;
    helms.name_to(&mut tests);
    let moto = steps.step("install moto, an AWS emulator", tools::moto(output)).await?;
    tests.env("MTK_MOTO", moto);
    if let Some(programs) = node {
        let what = "build the programs that ship, in the background until now";
        steps.step(what, async { programs.await? }).await?;
        let node = NodeImages::shipped(steps).await?;
        tests.env("MTK_REQUIRE_NODE", "1");
        tests.env("MTK_CONTROLLER_IMAGE", node.controller).env("MTK_APP_IMAGE", node.app);
        // Optimised programs leave more processor time to the API servers, and they are the
        // programs that ship.
        let shipped = images::shipped_programs();
        tests.env("MTK_CONTROLLER_BIN", shipped.controller).env("MTK_SEAL_BIN", shipped.seal);
    }
    steps.step("run end-to-end tests on real API servers", command::run(&mut tests)).await
}

impl Built {
    /// Runs these test programs, or those of their tests whose names contain the filter.
    fn test(
        &self,
        targets: &[String],
        filter: Option<&str>,
        arguments: &[&str],
    ) -> tokio::process::Command {
        let arguments = filter.iter().chain(arguments).copied().collect::<Vec<_>>();
        let mut cargo = cargo::test(targets, &arguments);
        cargo
            .env("MTK_PYTHON", &self.python)
            .env("MTK_SEAL_BIN", &self.programs.seal)
            .env("MTK_CONTROLLER_BIN", &self.programs.controller);
        cargo
    }
}
