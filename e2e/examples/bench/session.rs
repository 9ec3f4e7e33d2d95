//! A control plane with a controller that can be restarted.

use std::path::Path;

use anyhow::{Context, ensure};
use e2e::cluster::Cluster;
use e2e::controller::Controller;
use e2e::controlplane::StartOptions;

use super::objects::NAMESPACE;
use super::process::Usage;

/// Dropping it ends all processes.
pub(super) struct Session {
    controller: Option<Controller>,
    cluster: Cluster,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Session {
    /// Starts a control plane, without an audit log, which would cost time. The controller will have
    /// these variables in its environment.
    pub(super) fn start(environment: Vec<(String, String)>) -> anyhow::Result<Session> {
        Session::start_with(environment, vec![])
    }

    /// Like [`Session::start`], with these flags of the controller.
    pub(super) fn start_with(
        environment: Vec<(String, String)>,
        flags: Vec<String>,
    ) -> anyhow::Result<Session> {
        let cluster = Cluster::start_with(&StartOptions::default())?;
        Ok(Session { controller: None, cluster, environment, flags })
    }

    /// Starts the controller and waits until it is ready.
    pub(super) fn start_controller(&mut self) -> anyhow::Result<()> {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        self.controller = Some(self.cluster.controller_in(&self.environment, &flags)?);
        Ok(())
    }

    /// Ends the controller, and starts it with these flags from now on.
    pub(super) fn restart_with(&mut self, flags: &[&str]) -> anyhow::Result<()> {
        if let Some(controller) = self.controller.take() {
            controller.end()?;
        }
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.start_controller()
    }

    /// The controller, if it runs.
    pub(super) fn controller(&self) -> anyhow::Result<&Controller> {
        self.controller.as_ref().context("the controller does not run")
    }

    /// Takes the controller, to end it.
    pub(super) fn take_controller(&mut self) -> anyhow::Result<Controller> {
        self.controller.take().context("the controller does not run")
    }

    /// Processor seconds that the API server and etcd have used.
    pub(super) fn plane_cpu_seconds(&self) -> anyhow::Result<f64> {
        let components = self.cluster.plane().component_pids().values();
        components.map(|pid| Ok(Usage::of(*pid)?.cpu_seconds)).sum()
    }

    /// The kubeconfig of the admin.
    pub(super) fn kubeconfig(&self) -> &Path {
        self.cluster.plane().kubeconfig()
    }

    /// Creates the namespace of the benchmark.
    pub(super) fn create_namespace(&self) -> anyhow::Result<()> {
        let mut kubectl = self.cluster.plane().kubectl();
        let status = kubectl.args(["create", "namespace", NAMESPACE, "--output=name"]).status()?;
        ensure!(status.success(), "creating the namespace: {status}");
        Ok(())
    }
}
