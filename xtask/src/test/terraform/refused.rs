//! Configurations with one mistake each. The stub must refuse every one.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::project::Project;
use super::workspace::Workspace;
use crate::command;
use crate::tools::Terraform;

/// Starts the first line of such a configuration. The expected message follows.
const EXPECTED: &str = "# Terraform refuses this: ";

/// The output of `terraform validate -json`.
#[derive(Debug, Deserialize)]
struct Validation {
    diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    range: Option<serde::de::IgnoredAny>,
}

/// Validates all of them.
pub(super) async fn check(workspace: &Workspace, terraform: &Terraform) -> anyhow::Result<()> {
    let home = workspace.home().join("testing/refused");
    let mut count = 0;
    for entry in fs::read_dir(&home).with_context(|| format!("reading {}", home.display()))? {
        let directory = entry?.path();
        refused(terraform, &directory).await.with_context(|| format!("{}", directory.display()))?;
        count += 1;
    }
    ensure!(count >= 8, "only {count} configurations in {}", home.display());
    Ok(())
}

async fn refused(terraform: &Terraform, directory: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(directory.join("main.tf"))?;
    let expected = text.lines().next().and_then(|line| line.strip_prefix(EXPECTED));
    let expected = expected.with_context(|| format!("the first line is not `{EXPECTED}…`"))?;
    let project = Project::new(terraform, directory);
    project.init().await?;
    let (valid, output) = command::result(&mut project.command(&["validate", "-json"])).await?;
    if valid {
        bail!("Terraform accepts it, but should say: {expected}");
    }
    let validation: Validation = serde_json::from_str(&output)?;
    ensure!(
        validation.names(expected),
        "expected {expected:?} with a line, but got {validation:?}"
    );
    Ok(())
}

impl Validation {
    /// Whether an error has this text and a place in a file.
    fn names(&self, expected: &str) -> bool {
        self.diagnostics.iter().any(|one| {
            let text = format!("{} {}", one.summary, one.detail).replace('\n', " ");
            one.severity == "error" && text.contains(expected) && one.range.is_some()
        })
    }
}
