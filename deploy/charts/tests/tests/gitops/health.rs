//! The health of a status in Flux, Helm and Argo CD, by their own code. `docs/gitops.md` has the table.
//! The end-to-end tests `health` compare the same table with real objects.

use std::io::Write as _;
use std::process::{Command, Stdio};

use chart_tests::{chart, tools};
use serde_json::{Value, json};

use crate::{ENVIRONMENTS, template, text};

const KINDS: [(&str, &str); 4] = [
    ("bitnami.com/v1alpha1", "SealedSecret"),
    ("external-secrets.io/v1", "ExternalSecret"),
    ("external-secrets.io/v1", "SecretStore"),
    ("external-secrets.io/v1", "ClusterSecretStore"),
];

/// States and statuses of an object at generation 2.
fn states() -> [(&'static str, Value); 7] {
    let conditions = |observed: i64, ready: &str, stalled: &str| {
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "observedGeneration": observed, "message": "m" });
        json!({ "observedGeneration": observed, "conditions": [
            condition("Synced", ready), condition("Ready", ready), condition("Stalled", stalled) ] })
    };
    [
        ("new", json!({ "observedGeneration": -1 })),
        ("ready", conditions(2, "True", "False")),
        ("ready, then edited", conditions(1, "True", "False")),
        ("not ready, retried", conditions(2, "False", "False")),
        ("not ready, stalled", conditions(2, "False", "True")),
        ("without status", Value::Null),
        ("without conditions", json!({ "observedGeneration": 2, "conditions": [] })),
    ]
}

#[test]
fn health_of_every_kind_in_every_state_is_as_documented() {
    for environment in ENVIRONMENTS {
        for (api_version, kind) in KINDS {
            for (state, status) in states() {
                let mut object = json!({ "apiVersion": api_version, "kind": kind,
                    "metadata": { "name": "a", "namespace": "a", "generation": 2 } });
                if !status.is_null() {
                    object["status"] = status;
                }
                let computed = compute(environment, &object);
                let [flux, kstatus, sealed, external] = documented(state);
                let argo = if kind == "SealedSecret" { sealed } else { external };
                assert_eq!(computed["kstatus"], kstatus, "kstatus: {kind} {state}");
                assert_eq!(computed["argocd"], argo, "Argo CD: {kind} {state}");
                // Apps create no ClusterSecretStore, so no rule is needed.
                let flux = if kind == "ClusterSecretStore" { "" } else { &flux };
                assert_eq!(computed["flux"], flux, "Flux: {kind} {state}");
            }
        }
    }
}

/// The cells of a row of the table, by its first cell.
fn documented(state: &str) -> [String; 4] {
    let page = std::fs::read_to_string(chart::root().join("docs/gitops.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| {state} |")));
    let row = row.unwrap_or_else(|| panic!("no row for {state} in docs/gitops.md"));
    let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
    cells[2..6].to_vec().try_into().unwrap()
}

/// With the expressions that Flux reads for this environment.
fn compute(environment: &str, object: &Value) -> Value {
    let rules = template().join("clusters").join(environment).join("apps.yaml");
    let mut child = Command::new(tools::program(tools::HEALTH).unwrap())
        .arg("status")
        .arg(rules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", text(&object["kind"]));
    serde_json::from_slice(&output.stdout).unwrap()
}
