//! Programs and libraries of the distribution: asked for, and on Debian installed where that may be
//! done.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use rustix::process::geteuid;

use crate::command;
use crate::steps::Output;

/// Sees to it that these programs are there; each with the Debian package that has it.
pub(crate) async fn programs(
    output: Output,
    wanted: &[(&'static str, &'static str)],
) -> anyhow::Result<()> {
    let missing = |&&(program, _): &&(&str, &str)| on_path(program).is_none();
    let packages: Vec<_> = wanted.iter().filter(missing).map(|(_, package)| *package).collect();
    install(output, &packages).await?;
    match wanted.iter().find(missing) {
        Some((program, package)) => bail!("{package} is installed, but there is no {program}"),
        None => Ok(()),
    }
}

/// Sees to it that a C compiler has a C library to compile for; else this Debian package has it.
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

/// Sees to it that these Debian packages are there.
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
    // What a machine knows of its packages is often too old to fetch any of them.
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
    async fn what_is_there_is_not_installed() {
        programs(Output::Stderr, &[("sh", "no-such-package")]).await.unwrap();
    }

    #[tokio::test]
    async fn a_c_library_that_is_there_is_not_installed() {
        c_library(Output::Stderr, "cc", "no-such-package").await.unwrap();
    }

    #[test]
    fn a_program_is_found_by_its_name_alone() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program").is_none());
    }
}
