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
fn the_readme_has_every_value_with_its_default() {
    let readme = read("README.md");
    let mut rows = BTreeMap::new();
    let (_, tables) = readme.split_once("\n## Values\n").unwrap();
    for line in tables.lines() {
        let Some(row) = line.strip_prefix("| `") else { continue };
        let Some((path, rest)) = row.split_once("` | ") else { continue };
        let (default, what) = rest.split_once("| ").unwrap();
        assert!(!what.trim_matches([' ', '|']).is_empty(), "{path} is not explained");
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

/// Values that have a row, or nothing below them.
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

/// Else a misspelt value would be ignored. What is not ours is an object of Kubernetes or of a peer,
/// passed on as it is, which has no fields in the schema.
#[test]
fn the_schema_lets_no_unknown_value_through() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    strict(&schema, "");
    let properties = schema["properties"].as_object().unwrap();
    for name in values().as_object().unwrap().keys() {
        assert!(properties.contains_key(name), "{name}");
    }
}

fn strict(schema: &Value, path: &str) {
    // Flagger's fields are its own; the schema names those that the chart sets.
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

/// Defaults of maps are merged with what a user sets, so each must be in the schema too.
#[test]
fn every_default_is_in_the_schema() {
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
fn the_example_for_production_is_one_that_is_tested() {
    let helm = Helm::four().unwrap();
    let example = helm.template(&render().values_file("values-prod.yaml")).unwrap();
    assert_eq!(example, case("production"));
    for kind in ["NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "HTTPRoute"] {
        objects::object(&example, kind, "web");
    }
}

/// What Helm puts into every subchart, and what parents set.
#[test]
fn the_chart_can_be_a_part_of_another() {
    let values = json!({ "global": { "any": "thing" }, "enabled": true });
    for helm in Helm::both().unwrap() {
        helm.template(&render().values(values.clone())).unwrap();
    }
}

#[test]
fn helm_test_asks_by_name_and_prints_no_value() {
    let objects = case("existing");
    let pod = objects::object(objects, "Pod", "web-test-secrets");
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "test");
    let policy = "before-hook-creation,hook-succeeded";
    assert_eq!(annotations["helm.sh/hook-delete-policy"], policy);
    let container = &pod["spec"]["containers"][0];
    // It asks the app, and could not show what it has not.
    assert_eq!(container.get("envFrom"), None);
    assert_eq!(pod["spec"].get("volumes"), None);
    let wanted = objects::variable(container, "SECRET_NAMES").unwrap();
    assert_eq!(wanted["value"], "SECRET_KEY,DB_PASSWORD");
    let config = objects::object(objects, "Pod", "web-test-config");
    let wanted = objects::variable(&config["spec"]["containers"][0], "CONFIG_NAMES").unwrap();
    assert_eq!(wanted["value"], "LOG_FORMAT,LOG_LEVEL");
    assert!(case("no-probes").iter().all(|object| object["kind"] != "Pod"));
}
