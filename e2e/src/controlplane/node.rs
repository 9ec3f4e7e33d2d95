//! A node that runs Pods.
//!
//! It needs root and some system packages. [`missing()`] lists missing requirements, and
//! [`install_packages()`] installs missing packages.

mod missing;
mod packages;
mod programs;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::binary::node_programs;

pub use self::missing::{Missing, missing};
pub use self::packages::{install_packages, missing_packages};

/// Builds the additional programs of a node, unless they exist: see [`binary()`](super::binary()).
///
/// `progress` receives a line for each step of a build.
pub fn programs(progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    node_programs(progress)
}

/// A running node: its images, and its addresses, all of which this machine can reach.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    name: String,
    address: IpAddr,
    host_address: IpAddr,
    pod_range: String,
    service_range: String,
    load_balancer_range: String,
    containerd: PathBuf,
    snapshotter: String,
    programs: PathBuf,
}

impl Node {
    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, which also serves node ports.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The address at which the node and its Pods reach this machine.
    pub fn host_address(&self) -> IpAddr {
        self.host_address
    }

    /// The range of Pods' addresses, such as `10.192.64.0/18`.
    pub fn pod_range(&self) -> &str {
        &self.pod_range
    }

    /// The range of Services' cluster addresses.
    pub fn service_range(&self) -> &str {
        &self.service_range
    }

    /// The range of addresses of Services of type `LoadBalancer`.
    pub fn load_balancer_range(&self) -> &str {
        &self.load_balancer_range
    }

    /// The socket of the container runtime.
    pub fn containerd_socket(&self) -> &Path {
        &self.containerd
    }

    /// The directory with the programs of [`programs()`].
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// containerd's `ctr` on the images and containers of the kubelet.
    pub fn ctr(&self) -> Command {
        let mut command = Command::new(self.programs.join("ctr"));
        command.arg("--address").arg(&self.containerd).args(["--namespace", "k8s.io"]);
        command
    }

    /// Loads the images of an OCI or Docker archive, and returns their names. Containers can use
    /// them with `imagePullPolicy: Never` or `IfNotPresent`.
    pub fn load_image(&self, archive: &Path) -> anyhow::Result<Vec<String>> {
        let what = || format!("loading the images of {}", archive.display());
        let output = self
            .ctr()
            // Otherwise it prints names cut off at 40 characters.
            .args(["images", "import", "--local", "--snapshotter", &self.snapshotter])
            .arg(archive)
            .output()
            .context("starting ctr")
            .with_context(what)?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(anyhow::anyhow!("{}", reason.trim_end())).with_context(what);
        }
        let names = imported(&String::from_utf8_lossy(&output.stdout));
        if names.is_empty() {
            bail!("{} holds no image with a name", archive.display());
        }
        for (name, full) in names.iter().filter_map(|name| Some((name, qualified(name)?))) {
            let output = self.ctr().args(["images", "tag", "--force", name, &full]).output()?;
            if !output.status.success() {
                let reason = String::from_utf8_lossy(&output.stderr);
                return Err(anyhow::anyhow!("{}", reason.trim_end())).with_context(what);
            }
        }
        Ok(names)
    }
}

/// The kubelet's form of a name without a host. An OCI archive may contain such a name, and containerd
/// keeps it unchanged.
fn qualified(name: &str) -> Option<String> {
    let first = name.split_once('/').map(|(first, _)| first);
    match first {
        Some(host) if host.contains(['.', ':']) || host == "localhost" => None,
        Some(_) => Some(format!("docker.io/{name}")),
        None => Some(format!("docker.io/library/{name}")),
    }
}

/// The names in the output of `ctr images import --local`: `unpacking NAME (DIGEST)...done`.
fn imported(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("unpacking ")?.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_name_without_registry_is_normalised_like_the_kubelets() {
        assert_eq!(qualified("mtk-app:0.1.0").unwrap(), "docker.io/library/mtk-app:0.1.0");
        assert_eq!(qualified("team/app:1").unwrap(), "docker.io/team/app:1");
        for full in ["example.com/app:1", "localhost/app", "host:5000/app:1"] {
            assert_eq!(qualified(full), None);
        }
    }

    #[test]
    fn imported_images_are_listed() {
        let output = "unpacking docker.io/library/a:1 (sha256:0a)...done\n\
                      unpacking example.com/team/b:2 (sha256:0b)...done\n";
        assert_eq!(imported(output), ["docker.io/library/a:1", "example.com/team/b:2"]);
        assert!(imported("done\n").is_empty());
    }
}
