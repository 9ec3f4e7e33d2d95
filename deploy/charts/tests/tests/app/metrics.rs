//! Objects for Prometheus and Grafana.

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{case, read, render, rendered};

/// The app's metrics, which its own tests check.
const METRICS: [&str; 8] = [
    "app_http_request_duration_seconds_bucket",
    "app_http_requests_total",
    "app_info",
    "app_secret_present",
    "app_secret_reload_errors_total",
    "app_secret_reloads_total",
    "app_secret_since_timestamp_seconds",
    "process_resident_memory_bytes",
];

#[test]
fn monitors_have_their_settings() {
    let monitor = objects::object(case("monitoring"), "ServiceMonitor", "web");
    assert_eq!(monitor["metadata"]["namespace"], "monitoring");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(monitor["spec"]["namespaceSelector"], json!({ "matchNames": ["demo"] }));
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["path"], "/metrics");
    assert_eq!(endpoint["port"], "http");
    assert_eq!(endpoint["interval"], "15s");
    assert_eq!(endpoint["scrapeTimeout"], "10s");
    assert_eq!(endpoint["honorLabels"], true);
    assert_eq!(endpoint["relabelings"][0]["action"], "labeldrop");
    assert_eq!(endpoint["metricRelabelings"][0]["action"], "drop");
}

#[test]
fn render_mode_applies_to_clusters_without_the_kinds() {
    let helm = Helm::four().unwrap();
    let monitors = |mode: &str, there: bool| {
        let monitor = json!({ "enabled": true });
        let metrics = json!({ "renderMode": mode, "serviceMonitor": monitor });
        let mut render = render().values(json!({ "metrics": metrics }));
        if there {
            render = render.api_versions(["monitoring.coreos.com/v1/ServiceMonitor"]);
        }
        Ok::<_, anyhow::Error>(objects::of_kind(&helm.template(&render)?, "ServiceMonitor").len())
    };
    assert_eq!(monitors("alwaysRender", false).unwrap(), 1);
    assert_eq!(monitors("skipIfMissing", false).unwrap(), 0);
    assert_eq!(monitors("skipIfMissing", true).unwrap(), 1);
    assert_eq!(monitors("failIfMissing", true).unwrap(), 1);
    let error = monitors("failIfMissing", false).unwrap_err().to_string();
    assert!(error.contains("this cluster has no ServiceMonitor"), "{error}");
}

#[test]
fn alerts_can_be_disabled_changed_and_added() {
    let alerts = |objects: &[Value]| -> Vec<String> {
        let rules =
            &objects::object(objects, "PrometheusRule", "web")["spec"]["groups"][0]["rules"];
        rules
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["alert"].as_str().unwrap().into())
            .collect()
    };
    let all = rendered(json!({ "metrics": { "prometheusRule": { "enabled": true } } }));
    let ours = ["AppDown", "AppSecretMissing", "AppSecretReloadFails", "AppErrors", "AppSlow"];
    assert_eq!(alerts(&all), ours);
    let mut changed = ours[1..].to_vec();
    changed.push("TooManyReloads");
    assert_eq!(alerts(case("monitoring")), changed);
    let rules =
        &objects::object(case("monitoring"), "PrometheusRule", "web")["spec"]["groups"][0]["rules"];
    assert!(rules[3]["expr"].as_str().unwrap().ends_with("> 0.5"), "{}", rules[3]);
}

#[test]
fn alerts_and_dashboard_query_existing_metrics_of_these_pods() {
    let objects = rendered(json!({ "metrics": {
        "prometheusRule": { "enabled": true }, "dashboard": { "enabled": true } } }));
    let rule = &objects::object(&objects, "PrometheusRule", "web")["spec"]["groups"][0];
    let rules = rule["rules"].as_array().unwrap().iter().map(|rule| &rule["expr"]);
    let dashboard = objects::object(&objects, "ConfigMap", "web-dashboard");
    let dashboard: Value =
        serde_json::from_str(dashboard["data"]["demo-web.json"].as_str().unwrap()).unwrap();
    assert_eq!(dashboard["title"], "demo/web");
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut seen = Vec::new();
    for expression in rules.chain(targets.map(|target| &target["expr"])) {
        let expression = expression.as_str().unwrap();
        for (at, _) in expression.match_indices('{') {
            let name = expression[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
            let name = name.unwrap();
            assert!(METRICS.contains(&name), "{name} in {expression}");
            let selector = expression[at..].split('}').next().unwrap();
            let pods = r#"namespace="demo",pod=~"web-.*""#;
            assert!(selector.contains(pods), "{selector} in {expression}");
            seen.push(name);
        }
    }
    for metric in METRICS {
        assert!(seen.contains(&metric), "{metric} is not used");
    }
}

#[test]
fn releases_have_separate_dashboards() {
    let uid = |release: &str| {
        let values = json!({ "metrics": { "dashboard": { "enabled": true } } });
        let render = render().release(release).values(values);
        let objects = Helm::four().unwrap().template(&render).unwrap();
        let map = objects::object(&objects, "ConfigMap", &format!("{release}-dashboard"));
        let text = map["data"].as_object().unwrap().values().next().unwrap();
        let dashboard: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        let uid = dashboard["uid"].as_str().unwrap().to_owned();
        // Grafana limits the length.
        assert!(uid.len() <= 40, "{uid}");
        uid
    };
    assert_ne!(uid("web"), uid("api"));
    assert!(!read("files/dashboard.json").contains("demo"));
}
