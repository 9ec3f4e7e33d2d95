//! `cargo xtask test`: all checks and tests, as CI runs them.

mod app;
pub(crate) mod cargo;
mod charts;
pub(crate) mod checks;
mod control_plane;
mod deny;
mod targets;
mod terraform;

use std::path::PathBuf;

use clap::ValueEnum;
use tokio::process::Command;
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
/// The module of all tests in real Pods.
const PODS: &str = "pods::";
/// The module of the tests of images for ARM.
const ARM: &str = "arm64::";

/// A part of the tests.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Formatting, lints, dependencies
    Checks,
    /// The app: its types, its style, its tests
    App,
    /// The charts and the configuration repository, without a cluster: schemas, objects, policies
    Charts,
    /// The Terraform modules and environments, without an account
    Terraform,
    /// The Rust code without a cluster
    Rust,
    /// Tests on real API servers
    EndToEnd,
    /// The programs and images that ship, and tests in real Pods
    Pods,
}

/// The programs and tests of the workspace, built.
struct Built {
    programs: Programs,
    python: PathBuf,
    targets: Targets,
}

/// The build of the programs that ship, and perhaps of those for ARM.
struct ImagePrograms {
    build: JoinHandle<anyhow::Result<()>>,
    for_arm: bool,
}

/// Runs all parts or one, the cheap ones first, and stops at the first failure. Without `all`, it leaves out
/// what takes minutes to build, and prints that.
pub(crate) async fn run(part: Option<Part>, filter: Option<&str>, all: bool) -> anyhow::Result<()> {
    let wants = |one: Part| part.is_none_or(|part| part == one);
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    steps.step("find the toolchains", checks::toolchains(output)).await?;
    let shipped = wants(Part::Pods).then(|| ImagePrograms::start(all, output));
    if wants(Part::Checks) {
        checks::run(&mut steps, all).await?;
    }
    // A build of all tests runs clippy too.
    if part == Some(Part::Checks) {
        steps.step("run clippy", lint::clippy()).await?;
    }
    if wants(Part::App) {
        app::run(&mut steps).await?;
    }
    if wants(Part::Terraform) {
        terraform::run(&mut steps, filter, all).await?;
    }
    let needs_build = |part| !matches!(part, Part::Checks | Part::App | Part::Terraform);
    if part.is_none_or(needs_build) {
        let needs_control_plane = wants(Part::EndToEnd) || wants(Part::Pods);
        let built = build_all(&mut steps, needs_control_plane).await?;
        if wants(Part::Charts) {
            charts::run(&mut steps, &built.targets, filter).await?;
        }
        if wants(Part::Rust) {
            rust(&mut steps, &built, filter).await?;
        }
        if wants(Part::EndToEnd) {
            end_to_end(&mut steps, &built, filter, all).await?;
        }
        if let Some(shipped) = shipped {
            let what = "build the programs that ship, in the background until now";
            steps.step(what, async { shipped.build.await? }).await?;
            pods(&mut steps, &built, filter, shipped.for_arm).await?;
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

impl ImagePrograms {
    /// Starts the build. It takes the longest, so it runs with low priority while other steps wait.
    fn start(all: bool, output: Output) -> ImagePrograms {
        let for_arm = all || images::programs_for_arm_exist();
        let build = tokio::spawn(images::build_programs_in_background(for_arm, output));
        ImagePrograms { build, for_arm }
    }
}

async fn end_to_end(
    steps: &mut Steps,
    built: &Built,
    filter: Option<&str>,
    all: bool,
) -> anyhow::Result<()> {
    if all {
        // After the build, because `go vet` then finds the packages in Go's cache.
        control_plane::check(steps).await?;
    } else {
        steps.leave_out("go vet, which reads all of Kubernetes' packages first; --all runs it");
    }
    let arguments = [END_TO_END_THREADS, "--skip", PODS];
    let mut tests = built.test(&built.targets.end_to_end, filter, &arguments);
    tools_of_end_to_end_tests(steps, &mut tests).await?;
    terraform::name_to(&mut tests, steps).await?;
    let flux = tools::kustomize_controller(all, steps.output());
    match steps.step("find Flux's kustomize-controller", flux).await? {
        Some(program) => drop(tests.env("MTK_KUSTOMIZE_CONTROLLER", program)),
        None => steps.leave_out("the test with Flux, which takes minutes to build; --all runs it"),
    }
    steps.step("run end-to-end tests on real API servers", command::run(&mut tests)).await
}

/// Tests the programs that ship and their images, which are built.
async fn pods(
    steps: &mut Steps,
    built: &Built,
    filter: Option<&str>,
    for_arm: bool,
) -> anyhow::Result<()> {
    if filter.is_none() {
        let without_arm: &[&str] = if for_arm { &[] } else { &["--skip", ARM] };
        if !for_arm {
            steps.leave_out("programs for ARM, which take minutes to build; --all tests them");
        }
        let mut images = built.test(&built.targets.images, None, without_arm);
        steps.step("run tests of the images that ship", command::run(&mut images)).await?;
    }
    let output = steps.output();
    let missing = steps.step("check the requirements of a node", node::missing(output)).await?;
    if !missing.is_empty() {
        let missing = node::described(&missing);
        steps.leave_out(&format!("tests in real Pods; missing: {missing}"));
        return Ok(());
    }
    let images = NodeImages::shipped(steps).await?;
    if filter.is_none() {
        let mut node = built.test(&built.targets.node, None, &[]);
        node.env("MTK_REQUIRE_NODE", "1");
        steps.step("run tests of the node", command::run(&mut node)).await?;
    }
    let filter = format!("{PODS}{}", filter.unwrap_or_default());
    let mut tests = built.test(&built.targets.end_to_end, Some(&filter), &[END_TO_END_THREADS]);
    tools_of_end_to_end_tests(steps, &mut tests).await?;
    terraform::name_to(&mut tests, steps).await?;
    let shipped = images::shipped_programs();
    tests
        .env("MTK_REQUIRE_NODE", "1")
        .env("MTK_CONTROLLER_IMAGE", images.controller)
        .env("MTK_APP_IMAGE", images.app)
        .env("MTK_CONTROLLER_BIN", shipped.controller)
        .env("MTK_SEAL_BIN", shipped.seal);
    steps.step("run tests in real Pods", command::run(&mut tests)).await
}

async fn tools_of_end_to_end_tests(steps: &mut Steps, tests: &mut Command) -> anyhow::Result<()> {
    let output = steps.output();
    let helms = steps.step("build Helm 3 and 4", tools::helms(output)).await?;
    helms.name_to(tests);
    let moto = steps.step("install moto, an AWS emulator", tools::moto(output)).await?;
    tests.env("MTK_MOTO", moto);
    Ok(())
}

impl Built {
    /// Runs these test programs, or those of their tests whose names contain the filter.
    fn test(&self, targets: &[String], filter: Option<&str>, arguments: &[&str]) -> Command {
        let arguments = filter.iter().chain(arguments).copied().collect::<Vec<_>>();
        let mut cargo = cargo::test(targets, &arguments);
        cargo
            .env("MTK_PYTHON", &self.python)
            .env("MTK_SEAL_BIN", &self.programs.seal)
            .env("MTK_CONTROLLER_BIN", &self.programs.controller);
        cargo
    }
}
