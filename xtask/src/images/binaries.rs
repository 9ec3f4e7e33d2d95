//! Our programs as images hold them: static, each alone in its directory of a platform.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::arch::Arch;
use super::packages;
use super::toolchain::Toolchain;
use crate::steps::Output;
use crate::{build, command, places};

/// The programs.
pub(super) const NAMES: [&str; 2] = ["mtk-controller", "mtk-seal"];

/// How much the compiler does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Profile {
    /// As it is shipped
    Release,
    /// Not optimised, in a part of the time: to see that it runs at all, if need be by an emulator
    Quick,
}

impl Profile {
    /// The name, also of cargo's directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Quick => "quick",
        }
    }

    /// What `Cargo.toml` does not have, since nothing but images is built so.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Profile::Release => &[],
            Profile::Quick => &[
                "profile.quick.inherits='dev'",
                "profile.quick.debug=false",
                "profile.quick.incremental=false",
                "profile.quick.strip=true",
                "profile.quick.package.'*'.opt-level=0",
                // What opens values, in C: without this an emulator takes minutes.
                "profile.quick.package.aws-lc-sys.opt-level=3",
            ],
        }
    }
}

/// A directory with `linux/ARCH/PROGRAM`: the context of the images' builds.
pub(super) fn context(profile: Profile) -> PathBuf {
    places::root().join("target/dist").join(profile.name())
}

/// The program in that directory.
pub(super) fn program(arch: Arch, profile: Profile, name: &str) -> PathBuf {
    context(profile).join("linux").join(arch.name()).join(name)
}

/// Builds the programs for a processor.
///
/// Always both: with one alone, crates that they share would have other features, and the same
/// sources would give other bytes.
pub(super) async fn build(arch: Arch, profile: Profile, output: Output) -> anyhow::Result<()> {
    let toolchain = Toolchain::find(arch, output).await?;
    if profile == Profile::Quick && arch != Arch::host() {
        packages::programs(output, &[arch.emulator()]).await?;
    }
    // Its own: another compiler, and other flags, would have everything else built again.
    let target = places::root().join("target/static").join(arch.name());
    let mut cargo = build::cargo("build");
    cargo.args(["--profile", profile.name(), "--target", arch.target(), "--target-dir"]);
    cargo.arg(&target);
    for name in NAMES {
        cargo.args(["--package", name]);
    }
    for setting in profile.settings() {
        cargo.args(["--config", setting]);
    }
    toolchain.prepare(&mut cargo).await?;
    command::run(&mut cargo).await?;
    let built = target.join(arch.target()).join(profile.name());
    for name in NAMES {
        place(&built.join(name), &program(arch, profile, name))?;
    }
    Ok(())
}

/// A copy, unless it is one already: what is unchanged keeps its time.
fn place(from: &Path, to: &Path) -> anyhow::Result<()> {
    let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
    if fs::read(to).is_ok_and(|existing| existing == content) {
        return Ok(());
    }
    let directory = to.parent().context("a directory for the programs")?;
    fs::create_dir_all(directory)?;
    // Replaced at once, even while it runs.
    let temporary = tempfile::NamedTempFile::new_in(directory)?;
    fs::copy(from, temporary.path())?;
    temporary.persist(to).with_context(|| format!("writing {}", to.display()))?;
    Ok(())
}
