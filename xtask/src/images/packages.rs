//! Programs and libraries of the distribution. On Debian, root installs the missing ones.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use rustix::process::geteuid;

use crate::command;
use crate::runner::Output;

/// The programs that build images. Their Debian packages have the same names.
const BUILDERS: [&str; 2] = ["buildah", "mmdebstrap"];

/// The Debian packages that building the app's image and the demo's would install.
pub(crate) fn missing_packages() -> Vec<&'static str> {
    BUILDERS.into_iter().filter(|program| on_path(program).is_none()).collect()
}

/// Ensures that these programs are installed. Each is named with the Debian package that contains
/// it.
pub(crate) async fn programs(
    output: Output,
    wanted: &[(&'static str, &'static str)],
) -> anyhow::Result<()> {
    let missing = |&&(program, _): &&(&str, &str)| on_path(program).is_none();
    let packages: Vec<_> = wanted.iter().filter(missing).map(|(_, package)| *package).collect();
    install(output, &packages).await?;
    match wanted.iter().find(missing) {
        Some((program, package)) => {
            bail!("{package} is installed, but {program} is not on the PATH")
        }
        None => Ok(()),
    }
}

/// Ensures that a C compiler has its C library, which this Debian package contains.
pub(super) async fn c_library(
    output: Output,
    compiler: &str,
    package: &'static str,
) -> anyhow::Result<()> {
    let has_it = async || {
        let mut compiler = command::program(compiler);
        compiler.args(["-E", "-x", "c", "-include", "stdlib.h", "/dev/null"]);
        command::output(&mut compiler).await.is_ok()
    };
    if has_it().await {
        return Ok(());
    }
    install(output, &[package]).await?;
    ensure!(has_it().await, "{package} is installed, but {compiler} finds no stdlib.h");
    Ok(())
}

/// Ensures that these Debian packages are installed.
pub(super) async fn debian(output: Output, wanted: &[&'static str]) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for package in wanted {
        let mut query = command::program("dpkg-query");
        query.args(["--show", "--showformat=${db:Status-Abbrev}", package]);
        if !command::output(&mut query).await.is_ok_and(|status| status.starts_with("ii")) {
            missing.push(*package);
        }
    }
    install(output, &missing).await
}

async fn install(output: Output, packages: &[&str]) -> anyhow::Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    if on_path("apt-get").is_none() || !geteuid().is_root() {
        bail!(
            "these packages are missing: {names}\n\
             hint: on Debian, as root: apt-get install --no-install-recommends {names}"
        );
    }
    output.indented(&format!("apt-get install {names}"));
    // The machine's list of packages may be too old to fetch any package.
    command::output(apt_get().arg("update")).await?;
    let mut install = apt_get();
    install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    command::output(&mut install).await.with_context(|| format!("installing {names}"))?;
    Ok(())
}

fn apt_get() -> tokio::process::Command {
    let mut apt_get = command::program("apt-get");
    apt_get.args(["--quiet", "-o", "DPkg::Lock::Timeout=300"]);
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn installed_program_is_not_installed_again() {
        programs(Output::Stderr, &[("sh", "no-such-package")]).await.unwrap();
    }

    #[tokio::test]
    async fn installed_c_library_is_not_installed_again() {
        c_library(Output::Stderr, "cc", "no-such-package").await.unwrap();
    }

    #[test]
    fn program_is_found_by_its_name() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program").is_none());
    }
}
