//! The real `helm`, on a cluster of this test run.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::controlplane::Access;
use crate::programs;

/// How long Helm waits until a release is ready, on a busy machine.
const TIMEOUT: &str = "--timeout=3m";

/// Helm, as the admin of a cluster.
#[derive(Clone, Debug)]
pub struct Helm {
    binary: PathBuf,
    access: Access,
}

/// A release: its name and namespace.
#[derive(Clone, Copy, Debug)]
pub struct Release<'r> {
    /// The name.
    pub name: &'r str,
    /// The namespace, which Helm creates if it does not exist.
    pub namespace: &'r str,
}

impl Helm {
    /// This version of Helm on this cluster.
    pub fn new(binary: &Path, access: &Access) -> Helm {
        Helm { binary: binary.to_owned(), access: access.clone() }
    }

    /// Installs the chart or upgrades the release, and waits until it is ready. The path of the
    /// chart starts at the root of the repository. An error contains the Events of the namespace.
    pub fn upgrade(&self, release: Release<'_>, chart: &str, values: &Value) -> anyhow::Result<()> {
        self.upgrade_with(release, chart, values, &[])
    }

    /// Upgrades like [`Helm::upgrade`], with more flags.
    pub fn upgrade_with(
        &self,
        release: Release<'_>,
        chart: &str,
        values: &Value,
        flags: &[&str],
    ) -> anyhow::Result<()> {
        let chart = programs::repository(chart);
        let mut helm = self.of_release("upgrade", release);
        helm.arg(chart).args(["--install", "--create-namespace", "--wait", TIMEOUT, "--values=-"]);
        helm.args(flags);
        output(&mut helm, Some(values))
            .map_err(|error| error.context(self.events(release.namespace)))
            .map(drop)
    }

    /// The events and Pods of a namespace, which explain for example why a Pod does not start.
    fn events(&self, namespace: &str) -> String {
        let mut kubectl = self.access.kubectl();
        let events = kubectl
            .args(["get", "events", "--sort-by=.metadata.creationTimestamp"])
            .args(["--namespace", namespace])
            .output();
        events.map_or_else(
            |error| format!("no events: {error}"),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// Rolls back to an earlier revision and waits.
    pub fn rollback(&self, release: Release<'_>, revision: u32) -> anyhow::Result<()> {
        let mut helm = self.of_release("rollback", release);
        output(helm.arg(revision.to_string()).args(["--wait", TIMEOUT]), None).map(drop)
    }

    /// Removes the release and waits.
    pub fn uninstall(&self, release: Release<'_>) -> anyhow::Result<()> {
        output(self.of_release("uninstall", release).args(["--wait", TIMEOUT]), None).map(drop)
    }

    /// Runs the release's own tests.
    pub fn test(&self, release: Release<'_>) -> anyhow::Result<String> {
        output(self.of_release("test", release).arg(TIMEOUT), None)
    }

    /// The notes of the release.
    pub fn notes(&self, release: Release<'_>) -> anyhow::Result<String> {
        let mut helm = self.command(["get", "notes"]);
        output(helm.args([release.name, "--namespace", release.namespace]), None)
    }

    fn of_release(&self, verb: &str, release: Release<'_>) -> Command {
        let mut helm = self.command([verb]);
        helm.args([release.name, "--namespace", release.namespace]);
        helm
    }

    /// Helm without this user's settings.
    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let kubeconfig = self.access.kubeconfig();
        let home = kubeconfig.with_file_name("helm");
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("KUBECONFIG", kubeconfig).env("HELM_NAMESPACE", "");
        for kind in ["CACHE", "CONFIG", "DATA"] {
            command.env(format!("HELM_{kind}_HOME"), home.join(kind.to_lowercase()));
        }
        command
    }
}

fn output(command: &mut Command, input: Option<&Value>) -> anyhow::Result<String> {
    let shown = format!("{command:?}");
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {shown}"))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).context("the output of helm is not text")
}
