//! A compiler of static programs for an architecture: rustup's if it has the target, otherwise
//! Debian's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::process::Command;

use super::arch::Arch;
use super::{debian_rust, packages};
use crate::command;
use crate::paths;
use crate::runner::Output;

/// Randomness comes from the system call. Otherwise a static program would read `/dev/urandom`, since it
/// cannot check at run time whether its C library has the call.
const STATIC: [&str; 2] =
    ["-Ctarget-feature=+crt-static", "--cfg=getrandom_backend=\"linux_getrandom\""];

/// Packs the relocations of a static program, which makes it 1 MB smaller. Debian's linker can do
/// that for this architecture only.
const PACKED_ADDRESSES: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";

/// A compiler with the target's standard library, and a C compiler.
#[derive(Debug)]
pub(super) struct Toolchain {
    arch: Arch,
    /// A compiler that is not rustup's.
    rustc: Option<PathBuf>,
}

impl Toolchain {
    /// Finds or installs the toolchain.
    pub(super) async fn find(arch: Arch, output: Output) -> anyhow::Result<Toolchain> {
        let compiler = if arch == Arch::host() { ("cc", "gcc") } else { arch.cross_compiler() };
        packages::programs(output, &[compiler]).await?;
        if arch != Arch::host() {
            // Debian's compiler only recommends the C library.
            packages::c_library(output, compiler.0, arch.cross_c_library()).await?;
        }
        let mut rustc = rustc(None);
        let libraries =
            command::output(rustc.args(["--print=target-libdir", "--target", arch.target()]));
        let rustc = if Path::new(libraries.await?.trim()).is_dir() {
            None
        } else {
            Some(debian_rust::rustc(arch, output).await?)
        };
        Ok(Toolchain { arch, rustc })
    }

    /// Sets Cargo's environment for static programs that contain no path of this machine.
    pub(super) async fn prepare(&self, cargo: &mut Command) -> anyhow::Result<()> {
        let target = self.arch.target();
        let packed = (self.arch == Arch::Amd64).then_some(PACKED_ADDRESSES);
        let flags = STATIC
            .into_iter()
            .chain(packed)
            .map(OsString::from)
            .chain(self.remapped().await?)
            .collect::<Vec<_>>()
            .join(&OsString::from("\x1f"));
        // This variable overrides flags in the user's environment and settings.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        if self.arch != Arch::host() {
            let (compiler, _) = self.arch.cross_compiler();
            let name = target.replace('-', "_");
            let linker = format!("CARGO_TARGET_{}_LINKER", name.to_uppercase());
            cargo.env(linker, compiler).env(format!("CC_{name}"), compiler);
        }
        Ok(())
    }

    /// Panic messages contain paths. Without these flags, each machine would build different programs.
    async fn remapped(&self) -> anyhow::Result<Vec<OsString>> {
        let ask = async |flag: &str| {
            let rustc = self.rustc.as_deref();
            command::output(self::rustc(rustc).arg(flag)).await
        };
        let sysroot = PathBuf::from(ask("--print=sysroot").await?.trim());
        let version = ask("-vV").await?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        let library = format!("/rustc/{}", commit.context("rustc -vV prints no commit hash")?);
        let crates = cargo_home()?.join("registry/src");
        let flag = |from: &Path, to: &str| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            flag
        };
        // The last match wins: Cargo's home may be inside the repository.
        Ok(vec![
            flag(paths::root(), "."),
            flag(&crates, "/crates"),
            flag(&sysroot.join("lib/rustlib/src/rust"), &library),
        ])
    }
}

fn rustc(path: Option<&Path>) -> Command {
    let mut rustc = command::program(path.unwrap_or_else(|| Path::new("rustc")));
    // rustup reads the toolchain's version there.
    rustc.current_dir(paths::root());
    rustc
}

fn cargo_home() -> anyhow::Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cargo")))
        .context("no home directory\nhint: set CARGO_HOME")
}
