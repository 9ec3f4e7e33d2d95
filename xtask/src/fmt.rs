//! `cargo xtask fmt`: formats the code.

use std::path::Path;

use anyhow::ensure;

use crate::command::{self, program};
use crate::paths;

/// The directories of the Go code to format.
const GO: [&str; 2] = ["deploy/terraform/testing/stub", "e2e/controlplane"];

/// Formats Rust and Go, or only checks them.
pub(crate) async fn run(check: bool) -> anyhow::Result<()> {
    rust(check).await?;
    go(check).await
}

/// Formats Rust.
pub(crate) async fn rust(check: bool) -> anyhow::Result<()> {
    let mut cargo = program("cargo");
    cargo.current_dir(paths::root()).args(["fmt", "--all"]);
    if check {
        cargo.arg("--check");
    }
    command::run(&mut cargo).await
}

/// Formats Go.
pub(crate) async fn go(check: bool) -> anyhow::Result<()> {
    let mut go = program("go");
    let root = command::output(go.current_dir(paths::root()).args(["env", "GOROOT"])).await?;
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let mut gofmt = program(gofmt);
    gofmt.current_dir(paths::root()).arg(if check { "-l" } else { "-w" }).args(GO);
    let unformatted = command::output(&mut gofmt).await?;
    ensure!(unformatted.is_empty(), "not formatted:\n{unformatted}hint: cargo xtask fmt");
    Ok(())
}
