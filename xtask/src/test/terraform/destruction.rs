//! The objects that a destroy of the controller deletes.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::project::Project;
use super::release;
use super::workspace::Workspace;
use crate::tools::Terraform;

const CREATE: &str = "create.tfplan";
const DESTROY: &str = "destroy.tfplan";
/// Starts each object in the manifest of a release.
const SEPARATOR: &str = "\n---\n";

/// The controller's module deletes its release only. With Helm, the check also reads what the release deletes with it.
pub(super) async fn check(
    workspace: &Workspace,
    terraform: &Terraform,
    helm: Option<&Path>,
) -> anyhow::Result<()> {
    let project = Project::new(terraform, &workspace.home().join("modules/controller"));
    project.init().await?;
    project.plan(CREATE, &[]).await?;
    project.apply(CREATE, &[]).await?;
    if let Some(helm) = helm {
        let [release] = &release::stored(&project, helm).await?[..] else {
            anyhow::bail!("the module has more than one release");
        };
        let release: Value = serde_json::from_str(release)?;
        kept(release["manifest"].as_str().context("the release has no manifest")?)?;
    }
    project.plan_destruction(DESTROY).await?;
    let changes = project.changes(DESTROY).await?;
    let expected = [("helm_release.this".to_owned(), "delete".to_owned())];
    ensure!(changes == expected, "a destroy deletes {changes:?}");
    project.apply(DESTROY, &[]).await.map(drop)
}

/// The release has no sealing key, and Helm keeps its CRDs.
fn kept(manifest: &str) -> anyhow::Result<()> {
    let objects = || manifest.split(SEPARATOR);
    let is = |object: &str, kind: &str| object.lines().any(|line| line == format!("kind: {kind}"));
    let crds = || objects().filter(|object| is(object, "CustomResourceDefinition"));
    ensure!(crds().count() > 1, "the release has no CRDs");
    for object in crds() {
        ensure!(
            object.contains("\n    helm.sh/resource-policy: keep\n"),
            "a destroy would delete a CRD, and with it all of its objects:\n{object:.300}"
        );
    }
    ensure!(
        !objects().any(|object| is(object, "Secret")),
        "a destroy would delete a Secret of the release"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRD: &str = "kind: CustomResourceDefinition\nmetadata:\n  annotations:\n    \
                       helm.sh/resource-policy: keep\n  name: a\n";

    #[test]
    fn release_that_takes_a_crd_or_a_secret_along_is_rejected() {
        let manifest = |objects: &[&str]| objects.join(SEPARATOR);
        kept(&manifest(&[CRD, CRD, "kind: Deployment\n"])).unwrap();
        assert!(kept(&manifest(&[CRD, &CRD.replace("keep", "delete")])).is_err());
        assert!(kept(&manifest(&[CRD, CRD, "kind: Secret\n"])).is_err());
        assert!(kept("kind: Deployment\n").is_err());
    }
}
