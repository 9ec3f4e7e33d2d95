//! `cargo xtask demo`: from a file of secrets to the Secret in the cluster, on a real API server.

mod shell;
mod story;
mod values;

use crate::build;
use crate::stage::Stage;
use crate::steps::{Output, Steps};

/// Shows it all, and leaves nothing behind.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let programs = steps.step("building mtk-seal and mtk-controller", build::programs()).await?;
    let control_plane = build::control_plane(steps.output());
    let kubectl = steps.step("building the control plane", control_plane).await?;
    let mut stage = Stage::start(&mut steps, programs.controller).await?;
    let shell = shell::Shell::new(&stage, &programs.seal, &kubectl, steps.output())?;
    story::tell(&mut steps, &mut stage, &shell).await?;
    steps.summary();
    Ok(())
}
