//! A Kubernetes control plane on this machine: etcd, kube-apiserver and kube-controller-manager on
//! loopback, without a container or a download of binaries. If the user is root, it can have a node
//! that runs Pods.
//!
//! - [`binary()`] builds the Go program in `e2e/controlplane`, once;
//! - [`ControlPlane`] runs it until the value is dropped;
//! - [`Detached`] runs it until it is stopped;
//! - [`Access`] gives access to both: kubeconfig, `kubectl`, identities;
//! - [`Module`] builds any Go program of this repository;
//! - [`node`] is the node: its requirements on this machine, its addresses, its images;
//! - [`Request`] is a request in the API server's audit log.

mod access;
mod audit;
mod binary;
mod detached;
mod launch;
mod module;
pub mod node;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;

pub use self::access::Access;
pub use self::audit::Request;
pub use self::binary::{binary, health, kustomize_controller, kustomize_controller_is_built};
pub use self::detached::Detached;
pub use self::launch::StartOptions;
pub use self::module::{COMPILER_FLAGS, Module};

use self::launch::{Running, launch};

/// A control plane for one test. Dropping it ends every process and removes every file. So does the
/// end of the process that holds it, even by a signal.
#[derive(Debug)]
pub struct ControlPlane {
    access: Access,
    child: Child,
    running: Running,
    // Last, because the directory is removed after the processes have ended.
    directory: TempDir,
}

impl ControlPlane {
    /// Starts a control plane and waits until it is ready. That takes seconds, or minutes if the Go
    /// program is not built yet.
    ///
    /// The error contains the end of the failing component's log.
    pub fn start(options: &StartOptions) -> anyhow::Result<ControlPlane> {
        let binary = binary(|_| {})?;
        let directory = tempfile::Builder::new()
            .prefix("mtk-controlplane-")
            .tempdir()
            .context("a directory for the control plane")?;
        let (child, running) = launch(&binary, directory.path(), options, &["--lifeline", "--rm"])?;
        let access = Access::new(binary, &running);
        Ok(ControlPlane { access, child, running, directory })
    }

    /// Access to it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The admin's kubeconfig, certificates embedded.
    pub fn kubeconfig(&self) -> &Path {
        self.access.kubeconfig()
    }

    /// `kubectl` of the same version as the API server, as the admin.
    pub fn kubectl(&self) -> Command {
        self.access.kubectl()
    }

    /// Every finished request and every started watch since the start, in the order of the audit
    /// log.
    ///
    /// Needs [`StartOptions::audit`].
    pub fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let log = self
            .running
            .audit_log
            .as_deref()
            .context("the control plane was started without an audit log")?;
        audit::read(log)
    }

    /// The directory of its keys, data and logs (`NAME.log`) while it runs.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The id of the parent process of all components.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process id of each component, by name.
    pub fn component_pids(&self) -> &BTreeMap<String, u32> {
        &self.running.pids
    }

    /// The time from the start of the first process to readiness.
    pub fn ready_in(&self) -> Duration {
        Duration::from_millis(self.running.ready_ms)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // It ends when its standard input ends.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // The kernel then kills the components too.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
