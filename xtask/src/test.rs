//! `cargo xtask test`: every check and test, as CI does.

mod deny;
mod targets;

use std::path::Path;

use anyhow::ensure;

use self::targets::Targets;
use crate::command::{self, program};
use crate::steps::{Output, Steps};
use crate::{build, places, tools};

/// Two at a time: each test on a real API server may start one of its own, at 600 MB.
const END_TO_END_THREADS: &str = "--test-threads=2";

/// Runs all, the cheap ones first. The first failure ends it.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    steps.step("the toolchains", toolchains(output)).await?;
    steps.step("formatting", formatting()).await?;
    steps.step("clippy, warnings denied", clippy()).await?;
    steps.step("dependencies: cargo deny", deny::check(output)).await?;
    let python =
        steps.step("a Python for independent implementations", tools::python(output)).await?;
    // Before the tests and go vet, which take what it leaves in Go's cache.
    let control_plane = build::control_plane(output);
    steps.step("building the control plane", control_plane).await?;
    steps.step("the control plane's Go files: gofmt, go vet", go()).await?;
    let programs = steps.step("building all programs and tests", build::everything()).await?;

    let targets = Targets::read().await?;
    let test = |targets: &[String], arguments: &[&str]| {
        let mut cargo = build::cargo("test");
        cargo
            // The whole workspace each time: with another choice of packages, shared crates would
            // have other features and be built again.
            .args(["--workspace", "--quiet"])
            .args(targets)
            .arg("--")
            .args(arguments)
            .env("MTK_PYTHON", &python)
            .env("MTK_SEAL_BIN", &programs.seal)
            .env("MTK_CONTROLLER_BIN", &programs.controller);
        cargo
    };
    let units = ["--lib".to_owned(), "--bins".to_owned()];
    steps.step("unit tests", command::run(&mut test(&units, &[]))).await?;
    let mut others = test(&targets.others, &[]);
    let what = "tests of whole programs, of vectors, and against fake API servers";
    steps.step(what, command::run(&mut others)).await?;
    let mut end_to_end = test(&targets.end_to_end, &[END_TO_END_THREADS]);
    let what = "end-to-end tests on real API servers";
    steps.step(what, command::run(&mut end_to_end)).await?;
    steps.summary();
    Ok(())
}

/// What cannot be installed from here.
async fn toolchains(output: Output) -> anyhow::Result<()> {
    let go = "install Go 1.26 or newer; the control plane is built with it";
    let python = "install Python 3.9 or newer with its module venv (on Debian: python3-venv)";
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

async fn go() -> anyhow::Result<()> {
    let directory = places::root().join("e2e/controlplane");
    let in_go = |name: &Path| {
        let mut program = program(name);
        // As the control plane is built, so that nothing is compiled again for go vet.
        program.current_dir(&directory).env("GOWORK", "off").env("CGO_ENABLED", "0");
        program
    };
    let root = command::output(in_go(Path::new("go")).args(["env", "GOROOT"])).await?;
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let unformatted = command::output(in_go(&gofmt).args(["-l", "."])).await?;
    ensure!(unformatted.is_empty(), "not formatted:\n{unformatted}hint: gofmt -w e2e/controlplane");
    command::run(in_go(Path::new("go")).args(["vet", "-trimpath", "."])).await
}
