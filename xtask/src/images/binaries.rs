//! Our programs for images: static, in one directory per platform.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use tokio::process::Command;

use super::arch::Arch;
use super::packages;
use super::toolchain::Toolchain;
use crate::runner::Output;
use crate::{build, command, paths};

/// The programs.
pub(super) const NAMES: [&str; 2] = ["mtk-controller", "mtk-seal"];

/// How much the compiler optimises.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Profile {
    /// Optimised, as shipped
    Release,
    /// Not optimised; for quick tests, also under an emulator
    Quick,
}

impl Profile {
    /// The name of the profile and of Cargo's directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Quick => "quick",
        }
    }

    /// Settings that only images use, and that are therefore not in `Cargo.toml`.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Profile::Release => &[],
            Profile::Quick => &[
                "profile.quick.inherits='dev'",
                "profile.quick.debug=false",
                "profile.quick.incremental=false",
                "profile.quick.strip=true",
                "profile.quick.package.'*'.opt-level=0",
                // The C code that decrypts values: unoptimised, it takes minutes in an emulator.
                "profile.quick.package.aws-lc-sys.opt-level=3",
            ],
        }
    }
}

/// The controller's name in Bitnami's image, which `command` of a Pod may have.
pub(super) const LINK: &str = "controller";

/// The context of image builds: a directory with `linux/ARCH/PROGRAM`, and a link to the controller in `links`.
pub(super) fn context(profile: Profile) -> PathBuf {
    paths::root().join("target/dist").join(profile.name())
}

/// The program in that directory.
pub(super) fn program(arch: Arch, profile: Profile, name: &str) -> PathBuf {
    context(profile).join("linux").join(arch.name()).join(name)
}

/// Builds the programs for an architecture.
///
/// It always builds both: with one of them, shared crates would have different features, and the
/// same sources would give different bytes.
pub(super) async fn build(arch: Arch, profile: Profile, output: Output) -> anyhow::Result<()> {
    command::run(&mut cargo(arch, profile, output).await?).await?;
    place_all(arch, profile)
}

/// Builds them with the lowest priority.
pub(super) async fn build_in_background(
    arch: Arch,
    profile: Profile,
    output: Output,
) -> anyhow::Result<()> {
    command::run_in_background(&mut cargo(arch, profile, output).await?).await?;
    place_all(arch, profile)
}

async fn cargo(arch: Arch, profile: Profile, output: Output) -> anyhow::Result<Command> {
    let toolchain = Toolchain::find(arch, output).await?;
    if profile == Profile::Quick && arch != Arch::host() {
        packages::programs(output, &[arch.emulator()]).await?;
    }
    let mut cargo = build::cargo("build");
    cargo.args(["--profile", profile.name(), "--target", arch.target(), "--target-dir"]);
    cargo.arg(target_directory(arch));
    for name in NAMES {
        cargo.args(["--package", name]);
    }
    for setting in profile.settings() {
        cargo.args(["--config", setting]);
    }
    toolchain.prepare(&mut cargo).await?;
    Ok(cargo)
}

/// A separate target directory: a different compiler or different flags would invalidate other
/// builds.
fn target_directory(arch: Arch) -> PathBuf {
    paths::root().join("target/static").join(arch.name())
}

fn place_all(arch: Arch, profile: Profile) -> anyhow::Result<()> {
    let built = target_directory(arch).join(arch.target()).join(profile.name());
    for name in NAMES {
        place(&built.join(name), &program(arch, profile, name))?;
    }
    let links = context(profile).join("links");
    fs::create_dir_all(&links)?;
    link(&links)
}

/// Links the controller's other name in this directory to the program.
pub(super) fn link(directory: &Path) -> anyhow::Result<()> {
    let link = directory.join(LINK);
    if link.is_symlink() {
        return Ok(());
    }
    symlink("mtk-controller", &link).with_context(|| format!("linking {}", link.display()))
}

/// Copies a file unless the copy is the same, so that an unchanged file keeps its time.
fn place(from: &Path, to: &Path) -> anyhow::Result<()> {
    let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if fs::read(to).is_ok_and(|existing| existing == content) {
        return Ok(());
    }
    let directory = to.parent().context("a directory for the programs")?;
    fs::create_dir_all(directory)?;
    // An atomic rename works even while the program runs.
    let temporary = tempfile::NamedTempFile::new_in(directory)?;
    fs::copy(from, temporary.path())?;
    temporary.persist(to).with_context(|| format!("writing {}", to.display()))?;
    Ok(())
}
