//! The tables of the README and the notes.

use std::collections::BTreeMap;

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{read, render};

const CHART: &str = "deploy/charts/mtk-controller";

#[test]
fn readme_lists_every_value_with_its_default() {
    let rows = rows("| value | default | meaning |");
    let values = values();
    for (path, cells) in &rows {
        let value = values.pointer(&pointer(path));
        let value = value.unwrap_or_else(|| panic!("the value {path} does not exist"));
        let shown = match value {
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let said = cells[0].replace(", ", ",").replace("\": ", "\":");
        assert!(said == shown || cells[0] == "see values.yaml", "{path}: {said} is {shown}");
    }
    let mut missing = Vec::new();
    missed(&values, "", &rows, &mut missing);
    assert!(missing.is_empty(), "the README has no row for {missing:?}");
}

/// Otherwise Helm would ignore a misspelt value.
#[test]
fn schema_rejects_unknown_values() {
    let schema: Value = serde_json::from_str(&read(format!("{CHART}/values.schema.json"))).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    strict(&schema, "");
    let properties = schema["properties"].as_object().unwrap();
    for name in values().as_object().unwrap().keys() {
        assert!(properties.contains_key(name), "{name}");
    }
}

#[test]
fn notes_describe_the_next_steps() {
    let helm = Helm::four().unwrap();
    let notes = helm.notes(&render()).unwrap();
    for text in [
        "runs in kube-system and watches all namespaces",
        "kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml",
        "mtk-seal init --name APP --namespace NAMESPACE\n",
    ] {
        assert!(notes.contains(text), "{notes}");
    }
    assert!(!notes.contains("WARNING") && !notes.contains("NOTE"), "{notes}");

    let values = json!({
        "fullnameOverride": "seal", "namespace": "sealing", "keyNamespace": "keys",
        "additionalNamespaces": ["team-a"], "crds": { "keep": false }, "rbac": { "create": false },
    });
    let notes = helm.notes(&render().values(values)).unwrap();
    for text in [
        "runs in sealing and watches keys, team-a",
        "-n keys -l",
        "--controller-name seal --controller-namespace sealing",
        "WARNING: crds.keep is false",
        "needs the permissions in docs/install.md",
    ] {
        assert!(notes.contains(text), "{notes}");
    }
    let stopped = helm.notes(&render().values(json!({ "replicaCount": 0 }))).unwrap();
    assert!(stopped.contains("stopped: replicaCount is 0"), "{stopped}");
}

/// The rows of the table with this header, by their first cell.
fn rows(head: &str) -> BTreeMap<String, Vec<String>> {
    let readme = read(format!("{CHART}/README.md"));
    let (_, table) = readme.split_once(head).unwrap();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let mut cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let cells = cells.drain(1..4).collect::<Vec<_>>();
            (cells[0].trim_matches('`').to_owned(), cells[1..].to_vec())
        })
        .collect()
}

fn values() -> Value {
    objects::parse(&read(format!("{CHART}/values.yaml"))).unwrap().remove(0)
}

fn pointer(path: &str) -> String {
    path.split('.').fold(String::new(), |pointer, part| format!("{pointer}/{part}"))
}

/// Values without a row for themselves or a parent.
fn missed(value: &Value, path: &str, rows: &BTreeMap<String, Vec<String>>, out: &mut Vec<String>) {
    if rows.contains_key(path) {
        return;
    }
    match value.as_object().filter(|fields| !fields.is_empty()) {
        Some(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                missed(value, &path, rows, out);
            }
        }
        None => out.push(path.to_owned()),
    }
}

fn strict(schema: &Value, path: &str) {
    if schema.get("properties").is_some() {
        assert_eq!(schema["additionalProperties"], false, "{path}");
    }
    match schema {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| strict(value, &format!("{path}/{name}")));
        }
        Value::Array(items) => items.iter().for_each(|item| strict(item, path)),
        _ => {}
    }
}
