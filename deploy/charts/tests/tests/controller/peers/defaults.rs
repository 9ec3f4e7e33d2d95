//! Defaults and limits of both charts where they meet.

use chart_tests::{Helm, objects};
use serde_json::{Map, Value, json};

use super::texts;
use crate::{read, render, rendered};

/// Charts that render all flags of External Secrets state defaults too.
#[test]
fn flags_that_state_the_default_of_the_other_chart_pass_silently() {
    let rules = objects::parse(&read("deploy/charts/mtk-controller/files/peer-values.yaml"));
    let rules = rules.unwrap().remove(0);
    let defaults: Map<_, _> = rules["flags"]
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(flag, rule)| Some((flag.clone(), rule["default"].get(0)?.clone())))
        .collect();
    assert!(defaults.len() > 20, "{defaults:?}");
    let texts_of_flags = |flags: &Map<String, Value>| texts(&json!({ "extraArgs": flags }));
    assert_eq!(texts_of_flags(&defaults), texts(&json!({})));
    let quoted = defaults.iter().map(|(flag, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        (flag.clone(), json!(text))
    });
    assert_eq!(texts_of_flags(&quoted.collect()), texts(&json!({})));
    let notes = |values: Value| Helm::four().unwrap().notes(&render().values(values)).unwrap();
    assert_eq!(notes(json!({ "extraArgs": defaults })), notes(json!({})));
}

/// The sidecar of Grafana finds the dashboard by a label of its own.
#[test]
fn labels_of_the_dashboard_keep_those_of_the_sidecar() {
    let labels = |peer: Value| {
        let objects = rendered(json!({ "grafanaDashboard": peer }));
        let maps = objects::of_kind(&objects, "ConfigMap");
        let dashboard = maps.iter().find(|map| objects::name(map).contains("dashboard")).unwrap();
        dashboard["metadata"]["labels"].clone()
    };
    let plain = labels(json!({ "enabled": true, "extraLabels": { "a": "b" } }));
    assert_eq!((&plain["grafana_dashboard"], &plain["a"]), (&json!("1"), &json!("b")));
    let own = json!({ "enabled": true, "sidecarLabel": "side", "extraLabels": { "a": "b" } });
    let own = labels(own);
    assert_eq!((&own["side"], &own["a"]), (&json!("1"), &json!("b")));
}

/// The schema of our value holds for the other name of it too.
#[test]
fn port_below_1024_of_the_other_chart_is_rejected() {
    let values = json!({ "metrics": { "listen": { "port": 80 } } });
    let error = Helm::four().unwrap().template(&render().values(values)).unwrap_err().to_string();
    assert!(error.contains("port"), "{error}");
}
