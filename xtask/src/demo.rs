//! `cargo xtask demo`: from a file of secrets to the Secret in the cluster, on a real API server; then
//! to the app in a real Pod, where that can run.

mod story;

use anyhow::Context;
use e2e::aws::Aws;
use e2e::controlplane::ControlPlane;

use crate::build::{self, Programs};
use crate::pods::{self, Pods};
use crate::shell::Shell;
use crate::stage::Stage;
use crate::steps::{Output, Steps};
use crate::tools;

/// Shows it all, and leaves nothing behind.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let programs = steps.step("building mtk-seal and mtk-controller", build::programs()).await?;
    let control_plane = build::control_plane(steps.output());
    steps.step("building the control plane", control_plane).await?;
    secrets(&mut steps, &programs).await?;
    let missing = pods::missing(steps.output()).await?;
    if missing.is_empty() {
        app(&mut steps, &programs).await?;
    } else {
        let missing = pods::described(&missing);
        steps.output().line(format_args!("==> no real Pods here: they need {missing}"));
    }
    steps.summary();
    Ok(())
}

/// The first act: the controller is a process of this machine.
async fn secrets(steps: &mut Steps, programs: &Programs) -> anyhow::Result<()> {
    let mut stage = Stage::start(steps, programs.controller.clone()).await?;
    let seal = [("mtk-seal", programs.seal.as_path())];
    let shell = Shell::new(stage.directory(), stage.access(), &seal, steps.output())?;
    story::tell(steps, &mut stage, &shell).await
}

/// The second act: it runs in a Pod, and so does the app, whose values are sealed, and then in AWS.
async fn app(steps: &mut Steps, programs: &Programs) -> anyhow::Result<()> {
    let parts = pods::parts(steps).await?;
    let moto = steps.step("moto, a local AWS", tools::moto(steps.output())).await?;
    let home = tempfile::Builder::new().prefix("mtk-demo-").tempdir()?;
    let start = || ControlPlane::start(&pods::options());
    let plane = steps
        .step("starting a Kubernetes node, in namespaces of its own", async {
            tokio::task::spawn_blocking(start).await?
        })
        .await?;
    let node = plane.access().node().context("it was asked for")?;
    let host = node.host_address();
    let aws = steps
        .step("starting AWS where Pods reach it", async {
            tokio::task::spawn_blocking(move || Aws::start_at(&moto, host)).await?
        })
        .await?;
    let at = Some(aws.address());
    let pods = Pods::new(home.path(), plane.access(), &programs.seal, &parts, at, steps.output())?;
    pods.deploy(steps).await?;
    pods.change(steps).await?;
    pods.on_aws(steps, &aws).await
}
