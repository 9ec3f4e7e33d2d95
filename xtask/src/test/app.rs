//! Tests of the app in `deploy/app`, with the versions of its lock file.

use std::path::Path;

use crate::command::{self, program};
use crate::runner::Steps;
use crate::{paths, tools};

/// Checks style and types, and runs the tests.
pub(super) async fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let python = tools::app_python(steps.output());
    let python = steps.step("install a Python with the app's packages", python).await?;
    steps.step("check the app with ruff and mypy", style(&python)).await?;
    steps.step("run the app's tests", module(&python, &["pytest", "--quiet"])).await
}

async fn style(python: &Path) -> anyhow::Result<()> {
    module(python, &["ruff", "check", "--quiet", "--no-cache"]).await?;
    module(python, &["ruff", "format", "--quiet", "--no-cache", "--check"]).await?;
    module(python, &["mypy", "--no-error-summary", "--cache-dir=/dev/null"]).await
}

/// Runs a Python module that leaves no files in the repository.
async fn module(python: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut python = program(python);
    python
        .arg("-m")
        .args(arguments)
        .current_dir(paths::root().join("deploy/app"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::run(&mut python).await
}
