//! The images and programs that a node needs.

use std::path::{Path, PathBuf};

use e2e::controlplane::node;
use tokio::task::spawn_blocking;

use crate::images::{self, Arch, Build, Image};
use crate::runner::Steps;
use crate::tools;

/// The files that a node with the controller and the app needs.
#[derive(Clone, Debug)]
pub(crate) struct NodeImages {
    /// The controller's image, as an archive.
    pub(crate) controller: PathBuf,
    /// The app's image, as an archive.
    pub(crate) app: PathBuf,
    /// Helm 4.
    pub(crate) helm: PathBuf,
}

impl NodeImages {
    /// Builds the controller's image that ships.
    pub(crate) async fn shipped(steps: &mut Steps) -> anyhow::Result<NodeImages> {
        let output = steps.output();
        let build = Build::default();
        let image = Box::pin(images::archive(Image::Controller, Arch::host(), &build, output));
        let controller = steps.step("build the controller's image", image).await?.path;
        NodeImages::with_controller(steps, controller).await
    }

    /// Builds an image with this program, which takes seconds.
    pub(crate) async fn for_demo(steps: &mut Steps, program: &Path) -> anyhow::Result<NodeImages> {
        let image = Box::pin(images::controller_image(program, steps.output()));
        let controller = steps.step("put the controller into an image", image).await?.path;
        NodeImages::with_controller(steps, controller).await
    }

    async fn with_controller(steps: &mut Steps, controller: PathBuf) -> anyhow::Result<NodeImages> {
        let output = steps.output();
        let shipped = Build::default();
        let app = Box::pin(async {
            let app = images::archive(Image::App, Arch::host(), &shipped, output).await?;
            Ok(app.path)
        });
        // The app's image mostly waits for the network; the others need the processor.
        let go = async {
            spawn_blocking(move || node::programs(|step| output.indented(step))).await??;
            tools::helm4(output).await
        };
        let what = "build the app's image, containerd and Helm 4";
        let (app, helm) = steps.step(what, async { tokio::try_join!(app, go) }).await?;
        Ok(NodeImages { controller, app, helm })
    }
}
