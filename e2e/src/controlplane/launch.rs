//! The start of the Go program's `up`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::node::{self, Node};

/// Options of a start.
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The address that the API server binds and advertises; loopback by default. Pods reach it
    /// only at an address of an interface.
    pub advertise_address: Option<IpAddr>,
    /// A directory with the programs `etcd` and `kube-apiserver` to use instead of the built ones.
    /// The default is `$KUBEBUILDER_ASSETS`, as in the tests of other Kubernetes projects.
    pub assets: Option<PathBuf>,
    /// Admission plug-ins of the API server to turn on in addition to its defaults.
    pub admission_plugins: &'static [&'static str],
    /// Whether to record every request: see [`ControlPlane::requests`](super::ControlPlane::requests).
    pub audit: bool,
    /// Whether etcd syncs every write to disk. Only a test that kills etcd needs that.
    pub durable: bool,
    /// Whether to start a node that runs Pods. It needs root: see [`node`].
    pub node: bool,
}

impl Default for StartOptions {
    fn default() -> Self {
        StartOptions {
            advertise_address: None,
            assets: std::env::var_os("KUBEBUILDER_ASSETS")
                .filter(|directory| !directory.is_empty())
                .map(PathBuf::from),
            admission_plugins: &[],
            audit: false,
            durable: false,
            node: false,
        }
    }
}

/// The line of JSON that `up` prints when it is ready.
#[derive(Debug, Deserialize)]
pub(super) struct Running {
    pub(super) kubeconfig: PathBuf,
    pub(super) server: String,
    pub(super) audit_log: Option<PathBuf>,
    pub(super) ready_ms: u64,
    pub(super) pids: BTreeMap<String, u32>,
    pub(super) node: Option<Node>,
}

impl Running {
    /// Reads the line that the control plane in this directory printed.
    pub(super) fn read(directory: &Path) -> anyhow::Result<Running> {
        let path = directory.join("summary.json");
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))
    }
}

/// Starts `up` in the directory and waits until it is ready.
///
/// All three streams of the child are pipes. The caller must hold the input: with `--lifeline`, the
/// child ends with it.
pub(super) fn launch(
    binary: &Path,
    directory: &Path,
    options: &StartOptions,
    flags: &[&str],
) -> anyhow::Result<(Child, Running)> {
    let mut child = command(binary, directory, options, flags)?
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output)
            .read_line(&mut line)
            .context("reading the control plane's output")?;
    }
    if line.is_empty() {
        let mut reason = String::new();
        if let Some(mut errors) = child.stderr.take() {
            errors.read_to_string(&mut reason).context("reading the control plane's errors")?;
        }
        let status = child.wait().context("waiting for the control plane")?;
        bail!("the control plane did not start ({status})\n{}", reason.trim_end());
    }
    let running = serde_json::from_str(&line)
        .with_context(|| format!("unexpected output of the control plane: {}", line.trim_end()))?;
    Ok((child, running))
}

fn command(
    binary: &Path,
    directory: &Path,
    options: &StartOptions,
    flags: &[&str],
) -> anyhow::Result<Command> {
    let mut command = Command::new(binary);
    command.arg("up").arg("--dir").arg(directory).args(flags);
    if let Some(assets) = &options.assets {
        for name in ["etcd", "kube-apiserver"] {
            let program = std::path::absolute(assets.join(name))?;
            if !program.is_file() {
                bail!(
                    "no {name} in KUBEBUILDER_ASSETS ({})\n\
                     hint: unset the variable to use the built-in one",
                    assets.display(),
                );
            }
            command.arg(format!("--{name}")).arg(program);
        }
    }
    if let Some(address) = options.advertise_address {
        command.arg("--advertise-address").arg(address.to_string());
    }
    if !options.admission_plugins.is_empty() {
        command.arg("--enable-admission-plugins").arg(options.admission_plugins.join(","));
    }
    if options.audit {
        command.arg("--audit");
    }
    if options.durable {
        command.arg("--durable");
    }
    if options.node {
        command.arg("--node").arg("--programs").arg(node::programs(|_| {})?);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}
