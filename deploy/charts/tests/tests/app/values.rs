//! The values, their schema and the README agree.

use std::collections::BTreeMap;

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{case, read, render};

fn values() -> Value {
    objects::parse(&read("values.yaml")).unwrap().remove(0)
}

fn schema() -> Value {
    serde_json::from_str(&read("values.schema.json")).unwrap()
}

#[test]
fn readme_lists_every_value_with_its_default() {
    let readme = read("README.md");
    let mut rows = BTreeMap::new();
    let (_, tables) = readme.split_once("\n## Values\n").unwrap();
    for line in tables.lines() {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let Some((path, rest)) = row.split_once("` | ") else { continue };
        let (default, what) = rest.split_once("| ").unwrap();
        assert!(!what.trim_matches([' ', '|']).is_empty(), "{path} has no explanation");
        rows.insert(path.to_owned(), default.trim().to_owned());
    }
    let mut missing = Vec::new();
    let mut count = 0;
    leaves(&values(), "", &rows, &mut |path, value| {
        count += 1;
        let Some(said) = rows.get(path) else { return missing.push(path.to_owned()) };
        let shown = match value {
            Value::Null => String::new(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            Value::Number(mode) if path.ends_with("defaultMode") => {
                format!("`{:04o}`", mode.as_u64().unwrap())
            }
            other => format!("`{other}`"),
        };
        let said = said.replace(", ", ",").replace("\": ", "\":");
        assert!(said == shown || said == "see values.yaml", "{path}: {said} is {shown}");
    });
    assert!(missing.is_empty(), "the README has no row for {missing:?}");
    assert!(count > 200, "{count}");
}

/// Values with a row, or without nested values.
fn leaves(
    value: &Value,
    path: &str,
    rows: &BTreeMap<String, String>,
    visit: &mut impl FnMut(&str, &Value),
) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !rows.contains_key(path) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                leaves(value, path.trim_start_matches('.'), rows, visit);
            }
        }
        _ => visit(path, value),
    }
}

/// Otherwise Helm would ignore a misspelt value. Objects of Kubernetes and of other projects are passed
/// on unchanged and have no fields in the schema.
#[test]
fn schema_rejects_unknown_values() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    strict(&schema, "");
    let properties = schema["properties"].as_object().unwrap();
    for name in values().as_object().unwrap().keys() {
        assert!(properties.contains_key(name), "{name}");
    }
}

fn strict(schema: &Value, path: &str) {
    // Flagger defines these fields. The schema contains only those that the chart sets.
    if schema.get("properties").is_some() && !path.ends_with("/flagger/properties/canary") {
        assert_eq!(schema["additionalProperties"], false, "{path}");
    }
    match schema {
        Value::Object(fields) => {
            for (name, field) in fields {
                strict(field, &format!("{path}/{name}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strict(item, path)),
        _ => {}
    }
}

/// Helm merges default maps with the user's values, so the schema must contain them.
#[test]
fn schema_contains_every_default() {
    fn check(value: &Value, schema: &Value, path: &str) {
        let (Some(fields), Some(properties)) =
            (value.as_object(), schema["properties"].as_object())
        else {
            return;
        };
        for (name, value) in fields {
            let property = &properties.get(name);
            if path.ends_with(".canary") && property.is_none() {
                continue;
            }
            let property = property.unwrap_or_else(|| panic!("{path}.{name}"));
            check(value, property, &format!("{path}.{name}"));
        }
    }
    check(&values(), &schema(), "");
}

#[test]
fn production_example_is_a_test_case() {
    let helm = Helm::four().unwrap();
    let example = helm.template(&render().values_file("values-prod.yaml")).unwrap();
    assert_eq!(example, case("production"));
    for kind in ["NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "HTTPRoute"] {
        objects::object(&example, kind, "web");
    }
}

/// Helm and parent charts add values to every subchart.
#[test]
fn chart_works_as_a_subchart() {
    let values = json!({ "global": { "any": "thing" }, "enabled": true });
    for helm in Helm::both().unwrap() {
        helm.template(&render().values(values.clone())).unwrap();
    }
}

#[test]
fn helm_test_prints_no_values() {
    let objects = case("existing");
    let pod = objects::object(objects, "Pod", "web-test-secrets");
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "test");
    let policy = "before-hook-creation,hook-succeeded";
    assert_eq!(annotations["helm.sh/hook-delete-policy"], policy);
    let container = &pod["spec"]["containers"][0];
    // The Pod gets no secrets, so it could not print them.
    assert_eq!(container.get("envFrom"), None);
    assert_eq!(pod["spec"].get("volumes"), None);
    let wanted = objects::variable(container, "SECRET_NAMES").unwrap();
    assert_eq!(wanted["value"], "SECRET_KEY,DB_PASSWORD");
    let config = objects::object(objects, "Pod", "web-test-config");
    let wanted = objects::variable(&config["spec"]["containers"][0], "CONFIG_NAMES").unwrap();
    assert_eq!(wanted["value"], "LOG_FORMAT,LOG_LEVEL");
    assert!(case("no-probes").iter().all(|object| object["kind"] != "Pod"));
}
