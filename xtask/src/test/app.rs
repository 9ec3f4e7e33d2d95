//! The app in `deploy/app`, with the versions of its lock file.

use std::path::Path;

use crate::command::{self, program};
use crate::steps::Steps;
use crate::{places, tools};

/// Style, types, tests.
pub(super) async fn run(steps: &mut Steps) -> anyhow::Result<()> {
    let python = tools::app_python(steps.output());
    let python = steps.step("a Python with the app's packages", python).await?;
    steps.step("the app: ruff, mypy", style(&python)).await?;
    steps.step("the app: pytest", module(&python, &["pytest", "--quiet"])).await
}

async fn style(python: &Path) -> anyhow::Result<()> {
    module(python, &["ruff", "check", "--quiet", "--no-cache"]).await?;
    module(python, &["ruff", "format", "--quiet", "--no-cache", "--check"]).await?;
    module(python, &["mypy", "--no-error-summary", "--cache-dir=/dev/null"]).await
}

/// Runs a module of Python, which leaves nothing in the repository.
async fn module(python: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut python = program(python);
    python
        .arg("-m")
        .args(arguments)
        .current_dir(places::root().join("deploy/app"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::run(&mut python).await
}
