//! The control plane that end-to-end tests run on.

use std::path::Path;

use anyhow::ensure;

use crate::command::{self, program};
use crate::steps::Steps;
use crate::{build, places};

/// Builds it, and checks its Go files.
pub(super) async fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let control_plane = build::control_plane(steps.output());
    steps.step("building the control plane", control_plane).await?;
    steps.step("the control plane's Go files: gofmt, go vet", go()).await
}

async fn go() -> anyhow::Result<()> {
    let directory = places::root().join("e2e/controlplane");
    let in_go = |name: &Path| {
        let mut program = program(name);
        // As the control plane is built, so that nothing is compiled again for go vet.
        program.current_dir(&directory).env("GOWORK", "off").env("CGO_ENABLED", "0");
        program
    };
    let root = command::output(in_go(Path::new("go")).args(["env", "GOROOT"])).await?;
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let unformatted = command::output(in_go(&gofmt).args(["-l", "."])).await?;
    ensure!(unformatted.is_empty(), "not formatted:\n{unformatted}hint: gofmt -w e2e/controlplane");
    command::run(in_go(Path::new("go")).args(["vet", "-trimpath", "."])).await
}
