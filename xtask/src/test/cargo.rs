//! `cargo test`, always with the same features.

use tokio::process::Command;

use crate::build;

/// Runs test programs with these arguments.
pub(crate) fn test(targets: &[String], arguments: &[&str]) -> Command {
    let mut cargo = build::cargo("test");
    cargo
        .args(build::WITH_CLIPPY)
        // Always the whole workspace: for a selection of packages, shared crates would have
        // different features and be built again.
        .args(["--workspace", "--quiet"])
        .args(targets)
        .arg("--")
        .args(arguments);
    cargo
}
