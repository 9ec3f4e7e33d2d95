//! A control plane with the controller, for as long as the value lives.

use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cluster::{self, NAMESPACE, SERVICE_ACCOUNT};
use e2e::controller::Controller;
use e2e::controlplane::{Access, ControlPlane, StartOptions};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::steps::Steps;

/// What `demo` and `bench` play on. Dropping it ends all and removes all.
#[derive(Debug)]
pub(crate) struct Stage {
    // Fields are dropped in this order: nothing writes any more when the directory goes.
    controller: Option<Controller>,
    plane: ControlPlane,
    directory: TempDir,
    program: PathBuf,
    environment: Vec<(String, String)>,
    starts: usize,
}

impl Stage {
    /// Starts the control plane, installs what the controller needs, and starts it.
    pub(crate) async fn start(steps: &mut Steps, program: PathBuf) -> anyhow::Result<Stage> {
        Stage::start_with(steps, program, Vec::new()).await
    }

    /// The same, with these further variables in the controller's environment.
    pub(crate) async fn start_with(
        steps: &mut Steps,
        program: PathBuf,
        environment: Vec<(String, String)>,
    ) -> anyhow::Result<Stage> {
        let directory = tempfile::Builder::new()
            .prefix("mtk-xtask-")
            .tempdir()
            .context("a temporary directory")?;
        let start = || ControlPlane::start(&StartOptions::default());
        let plane = steps
            .step("starting a Kubernetes control plane on loopback", async {
                spawn_blocking(start).await?
            })
            .await?;
        let mut stage =
            Stage { controller: None, plane, directory, program, environment, starts: 0 };
        let (access, identity) = (stage.access().clone(), stage.identity());
        let what = "installing the CRD, and the controller's ServiceAccount with its rights";
        steps.step(what, prepare(access, identity)).await?;
        let what = "starting mtk-controller as that ServiceAccount: it makes a sealing key";
        steps.step(what, stage.start_controller()).await?;
        Ok(stage)
    }

    /// How to use the control plane.
    pub(crate) fn access(&self) -> &Access {
        self.plane.access()
    }

    /// A place for files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The controller, if it runs.
    pub(crate) fn controller(&self) -> anyhow::Result<&Controller> {
        let controller = self.controller.as_ref();
        controller.context("the controller does not run")
    }

    /// Starts the controller, each time with a log of its own.
    pub(crate) async fn start_controller(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let log = format!("controller-{}.log", self.starts);
        let log = self.directory().join(log);
        let (program, identity) = (self.program.clone(), self.identity());
        let environment = self.environment.clone();
        let start = move || {
            let listen = "127.0.0.1:0";
            Controller::spawn_program(&program, &identity, &log, listen, &[], &environment)?.ready()
        };
        self.controller = Some(spawn_blocking(start).await??);
        Ok(())
    }

    /// Takes the controller, to end it in one way or another.
    pub(crate) fn take_controller(&mut self) -> anyhow::Result<Controller> {
        let controller = self.controller.take();
        controller.context("the controller does not run")
    }

    fn identity(&self) -> PathBuf {
        self.directory().join("controller.kubeconfig")
    }
}

/// Installs what the controller needs, and writes the kubeconfig of its ServiceAccount.
pub(crate) async fn prepare(access: Access, identity: PathBuf) -> anyhow::Result<()> {
    let prepare = move || {
        cluster::install(&access)?;
        access.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT, &identity)
    };
    spawn_blocking(prepare).await?
}
