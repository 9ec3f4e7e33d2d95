//! Alerts and dashboard use existing metrics.

use std::{collections::BTreeSet, fs, path::Path};

use chart_tests::{chart, objects};
use serde_json::{Value, json};

use crate::{case, read, rendered};

const PREFIXES: [&str; 2] = ["sealed_secrets_controller_", "mtk_controller_"];

#[test]
fn alerts_use_metrics_of_the_controller() {
    let there = controller_metrics();
    for name in ["monitoring", "pod-monitor", "own-alerts"] {
        for rule in rules(case(name)) {
            let used = metrics_in(rule["expr"].as_str().unwrap());
            assert!(!used.is_empty(), "{rule}");
            assert_eq!(used.difference(&there).next(), None, "{rule}");
        }
    }
}

#[test]
fn dashboard_uses_metrics_of_the_controller() {
    let there = controller_metrics();
    let mut used = BTreeSet::new();
    for panel in dashboard()["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let metrics = metrics_in(target["expr"].as_str().unwrap());
            assert!(!metrics.is_empty(), "{panel}");
            used.extend(metrics);
        }
    }
    assert_eq!(used, there, "the dashboard shows each metric");
}

#[test]
fn alerts_have_summary_and_description() {
    for name in ["monitoring", "pod-monitor"] {
        for rule in rules(case(name)) {
            assert!(rule["alert"].is_string() && rule["for"].is_string(), "{rule}");
            assert!(
                ["warning", "critical"].map(|s| json!(s)).contains(&rule["labels"]["severity"])
            );
            for text in ["summary", "description"] {
                let text = rule["annotations"][text].as_str().unwrap();
                assert!(text.len() > 20 && !text.ends_with('\n'), "{text:?}");
            }
        }
    }
}

/// Without names of objects, the metric `condition_info` does not exist.
#[test]
fn alert_counts_failures_without_names_of_objects() {
    let expressions = |name: &str| -> String {
        rules(case(name)).iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect()
    };
    assert!(expressions("monitoring").contains("condition_info"));
    assert!(!expressions("pod-monitor").contains("condition_info"));
    assert!(expressions("pod-monitor").contains("unseal_errors_total"));
}

#[test]
fn monitors_match_the_metrics_port() {
    let objects = case("monitoring");
    let monitor = objects::object(objects, "ServiceMonitor", "mtk-controller");
    assert_eq!(monitor["metadata"]["namespace"], "monitoring");
    assert_eq!(monitor["spec"]["namespaceSelector"], json!({ "matchNames": ["kube-system"] }));
    let selector = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    let selected: Vec<_> = objects::of_kind(objects, "Service")
        .into_iter()
        .filter(|service| {
            selector.iter().all(|(key, value)| service["metadata"]["labels"][key] == *value)
        })
        .map(|service| service["metadata"]["name"].clone())
        .collect();
    assert_eq!(selected, ["mtk-controller-metrics"], "or each would be scraped three times");
    let service = objects::object(objects, "Service", "mtk-controller-metrics");
    assert_eq!(service["spec"]["ports"][0]["name"], monitor["spec"]["endpoints"][0]["port"]);

    let objects = case("pod-monitor");
    let monitor = objects::object(objects, "PodMonitor", "mtk-controller");
    let deployment = objects::object(objects, "Deployment", "mtk-controller");
    let container = objects::container(&deployment["spec"]["template"], "controller");
    assert_eq!(container["ports"][1]["name"], monitor["spec"]["podMetricsEndpoints"][0]["port"]);
}

#[test]
fn dashboard_is_rendered_unchanged() {
    let objects = rendered(json!({ "metrics": { "dashboards": { "create": true } } }));
    let map = objects::object(&objects, "ConfigMap", "mtk-controller-dashboard");
    let text = map["data"]["mtk-controller.json"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), dashboard());
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}

fn dashboard() -> Value {
    let path = "deploy/charts/mtk-controller/files/dashboards/mtk-controller.json";
    serde_json::from_str(&read(path)).unwrap()
}

fn rules(objects: &[Value]) -> Vec<Value> {
    let rule = objects::of_kind(objects, "PrometheusRule")[0];
    let groups = rule["spec"]["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// The words of a query with the prefix of our metrics.
fn metrics_in(query: &str) -> BTreeSet<String> {
    query
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .map(ToOwned::to_owned)
        .collect()
}

/// The metrics in the table of the documentation. The source registers each one without `_total` and `_bucket`.
fn controller_metrics() -> BTreeSet<String> {
    let operations = read("docs/operations.md");
    let rows = operations.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: BTreeSet<_> = rows.filter_map(|row| metrics_in(row).into_iter().next()).collect();
    let source = source(&chart::root().join("controller/src"));
    for name in &named {
        let mut suffixes = ["_total", "_bucket"].into_iter();
        let base = suffixes.find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let short = PREFIXES.iter().find_map(|prefix| base.strip_prefix(prefix)).unwrap();
        let registered = [short, base].iter().any(|name| source.contains(&format!("\"{name}\"")));
        assert!(registered, "docs/operations.md lists {name}, but the source does not register it");
    }
    assert!(named.len() >= 8, "{named:?}");
    named
}

/// All files below a folder.
fn source(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { source(&path) } else { fs::read_to_string(path).unwrap() })
        .collect()
}

#[test]
fn monitors_use_tls_and_the_token_of_prometheus() {
    let endpoint = |objects: &[Value], kind: &str, field: &str| {
        let monitor = objects.iter().find(|object| object["kind"] == kind).unwrap();
        monitor["spec"][field][0].clone()
    };
    let metrics = json!({
        "tls": { "enabled": true }, "authorization": { "enabled": true },
        "serviceMonitor": { "enabled": true },
    });
    let objects = rendered(json!({ "metrics": metrics }));
    let service = endpoint(&objects, "ServiceMonitor", "endpoints");
    assert_eq!(service["scheme"], "https");
    assert_eq!(service["tlsConfig"], json!({ "insecureSkipVerify": true }));
    assert_eq!(service["bearerTokenFile"], "/var/run/secrets/kubernetes.io/serviceaccount/token");
    let metrics = json!({
        "tls": { "enabled": true, "secretName": "metrics-tls" },
        "podMonitor": { "enabled": true }, "service": { "enabled": false },
    });
    let objects = rendered(json!({ "metrics": metrics }));
    let pod = endpoint(&objects, "PodMonitor", "podMetricsEndpoints");
    let server = json!({ "serverName": "mtk-controller-metrics.kube-system.svc" });
    assert_eq!(pod["tlsConfig"], server);
    assert_eq!(pod["bearerTokenFile"], Value::Null);
    let all = serde_json::to_string(&objects).unwrap();
    assert!(all.contains("--metrics-cert-dir=/etc/mtk-controller/metrics"), "{all}");
    assert!(all.contains(r#""secretName":"metrics-tls""#), "{all}");
    assert!(!all.contains("tokenreviews"), "no permission without authorization");
}
