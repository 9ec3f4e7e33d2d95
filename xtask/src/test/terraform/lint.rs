//! tflint and checkov.

use std::path::Path;

use super::workspace::{HOME, Workspace};
use crate::command::{self, program};
use crate::paths;

/// A layer or an example is short, so that it fits into one file.
const ONE_FILE: &[&str] = &["--disable-rule=terraform_standard_module_structure"];
/// Exceptions from tflint's rules, by folder.
const RULES: [(&str, &[&str]); 3] =
    [("modules", &[]), ("environments", ONE_FILE), ("examples", ONE_FILE)];

/// Runs tflint with all rules of Terraform's language.
pub(super) async fn tflint(tflint: &Path, workspace: &Workspace) -> anyhow::Result<()> {
    let home = workspace.home();
    let config = format!("--config={}", home.join(".tflint.hcl").display());
    for (folder, exceptions) in RULES {
        let mut tflint = program(tflint);
        tflint
            .current_dir(home.join(folder))
            .args(["--recursive", "--no-color", &config])
            .args(exceptions);
        command::output(&mut tflint).await?;
    }
    Ok(())
}

/// Runs checkov. Each exception is a comment with a reason, beside the resource.
pub(super) async fn checkov(checkov: &Path) -> anyhow::Result<()> {
    let mut checkov = program(checkov);
    checkov
        .current_dir(paths::root().join(HOME))
        .args(["--directory", ".", "--framework", "terraform", "--skip-path", "testing"])
        // Its layers are the same files as those of the other environment, which another check ensures.
        .args(["--skip-path", "environments/aws-dev"])
        .args(["--skip-download", "--quiet", "--compact"])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command::output(&mut checkov).await.map(drop)
}
