//! What runs in real Pods: the images, the node's programs, Helm; and how it gets there.

mod aws;
mod story;

use std::path::PathBuf;

use e2e::controlplane::StartOptions;
use e2e::controlplane::node::{self, Missing};
use tokio::task::spawn_blocking;

pub(crate) use self::story::Pods;

use crate::images::{self, Arch, Build, Image};
use crate::steps::{Output, Steps};
use crate::tools;

/// Everything that a node with the controller and the app is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The controller's image, as an archive.
    pub(crate) controller: PathBuf,
    /// The app's.
    pub(crate) app: PathBuf,
    /// Helm 4.
    pub(crate) helm: PathBuf,
}

/// What keeps Pods from running here, though packages were installed; nothing if it is empty.
pub(crate) async fn missing(output: Output) -> anyhow::Result<Vec<Missing>> {
    spawn_blocking(move || {
        let missing = node::missing();
        let packages_do = missing.iter().all(|one| matches!(one, Missing::Program { .. }));
        if missing.is_empty() || !packages_do {
            return Ok(missing);
        }
        node::install_packages(|step| output.indented(step))?;
        Ok(node::missing())
    })
    .await?
}

/// Says what is missing, in one line.
pub(crate) fn described(missing: &[Missing]) -> String {
    let words: Vec<_> = missing.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// Makes them; what is made already is kept.
pub(crate) async fn parts(steps: &mut Steps) -> anyhow::Result<Parts> {
    let output = steps.output();
    let programs = async { spawn_blocking(move || node::programs(|s| output.indented(s))).await? };
    steps.step("the programs of a node: containerd, runc's shim", programs).await?;
    let shipped = Build::default();
    let image = |image| images::archive(image, Arch::host(), &shipped, output);
    let controller = steps.step("the controller's image", image(Image::Controller)).await?;
    let app = steps.step("the app's image", image(Image::App)).await?;
    let helm = steps.step("Helm 4", tools::helm4(output)).await?;
    Ok(Parts { controller: controller.path, app: app.path, helm })
}

/// A control plane with a node.
pub(crate) fn options() -> StartOptions {
    StartOptions { node: true, ..StartOptions::default() }
}
