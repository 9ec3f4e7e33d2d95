//! Helpers for the installation of tools.

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use crate::command;

/// The first line of a program's version; otherwise an error with the hint.
pub(crate) async fn version(
    mut program: Command,
    flag: &str,
    hint: &str,
) -> anyhow::Result<String> {
    let said = command::output(program.arg(flag))
        .await
        .with_context(|| format!("a required program is missing\nhint: {hint}"))?;
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

/// Removes a directory that an interrupted run left incomplete.
pub(super) fn cleared(directory: &Path) -> anyhow::Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)
            .with_context(|| format!("removing {}", directory.display()))?;
    }
    Ok(())
}
