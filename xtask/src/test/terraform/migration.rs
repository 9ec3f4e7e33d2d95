//! The way from the old deployment, which kept its secrets in Terraform's state.

use std::fs;

use anyhow::{Context, ensure};

use super::project::Project;
use super::workspace::Workspace;
use crate::tools::Terraform;

const PLAN: &str = "migration.tfplan";
/// The value of a secret in the old state.
const OLD_VALUE: &str = "old-value-in-the-state";

/// Plans and applies the new configuration on the old state.
pub(super) async fn check(workspace: &Workspace, terraform: &Terraform) -> anyhow::Result<()> {
    let home = workspace.home();
    let project = Project::new(terraform, &home.join("examples/from-tfvars"));
    let state = project.directory().join("terraform.tfstate");
    fs::copy(home.join("testing/migration/old-state.json"), &state)?;
    let before = fs::read_to_string(&state)?;
    ensure!(before.contains(OLD_VALUE), "the old state has no value to lose");

    project.init().await?;
    project.plan(PLAN, &[]).await?;
    let changes = project.changes(PLAN).await?;
    let address = "module.app.helm_release.this";
    let expected = [("helm_release.app", "forget"), (address, "create")];
    for (address, actions) in expected {
        ensure!(
            changes.iter().any(|change| change.0 == address && change.1 == actions),
            "{address} is not in the plan as {actions}: {changes:?}"
        );
    }
    let deleted = changes.iter().find(|(_, actions)| actions.contains("delete"));
    ensure!(deleted.is_none(), "the plan deletes {deleted:?}");

    project.apply(PLAN, &[]).await?;
    let after = fs::read_to_string(&state).context("the new state")?;
    ensure!(after.contains("helm_release"), "the new state has no release");
    ensure!(!after.contains(OLD_VALUE), "the new state contains the old value");
    Ok(())
}
