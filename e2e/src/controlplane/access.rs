//! Access to a running control plane.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::launch::Running;
use super::node::Node;

/// The address of a control plane, and the admin's credentials.
#[derive(Clone, Debug)]
pub struct Access {
    binary: PathBuf,
    kubeconfig: PathBuf,
    server: String,
    node: Option<Node>,
}

impl Access {
    pub(super) fn new(binary: PathBuf, running: &Running) -> Access {
        Access {
            binary,
            kubeconfig: running.kubeconfig.clone(),
            server: running.server.clone(),
            node: running.node.clone(),
        }
    }

    /// The admin's kubeconfig, certificates embedded.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's URL.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The node that runs Pods, if it was started with one: see
    /// [`StartOptions::node`](super::StartOptions::node).
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// The program that contains `kubectl`: `mtk-controlplane kubectl …`.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// `kubectl` of the same version as the API server, as the admin, without this user's
    /// configuration and without the cache of another control plane.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("kubectl")
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBERC", "off")
            .env("KUBECACHEDIR", self.kubeconfig.with_file_name("kubectl-cache"));
        command
    }

    /// Writes a kubeconfig at `path`, readable by its owner only, that authenticates as the
    /// `ServiceAccount` for the next 24 hours. That must exist.
    pub fn service_account_kubeconfig(
        &self,
        namespace: &str,
        name: &str,
        path: &Path,
    ) -> anyhow::Result<()> {
        let token = self.service_account_token(namespace, name)?;
        let mut config: Value = serde_json::from_slice(
            &fs::read(&self.kubeconfig).context("reading the admin's kubeconfig")?,
        )
        .context("reading the admin's kubeconfig")?;
        config["users"][0]["user"] = json!({ "token": token });
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(config.to_string().as_bytes()))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// A token of this ServiceAccount.
    pub fn service_account_token(&self, namespace: &str, name: &str) -> anyhow::Result<String> {
        let output = self
            .kubectl()
            .args(["create", "token", name, "--namespace", namespace, "--duration", "24h"])
            .output()
            .context("starting kubectl")?;
        if !output.status.success() {
            bail!(
                "a token for ServiceAccount {namespace}/{name}: {}",
                String::from_utf8_lossy(&output.stderr).trim_end(),
            );
        }
        Ok(String::from_utf8(output.stdout).context("the token is not text")?.trim().to_owned())
    }
}
