//! Values files of the charts that ours replaces, as people keep them in git, installed by both Helms.

use chart_tests::{objects, schemas};
use e2e::helm::{Helm, Release};
use e2e::programs;
use serde_json::{Value, json};

use crate::support::shared;

const CHART: &str = "deploy/charts/mtk-controller";
const FOLDER: &str = "deploy/charts/tests/tests/controller/peers/values";
const FILES: [&str; 4] =
    ["sealed-secrets", "sealed-secrets-args", "external-secrets", "external-secrets-scoped"];

#[test]
fn helm_3_installs_values_files_of_other_charts() {
    install("MTK_HELM3", 3);
}

#[test]
fn helm_4_installs_values_files_of_other_charts() {
    install("MTK_HELM4", 4);
}

fn install(helm: &str, major: u8) {
    let shared = shared();
    let helm = Helm::new(&programs::made(helm).unwrap(), shared.cluster.plane().access());
    let mut monitors = schemas::crds().unwrap();
    monitors.retain(|crd| crd["spec"]["group"] == "monitoring.coreos.com");
    for monitor in &monitors {
        shared.cluster.apply(monitor).unwrap();
    }
    let mut wait = shared.cluster.plane().kubectl();
    wait.args(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    assert!(wait.output().unwrap().status.success());
    // Values of the files name these.
    for name in ["monitoring", "team-a"] {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        shared.cluster.apply(&namespace).unwrap();
    }
    for file in FILES {
        let path = programs::repository(&format!("{FOLDER}/{file}.yaml"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut values = objects::parse(&text).unwrap().remove(0);
        let name = format!("{file}-{major}");
        // This control plane cannot run Pods, and other tests use the default names.
        set(&mut values, &[("replicaCount", json!(0)), ("fullnameOverride", json!(name))]);
        for key in ["namespace", "namespaceOverride"] {
            values.as_object_mut().unwrap().remove(key);
        }
        let release = Release { name: &name, namespace: &name };
        helm.upgrade(release, CHART, &values).unwrap();
        helm.upgrade(release, CHART, &values).unwrap();
        helm.uninstall(release).unwrap();
    }
}

fn set(values: &mut Value, fields: &[(&str, Value)]) {
    for (key, value) in fields {
        values[key] = value.clone();
    }
}
