//! A node with the controller and the app in real Pods: its images, its programs, Helm.

mod app;
mod aws;
mod images;

use e2e::controlplane::StartOptions;
use e2e::controlplane::node::{self, Missing};
use tokio::task::spawn_blocking;

pub(crate) use self::app::NodeSession;
pub(crate) use self::aws::{Announcing, AwsOverTls};
pub(crate) use self::images::NodeImages;

use crate::runner::Output;

/// Requirements of a node that this machine does not meet, after packages were installed.
pub(crate) async fn missing(output: Output) -> anyhow::Result<Vec<Missing>> {
    spawn_blocking(move || {
        let missing = node::missing();
        let packages_suffice = missing.iter().all(|one| matches!(one, Missing::Program { .. }));
        if missing.is_empty() || !packages_suffice {
            return Ok(missing);
        }
        node::install_packages(|step| output.indented(step))?;
        Ok(node::missing())
    })
    .await?
}

/// The missing requirements in one line.
pub(crate) fn described(missing: &[Missing]) -> String {
    let words: Vec<_> = missing.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// Options of a control plane with a node.
pub(crate) fn options() -> StartOptions {
    StartOptions { node: true, ..StartOptions::default() }
}
