//! Every selector matches only the app's Pods.

use chart_tests::objects;
use serde_json::Value;

use crate::cases;

#[test]
fn selectors_match_app_pods_but_not_helm_test_pods() {
    let mut seen = 0;
    for case in cases() {
        let templates = objects::pod_templates(&case.objects);
        for object in &case.objects {
            let selector = match object["kind"].as_str().unwrap() {
                "NetworkPolicy" => &object["spec"]["podSelector"],
                "Service" | "Deployment" | "PodDisruptionBudget" | "PodMonitor" => {
                    &object["spec"]["selector"]
                }
                _ => continue,
            };
            // The selector of a Service contains only labels.
            let labels = selector.get("matchLabels").unwrap_or(selector);
            let expressions = selector["matchExpressions"].as_array();
            let of = format!("{} {}", case.name, objects::name(object));
            let selected: Vec<_> = templates
                .iter()
                .filter(|(_, template)| {
                    let there = &template["metadata"]["labels"];
                    let labels = labels.as_object().unwrap();
                    labels.iter().all(|(key, value)| there[key] == *value)
                        && expressions.into_iter().flatten().all(|one| is_in(one, there))
                })
                .map(|(object, _)| object["kind"].as_str().unwrap())
                .collect();
            assert_eq!(selected, ["Deployment"], "{of}");
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn service_monitor_matches_only_the_main_service() {
    let mut seen = 0;
    for case in cases() {
        for monitor in objects::of_kind(&case.objects, "ServiceMonitor") {
            let selector = &monitor["spec"]["selector"];
            let services = objects::of_kind(&case.objects, "Service");
            let selected: Vec<_> = services
                .iter()
                .filter(|service| {
                    let there = &service["metadata"]["labels"];
                    let labels = selector["matchLabels"].as_object().unwrap();
                    labels.iter().all(|(key, value)| there[key] == *value)
                        && there.get("app.kubernetes.io/component").is_none()
                })
                .map(|service| service["metadata"]["name"].as_str().unwrap())
                .collect();
            assert_eq!(selected, ["web"], "{}", case.name);
            let excludes = &selector["matchExpressions"][0];
            assert_eq!(excludes["operator"], "DoesNotExist");
            assert_eq!(excludes["key"], "app.kubernetes.io/component");
            seen += 1;
        }
    }
    assert!(seen > 2, "{seen}");
}

/// The operator `In`, which is the only one for Pods in the chart.
fn is_in(expression: &Value, labels: &Value) -> bool {
    assert_eq!(expression["operator"], "In");
    let values = expression["values"].as_array().unwrap();
    values.contains(&labels[expression["key"].as_str().unwrap()])
}
