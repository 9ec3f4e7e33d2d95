//! A real API server accepts all objects that the charts render, without a warning.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use chart_tests::{Helm, Render, chart, parallel, schemas};
use e2e::controlplane::Access;
use serde_json::{Value, json};

use crate::support::shared;

/// The namespace of the releases.
const NAMESPACE: &str = "charts";

/// Also under the Pod security profile `restricted`: the API server warns of Pods that violate it.
#[test]
fn rendered_charts_pass_a_server_side_dry_run() {
    let cases = cases();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, objects: &[Value]| {
        let path = directory.path().join(format!("{name}.json"));
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        fs::write(&path, list.to_string()).unwrap();
        path
    };

    // The prerequisites: the kinds, the namespaces, and the identities of Pods.
    let mut kinds = schemas::crds().unwrap();
    kinds.retain(|crd| crd["spec"]["group"] != "bitnami.com");
    let all = || cases.iter().flat_map(|(_, objects)| objects);
    let mut namespaces: BTreeSet<_> = all().filter_map(namespace_of).collect();
    namespaces.insert(NAMESPACE);
    let mut prepared: Vec<_> = namespaces.into_iter().map(namespace).collect();
    prepared.extend(all().filter(|object| object["kind"] == "ServiceAccount").cloned());
    let kubectl = Kubectl::new(directory.path());
    let said = kubectl.apply(&[write("kinds", &kinds)], &[]);
    assert_eq!(said, "", "the CustomResourceDefinitions");
    kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    let said = kubectl.apply(&[write("prepared", &prepared)], &[]);
    assert_eq!(said, "", "namespaces and ServiceAccounts");

    // One file for each case, because kubectl names the file of an object.
    let files: Vec<_> = cases.iter().map(|(case, objects)| write(case, objects)).collect();
    assert_eq!(kubectl.apply(&files, &["--dry-run=server"]), "");
}

/// The objects of each values file, without those that another file also has.
fn cases() -> Vec<(String, Vec<Value>)> {
    let helm = Helm::four().unwrap();
    let api_versions = schemas::api_versions().unwrap();
    let newest = schemas::kubernetes_minors().unwrap().pop().unwrap();
    let mut work = Vec::new();
    for chart in chart::all().unwrap() {
        for file in chart.values_files().unwrap() {
            let render = Render::chart(&chart)
                .namespace(NAMESPACE)
                .values_file(&file)
                .api_versions(api_versions.clone())
                .kube_version(&format!("1.{newest}.0"));
            work.push((format!("{}-{}", chart.name(), chart::name(&file)), render));
        }
    }
    let rendered = parallel::map(work, |(case, render)| (case, helm.template(&render).unwrap()));
    let mut seen = HashSet::new();
    let mut new = |objects: Vec<Value>| -> Vec<Value> {
        objects.into_iter().filter(|object| seen.insert(object.to_string())).collect()
    };
    rendered.into_iter().map(|(case, objects)| (case, new(objects))).collect()
}

fn namespace_of(object: &Value) -> Option<&str> {
    object["metadata"]["namespace"].as_str()
}

fn namespace(name: &str) -> Value {
    let labels = json!({ "pod-security.kubernetes.io/warn": "restricted" });
    json!({ "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": labels } })
}

/// kubectl as Helm uses it: objects without a namespace are in the namespace of the release.
struct Kubectl {
    kubeconfig: PathBuf,
}

impl Kubectl {
    fn new(directory: &Path) -> Kubectl {
        let admins = fs::read(access().kubeconfig()).unwrap();
        let mut config: Value = serde_json::from_slice(&admins).unwrap();
        config["contexts"][0]["context"]["namespace"] = json!(NAMESPACE);
        let kubeconfig = directory.join("kubeconfig");
        fs::write(&kubeconfig, config.to_string()).unwrap();
        Kubectl { kubeconfig }
    }

    /// Applies files server-side. Returns warnings and errors.
    fn apply(&self, files: &[PathBuf], flags: &[&str]) -> String {
        let mut arguments = vec!["apply", "--server-side", "--force-conflicts"];
        arguments.extend(flags);
        for file in files {
            arguments.extend(["-f", file.to_str().unwrap()]);
        }
        self.run(&arguments)
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut kubectl = access().kubectl();
        let output = kubectl.args(arguments).env("KUBECONFIG", &self.kubeconfig).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() || !said.is_empty(), "kubectl {}", arguments.join(" "));
        said
    }
}

fn access() -> &'static Access {
    shared().cluster.plane().access()
}
