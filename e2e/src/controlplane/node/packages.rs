//! System programs that a node uses, and their packages.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::missing::{Missing, found, missing};

/// A program that a node uses.
pub(super) struct Need {
    pub(super) name: &'static str,
    /// Debian's name, and Ubuntu's.
    pub(super) package: &'static str,
    /// Directories that have it, beside those of `PATH`.
    places: &'static [&'static str],
}

impl Need {
    pub(super) fn is_there(&self) -> bool {
        found(self.name, self.places)
    }
}

const SYSTEM: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];
const PLUGINS: &[&str] = &["/usr/lib/cni", "/opt/cni/bin"];

pub(super) const NEEDED: &[Need] = &[
    Need { name: "host-local", package: "containernetworking-plugins", places: PLUGINS },
    Need { name: "mount", package: "mount", places: SYSTEM },
    Need { name: "nft", package: "nftables", places: SYSTEM },
    Need { name: "ptp", package: "containernetworking-plugins", places: PLUGINS },
    Need { name: "runc", package: "runc", places: SYSTEM },
];

/// Installs the packages that [`missing()`] names, by `apt-get`, and nothing else.
///
/// `progress` gets a line for each command before it runs. It does nothing about other missing requirements.
pub fn install_packages(mut progress: impl FnMut(&str)) -> anyhow::Result<()> {
    let packages = missing_packages(&missing());
    if packages.is_empty() {
        return Ok(());
    }
    if !found("apt-get", &[]) {
        bail!(
            "no apt-get on this system\nhint: install these packages by hand: {}",
            packages.join(", "),
        );
    }
    let install = [&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat();
    for arguments in [&["update"][..], &install] {
        progress(&format!("apt-get {}", arguments.join(" ")));
        let output = Command::new("apt-get")
            .arg("--quiet")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .context("starting apt-get")?;
        if !output.status.success() {
            bail!(
                "apt-get {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim_end(),
            );
        }
    }
    let left = missing_packages(&missing());
    if !left.is_empty() {
        bail!("apt-get installed {} without the programs in them", left.join(", "));
    }
    Ok(())
}

/// The Debian packages that have the missing programs, each once.
pub fn missing_packages(missing: &[Missing]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing
        .iter()
        .filter_map(|missing| match missing {
            Missing::Program { package, .. } => Some(*package),
            _ => None,
        })
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_packages_are_installed_once() {
        let program = |name, package| Missing::Program { name, package };
        let missing = [
            program("ptp", "containernetworking-plugins"),
            Missing::Capability("CAP_MKNOD"),
            program("nft", "nftables"),
            program("host-local", "containernetworking-plugins"),
        ];
        assert_eq!(missing_packages(&missing), ["containernetworking-plugins", "nftables"]);
    }
}
