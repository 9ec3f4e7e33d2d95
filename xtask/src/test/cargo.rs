//! `cargo test`, always with the same features.

use tokio::process::Command;

use crate::build;

/// Runs test programs with arguments of their own.
pub(crate) fn test(targets: &[String], arguments: &[&str]) -> Command {
    let mut cargo = build::cargo("test");
    cargo
        .args(build::WITH_CLIPPY)
        // The whole workspace each time: with another choice of packages, shared crates would have
        // other features and be built again.
        .args(["--workspace", "--quiet"])
        .args(targets)
        .arg("--")
        .args(arguments);
    cargo
}
