//! Checks of the control plane's Go code.

use e2e::controlplane::COMPILER_FLAGS;

use crate::command::{self, program};
use crate::paths;
use crate::runner::Steps;

/// Runs go vet.
pub(super) async fn check(steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("vet the control plane's Go code", vet()).await
}

async fn vet() -> anyhow::Result<()> {
    let mut go = program("go");
    // With the flags of the control plane's build, so that go vet compiles nothing again.
    go.current_dir(paths::root().join("e2e/controlplane"))
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        .arg("vet")
        .args(COMPILER_FLAGS)
        .arg(".");
    command::run(&mut go).await
}
