//! The images: their contents, reproducible builds, and running programs.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod archive;
mod arm64;
mod contents;
mod program;
mod trust;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::archive::Archive;

/// The programs, by the names of their images.
const PROGRAMS: [&str; 2] = ["mtk-controller", "mtk-seal"];

/// The images of both programs for this machine, as they ship.
fn shipped() -> &'static [Archive] {
    static IMAGES: OnceLock<Vec<Archive>> = OnceLock::new();
    IMAGES.get_or_init(|| images(&["controller", "cli"]))
}

/// The images that `cargo xtask images` builds with these arguments.
fn images(arguments: &[&str]) -> Vec<Archive> {
    xtask(arguments).lines().map(Archive::from_line).collect()
}

/// The output of `cargo xtask images`.
fn xtask(arguments: &[&str]) -> String {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    text(xtask.arg("images").args(arguments))
}

/// The standard output of a program, which must succeed.
fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Recorded from kubeseal: keys, and items that it sealed with them.
fn vector(path: &str) -> PathBuf {
    repository().join("sealing/tests/vectors").join(path)
}
