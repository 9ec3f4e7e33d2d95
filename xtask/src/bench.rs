//! `cargo xtask bench`: benchmarks. They print measurements and never fail because of a number.
//!
//! `sync` and `aws` are the example `bench` of the crate `e2e`, which needs clients of Kubernetes and
//! AWS.

pub(crate) mod templates;

use crate::runner::{Output, Steps};
use crate::{build, command, tools};

/// Runs the benchmark with these arguments, on the controller as it is released.
pub(crate) async fn run(name: &str, arguments: &[String]) -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let output = steps.output();
    let controller = build::released_controller();
    let controller = steps.step("build mtk-controller in the release profile", controller).await?;
    steps.step("build the control plane", build::control_plane(output)).await?;
    let moto = steps.step("install moto, an AWS emulator", tools::moto(output)).await?;
    let bench = build::released_example("e2e", "bench");
    let bench = steps.step("build the benchmark", bench).await?;
    let mut bench = command::program(bench);
    bench.arg(name).args(arguments).env("MTK_CONTROLLER_BIN", controller).env("MTK_MOTO", moto);
    command::run(&mut bench).await
}
