//! No value of a secret is in a plan, a state, an output or a release of Helm.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::project::Project;
use super::release;
use super::workspace::Workspace;
use crate::command::{self, program};
use crate::tools::Terraform;

const PLAN: &str = "first.tfplan";
/// The secret whose revision the test raises.
const ADDRESS: &str = "module.secrets.aws_secretsmanager_secret_version.this[\"app\"]";

/// Plans and applies our configuration, and one that leaks on purpose. Without Helm, it leaves out releases.
pub(super) async fn check(
    workspace: &Workspace,
    terraform: &Terraform,
    helm: Option<&Path>,
) -> anyhow::Result<()> {
    let canary = canary();
    let home = workspace.home().join("testing/canary");
    let ours = Project::new(terraform, &home.join("ours"));
    let found = found(&written(&ours, &canary, helm).await?, &canary)?;
    ensure!(found.is_empty(), "the value is in {found:?}");
    revisions(&ours, &canary).await?;

    let leaks = Project::new(terraform, &home.join("leaks"));
    let directory = written(&leaks, &canary, helm).await?;
    let found = self::found(&directory, &canary)?;
    let release = helm.map(|_| "release.json");
    for name in
        ["plan.json", "state.json", "terraform.tfstate", "tfplan"].into_iter().chain(release)
    {
        let file = directory.join(name);
        ensure!(
            found.iter().any(|path| path.starts_with(&file) || path.ends_with(name)),
            "the leak in {name} was not found: only {found:?}"
        );
    }
    Ok(())
}

/// A text that occurs nowhere else. The time makes it different in each run.
fn canary() -> String {
    let now = std::time::SystemTime::now();
    let digest = Sha256::digest(format!("{now:?}"));
    let hex = digest.iter().take(12).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("canary-{hex}")
}

fn variables(canary: &str, revision: u32) -> Vec<String> {
    let secrets = format!("app_secrets={{SECRET_KEY=\"{canary}\"}}");
    vec![secrets, format!("revision={revision}")]
}

/// Plans, applies and shows everything. Returns the directory with all of it.
async fn written(project: &Project, canary: &str, helm: Option<&Path>) -> anyhow::Result<PathBuf> {
    let out = project.directory().join("written");
    fs::create_dir(&out)?;
    let variables = variables(canary, 1);
    project.init().await?;
    fs::write(out.join("plan.txt"), project.plan(PLAN, &variables).await?)?;
    fs::write(out.join("plan.json"), project.show(Some(PLAN)).await?)?;
    fs::write(out.join("apply.txt"), project.apply(PLAN, &variables).await?)?;
    let state = project.show(None).await?;
    ensure!(state.contains("\"address\""), "nothing was applied");
    fs::write(out.join("state.json"), state)?;
    let outputs = command::output(&mut project.command(&["output", "-json"])).await?;
    fs::write(out.join("outputs.json"), outputs)?;
    for name in [PLAN, "terraform.tfstate"] {
        fs::copy(project.directory().join(name), out.join(name))
            .with_context(|| format!("Terraform wrote no {name}"))?;
    }
    if let Some(helm) = helm {
        fs::write(out.join("release.json"), release::stored(project, helm).await?.join("\n"))?;
    }
    // A plan is an archive.
    let mut unzip = program("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(out.join(PLAN)).arg(out.join("unpacked"));
    command::output(&mut unzip).await?;
    Ok(out)
}

/// A changed value needs a new revision, and then changes nothing else.
async fn revisions(project: &Project, canary: &str) -> anyhow::Result<()> {
    let other = format!("{canary}-changed");
    project.plan("same.tfplan", &variables(&other, 1)).await?;
    let changes = project.changes("same.tfplan").await?;
    ensure!(changes.is_empty(), "without a new revision, the plan has {changes:?}");
    project.plan("raised.tfplan", &variables(&other, 2)).await?;
    let changes = project.changes("raised.tfplan").await?;
    let expected = [(ADDRESS.to_owned(), "update".to_owned())];
    ensure!(changes == expected, "with a new revision, the plan has {changes:?}");
    Ok(())
}

/// The files under a directory that contain the value, plain or in base64.
fn found(directory: &Path, value: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(self::found(&path, value)?);
        } else if contains(&fs::read(&path)?, value) {
            found.push(path);
        }
    }
    Ok(found)
}

fn contains(content: &[u8], value: &str) -> bool {
    let has = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
    // In base64 the value may start at any of three positions. Its first and last letters depend on its
    // neighbours, so they are left out.
    let encoded = (0..3).map(|start| {
        let whole = (value.len() - start) / 3 * 3;
        STANDARD.encode(&value[start..start + whole])
    });
    has(value.as_bytes()) || encoded.into_iter().any(|text| has(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_found_in_base64_at_any_position() {
        for before in ["", "a", "ab", "abc"] {
            let content = STANDARD.encode(format!("{before}canary-0123 and more"));
            assert!(contains(content.as_bytes(), "canary-0123"), "{content}");
        }
        assert!(contains(b"x canary-0123 y", "canary-0123"));
    }

    #[test]
    fn other_values_are_not_found() {
        assert!(!contains(b"sparrow-012 in c3BhcnJvdy0wMTI=", "canary-0123"));
    }
}
