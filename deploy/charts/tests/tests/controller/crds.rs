//! The CustomResourceDefinitions in the chart.

use std::fs;

use chart_tests::{chart, objects};
use serde_json::{Value, json};

use crate::{case, controller, read, rendered};

#[test]
fn chart_contains_crds_of_the_crate() {
    let names = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(chart::root().join(directory)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let (ours, charts) = ("crds/manifests", "deploy/charts/mtk-controller/files/crds");
    assert_eq!(names(ours), names(charts));
    for name in names(ours) {
        let same = read(format!("{ours}/{name}")) == read(format!("{charts}/{name}"));
        assert!(same, "{name} differs\nhint: run `cargo xtask manifests`");
    }
}

#[test]
fn crds_are_rendered_unchanged_and_kept() {
    let manifest = objects::parse(&read("crds/manifests/sealedsecrets.yaml")).unwrap();
    for name in ["default", "restart", "install.yaml"] {
        let definition = definition(case(name));
        assert_eq!(definition["spec"], manifest[0]["spec"], "{name}");
        assert_eq!(definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
}

#[test]
fn crds_can_be_disabled_and_not_kept() {
    let none = case("namespaced");
    assert!(objects::of_kind(none, "CustomResourceDefinition").is_empty());
    let objects = case("no-rights");
    let annotations = &definition(objects)["metadata"]["annotations"];
    assert_eq!(*annotations, json!({ "argocd.argoproj.io/sync-options": "Prune=false" }));
    let objects = rendered(json!({ "crds": { "annotations": { "a": "b" } } }));
    let annotations = &definition(&objects)["metadata"]["annotations"];
    assert_eq!(*annotations, json!({ "helm.sh/resource-policy": "keep", "a": "b" }));
}

/// Helm never upgrades the files in that directory.
#[test]
fn chart_has_no_crds_directory() {
    assert!(!controller().directory().join("crds").exists());
}

fn definition(objects: &[Value]) -> &Value {
    objects::object(objects, "CustomResourceDefinition", "sealedsecrets.bitnami.com")
}
