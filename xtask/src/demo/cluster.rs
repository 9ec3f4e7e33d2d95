//! A control plane with the controller as a process on this machine.

use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cluster;
use e2e::controller::Controller;
use e2e::controlplane::{Access, ControlPlane, StartOptions};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::runner::Steps;

/// Dropping it ends all processes and removes all files.
#[derive(Debug)]
pub(super) struct DemoCluster {
    // Fields are dropped in this order: the directory is removed after the processes that write
    // there.
    controller: Option<Controller>,
    plane: ControlPlane,
    directory: TempDir,
    program: PathBuf,
    starts: usize,
}

impl DemoCluster {
    /// Starts the control plane, installs the controller's CRDs and permissions, and starts the
    /// controller.
    pub(super) async fn start(steps: &mut Steps, program: PathBuf) -> anyhow::Result<DemoCluster> {
        let directory = tempfile::Builder::new()
            .prefix("mtk-xtask-")
            .tempdir()
            .context("a temporary directory")?;
        let start = || ControlPlane::start(&StartOptions::default());
        let plane = steps
            .step("start a Kubernetes control plane on loopback", async {
                spawn_blocking(start).await?
            })
            .await?;
        let mut cluster = DemoCluster { controller: None, plane, directory, program, starts: 0 };
        let (access, identity) = (cluster.access().clone(), cluster.identity());
        let install = spawn_blocking(move || cluster::install_with_identity(&access, &identity));
        let what = "install the CRDs, and the controller's ServiceAccount with its rights";
        steps.step(what, async { install.await? }).await?;
        let what = "start mtk-controller as that ServiceAccount: it creates a sealing key";
        steps.step(what, cluster.start_controller()).await?;
        Ok(cluster)
    }

    /// Access to the control plane.
    pub(super) fn access(&self) -> &Access {
        self.plane.access()
    }

    /// A directory for files.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The controller, if it runs.
    pub(super) fn controller(&self) -> anyhow::Result<&Controller> {
        self.controller.as_ref().context("the controller does not run")
    }

    /// Starts the controller with a new log.
    pub(super) async fn start_controller(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let log = self.directory().join(format!("controller-{}.log", self.starts));
        let (program, identity) = (self.program.clone(), self.identity());
        let start = move || {
            Controller::spawn_program(&program, &identity, &log, "127.0.0.1:0", &[], &[])?.ready()
        };
        self.controller = Some(spawn_blocking(start).await??);
        Ok(())
    }

    /// Takes the controller, to end it.
    pub(super) fn take_controller(&mut self) -> anyhow::Result<Controller> {
        self.controller.take().context("the controller does not run")
    }

    fn identity(&self) -> PathBuf {
        self.directory().join("controller.kubeconfig")
    }
}
