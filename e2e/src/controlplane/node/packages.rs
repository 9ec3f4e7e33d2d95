//! System programs that a node uses, and their packages.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::missing::{Missing, missing};
use super::programs::is_installed;

/// Installs only the packages that [`missing()`] names, with `apt-get`.
///
/// `progress` receives a line for each command before it runs. Other missing requirements remain.
pub fn install_packages(mut progress: impl FnMut(&str)) -> anyhow::Result<()> {
    let packages = missing_packages(&missing());
    if packages.is_empty() {
        return Ok(());
    }
    if !is_installed("apt-get", &[]) {
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

/// The Debian packages that contain the missing programs, each once.
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
