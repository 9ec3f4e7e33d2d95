//! The text that Helm stores in the cluster for a release of Terraform's state.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::project::Project;
use crate::command::{self, program};

/// Helm's text of each release in the state, without a cluster: chart, values and manifest.
pub(super) async fn stored(project: &Project, helm: &Path) -> anyhow::Result<Vec<String>> {
    let state: Value = serde_json::from_str(&project.show(None).await?)?;
    let releases = releases(&state["values"]["root_module"]);
    ensure!(!releases.is_empty(), "the state has no release");
    let mut stored = Vec::new();
    for release in releases {
        stored.push(text(project, helm, release).await?);
    }
    Ok(stored)
}

/// The arguments of the releases of a module and of the modules in it.
fn releases(module: &Value) -> Vec<&Value> {
    let list = |value: &'static str| module[value].as_array().into_iter().flatten();
    let own = list("resources").filter(|resource| resource["type"] == "helm_release");
    let own = own.map(|resource| &resource["values"]);
    own.chain(list("child_modules").flat_map(releases)).collect()
}

async fn text(project: &Project, helm: &Path, release: &Value) -> anyhow::Result<String> {
    let argument = |name: &str| release[name].as_str().with_context(|| format!("no {name}"));
    let mut install = program(helm);
    install
        .current_dir(project.directory())
        .args(["install", argument("name")?, argument("chart")?])
        .args(["--namespace", release["namespace"].as_str().unwrap_or("default")])
        .args(["--dry-run=client", "--output=json"])
        // Without a cluster, and without the user's settings.
        .env("KUBECONFIG", "/dev/null");
    let directory = tempfile::tempdir()?;
    let values = release["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (number, values) in values.enumerate() {
        let file = directory.path().join(format!("{number}.yaml"));
        fs::write(&file, values)?;
        install.arg("--values").arg(file);
    }
    for list in ["set", "set_sensitive"] {
        for set in release[list].as_array().into_iter().flatten() {
            let part = |name: &str| set[name].as_str().unwrap_or_default();
            install.arg("--set").arg(format!("{}={}", part("name"), part("value")));
        }
    }
    command::output(&mut install).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn releases_of_inner_modules_are_found() {
        let release = |name| json!({ "type": "helm_release", "values": { "name": name } });
        let module = json!({
            "resources": [release("a"), { "type": "aws_vpc", "values": {} }],
            "child_modules": [{ "child_modules": [{ "resources": [release("b")] }] }],
        });
        let names: Vec<_> = releases(&module).iter().map(|values| &values["name"]).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
