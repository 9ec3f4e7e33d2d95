//! The architectures of images.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// An architecture, by its name in images and in Debian.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arch {
    /// 64-bit x86
    Amd64,
    /// 64-bit ARM, as in a Raspberry Pi
    Arm64,
}

impl Arch {
    /// This machine's.
    pub(crate) fn host() -> Arch {
        if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::Amd64 }
    }

    /// The name in `linux/amd64` and in the names of Debian packages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Arch::Amd64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }

    /// Rust's name for the target.
    pub(super) fn target(self) -> &'static str {
        match self {
            Arch::Amd64 => "x86_64-unknown-linux-gnu",
            Arch::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The C compiler for it, and the Debian package that contains it.
    pub(super) fn cross_compiler(self) -> (&'static str, &'static str) {
        match self {
            Arch::Amd64 => ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
            Arch::Arm64 => ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        }
    }

    /// The Debian package with its C library for that compiler.
    pub(super) fn cross_c_library(self) -> &'static str {
        match self {
            Arch::Amd64 => "libc6-dev-amd64-cross",
            Arch::Arm64 => "libc6-dev-arm64-cross",
        }
    }

    /// The emulator that runs its programs on another architecture, and the Debian package that
    /// contains it.
    pub(super) fn emulator(self) -> (&'static str, &'static str) {
        match self {
            Arch::Amd64 => ("qemu-x86_64-static", "qemu-user-static"),
            Arch::Arm64 => ("qemu-aarch64-static", "qemu-user-static"),
        }
    }

    /// The directory of Debian's libraries for it.
    pub(super) fn libraries(self) -> &'static str {
        match self {
            Arch::Amd64 => "usr/lib/x86_64-linux-gnu",
            Arch::Arm64 => "usr/lib/aarch64-linux-gnu",
        }
    }
}
