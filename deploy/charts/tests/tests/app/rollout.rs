//! Rollouts by the Deployment, Argo Rollouts or Flagger.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, rendered};

fn deployment(objects: &[Value]) -> &Value {
    objects::object(objects, "Deployment", "web")
}

fn argo(argo: &Value) -> Vec<Value> {
    rendered(json!({ "replicaCount": 3, "rollout": { "provider": "argo", "argo": argo } }))
}

#[test]
fn deployment_keeps_old_pods_until_new_ones_are_ready() {
    let objects = rendered(json!({}));
    let rolling = json!({ "maxUnavailable": 0, "maxSurge": 1 });
    let strategy = json!({ "type": "RollingUpdate", "rollingUpdate": rolling });
    assert_eq!(deployment(&objects)["spec"]["strategy"], strategy);
    assert_eq!(deployment(case("recreate"))["spec"]["strategy"], json!({ "type": "Recreate" }));
}

#[test]
fn rollout_runs_the_template_of_the_empty_deployment() {
    let objects = argo(&json!({}));
    let rollout = objects::object(&objects, "Rollout", "web");
    assert_eq!(rollout["spec"]["replicas"], 3);
    let reference = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "scaleDown": "never" });
    assert_eq!(rollout["spec"]["workloadRef"], reference);
    assert_eq!(deployment(&objects)["spec"]["replicas"], 0);
    assert_eq!(rollout["spec"].get("template"), None);
}

/// Argo removes the Deployment's Pods once its own are ready.
#[test]
fn running_deployment_keeps_its_pods_until_takeover() {
    for scale_down in ["onsuccess", "progressively"] {
        let objects = argo(&json!({ "scaleDown": scale_down }));
        assert_eq!(deployment(&objects)["spec"]["replicas"], 3);
        let rollout = objects::object(&objects, "Rollout", "web");
        assert_eq!(rollout["spec"]["workloadRef"]["scaleDown"], scale_down);
    }
}

#[test]
fn restart_annotation_is_on_the_owner_of_the_pods() {
    let marks = |object: &Value| {
        object["metadata"]["annotations"]["mtk.mytomorrows.com/restart-on"].clone()
    };
    let objects = argo(&json!({}));
    assert_eq!(marks(objects::object(&objects, "Rollout", "web")), "app");
    assert_eq!(marks(deployment(&objects)), Value::Null);
    assert_eq!(marks(deployment(case("flagger"))), Value::Null);
    assert_eq!(marks(deployment(case("default"))), "app");
}

#[test]
fn argo_strategy_gets_its_services() {
    let services = |objects: &[Value]| {
        let services = objects::of_kind(objects, "Service");
        let name_of = |service: &&Value| service["metadata"]["name"].as_str().unwrap().to_owned();
        let mut names: Vec<_> = services.iter().map(name_of).collect();
        names.sort();
        names
    };
    assert_eq!(services(case("argo-canary")), ["web"]);

    let objects = case("argo-routing");
    assert_eq!(services(objects), ["web", "web-canary"]);
    let canary = &objects::object(objects, "Rollout", "web")["spec"]["strategy"]["canary"];
    assert_eq!(canary["stableService"], "web");
    assert_eq!(canary["canaryService"], "web-canary");
    assert_eq!(canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]["httpRoute"], "web");
    let route = objects::object(objects, "HTTPRoute", "web");
    let backends = json!([
        { "name": "web", "port": 80, "weight": 100 },
        { "name": "web-canary", "port": 80, "weight": 0 },
    ]);
    assert_eq!(route["spec"]["rules"][0]["backendRefs"], backends);

    let objects = case("argo-blue-green");
    assert_eq!(services(objects), ["web", "web-preview"]);
    let preview = objects::object(objects, "Service", "web-preview");
    assert_eq!(preview["spec"]["type"], "ClusterIP");
    let strategy = &objects::object(objects, "Rollout", "web")["spec"]["strategy"]["blueGreen"];
    assert_eq!(strategy["activeService"], "web");
    assert_eq!(strategy["previewService"], "web-preview");
    assert_eq!(strategy["autoPromotionEnabled"], false);
}

#[test]
fn chart_omits_services_and_route_with_flagger() {
    let objects = case("flagger");
    assert!(objects::of_kind(objects, "Service").is_empty());
    assert!(objects::of_kind(objects, "HTTPRoute").is_empty());
    let spec = &objects::object(objects, "Canary", "web")["spec"];
    let reference =
        |version: &str, kind: &str| json!({ "apiVersion": version, "kind": kind, "name": "web" });
    assert_eq!(spec["targetRef"], reference("apps/v1", "Deployment"));
    let scaler = reference("autoscaling/v2", "HorizontalPodAutoscaler");
    assert_eq!(spec["autoscalerRef"], scaler);
    assert_eq!(spec["provider"], "gatewayapi:v1");
    let service = json!({
        "port": 80, "portName": "http", "targetPort": "http", "hosts": ["app.example.org"],
        "gatewayRefs": [{ "name": "public", "namespace": "gateways" }],
    });
    assert_eq!(spec["service"], service);
    assert_eq!(spec["analysis"]["stepWeight"], 5);
}

/// The Deployment that Flagger creates has a different name label.
#[test]
fn policies_select_pods_of_flagger() {
    let objects = case("flagger");
    let expected = json!({
        "matchLabels": { "app.kubernetes.io/instance": "web" },
        "matchExpressions": [{
            "key": "app.kubernetes.io/name", "operator": "In", "values": ["app", "app-primary"] }],
    });
    for (kind, field) in [
        ("PodDisruptionBudget", "selector"),
        ("PodMonitor", "selector"),
        ("NetworkPolicy", "podSelector"),
    ] {
        let found = objects::of_kind(objects, kind);
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0]["spec"][field], expected, "{kind}");
    }
}

#[test]
fn flagger_can_select_by_one_label() {
    let objects = case("flagger-single");
    let selector = &deployment(objects)["spec"]["selector"]["matchLabels"];
    assert_eq!(*selector, json!({ "app.kubernetes.io/name": "web" }));
}
