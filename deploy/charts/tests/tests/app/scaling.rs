//! Number and placement of Pods.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, rendered, template};

#[test]
fn replicas_are_omitted_with_autoscaler() {
    let objects = rendered(json!({ "autoscaling": { "enabled": true } }));
    let deployment = objects::object(&objects, "Deployment", "web");
    assert_eq!(deployment["spec"].get("replicas"), None);
    let spec = &objects::object(&objects, "HorizontalPodAutoscaler", "web")["spec"];
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    assert_eq!(spec["scaleTargetRef"], target);
    assert_eq!(spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 300);
    assert_eq!(spec["metrics"].as_array().unwrap().len(), 1);
}

#[test]
fn autoscaler_scales_the_rollout() {
    let objects = case("argo-routing");
    let spec = &objects::object(objects, "HorizontalPodAutoscaler", "web")["spec"];
    let target = json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web" });
    assert_eq!(spec["scaleTargetRef"], target);
    assert_eq!(objects::object(objects, "Rollout", "web")["spec"].get("replicas"), None);
    assert_eq!(objects::object(objects, "Deployment", "web")["spec"]["replicas"], 0);
}

#[test]
fn autoscaler_has_all_metrics() {
    let spec = &objects::object(case("hpa"), "HorizontalPodAutoscaler", "web")["spec"];
    let kinds: Vec<_> =
        spec["metrics"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(kinds, ["Resource", "Resource", "Pods"]);
    assert_eq!(spec["behavior"]["scaleUp"]["policies"][0]["value"], 100);
}

/// With one Pod, a budget would block every drain or have no effect.
#[test]
fn budget_is_rendered_for_at_least_two_pods() {
    let budget = |values: Value| {
        let objects = rendered(values);
        objects::find(&objects, "PodDisruptionBudget", "web").map(|budget| budget["spec"].clone())
    };
    assert_eq!(budget(json!({})), None);
    assert_eq!(budget(json!({ "replicaCount": 0 })), None);
    let two = budget(json!({ "replicaCount": 2 })).unwrap();
    assert_eq!(two["maxUnavailable"], 1);
    assert_eq!(two["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    assert!(budget(json!({ "autoscaling": { "enabled": true } })).is_some());
    let one = json!({ "replicaCount": 5, "autoscaling": { "enabled": true, "minReplicas": 1 } });
    assert_eq!(budget(one), None);
    let off = json!({ "replicaCount": 2, "podDisruptionBudget": { "enabled": false } });
    assert_eq!(budget(off), None);
    let none = json!({ "podDisruptionBudget": { "enabled": true, "maxUnavailable": 0 } });
    assert_eq!(budget(none).unwrap()["maxUnavailable"], 0);
    let half = json!({ "replicaCount": 2, "podDisruptionBudget": { "minAvailable": "50%" } });
    let half = budget(half).unwrap();
    assert_eq!(half["minAvailable"], "50%");
    assert_eq!(half.get("maxUnavailable"), None);
}

#[test]
fn pods_spread_if_possible() {
    let objects = rendered(json!({}));
    let spread = template(&objects)["spec"]["topologySpreadConstraints"].as_array().unwrap();
    let keys: Vec<_> = spread.iter().map(|one| &one["topologyKey"]).collect();
    assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    assert!(spread.iter().all(|one| one["whenUnsatisfiable"] == "ScheduleAnyway"));
    let labels = &template(&objects)["metadata"]["labels"];
    assert!(spread.iter().all(|one| one["labelSelector"]["matchLabels"] == *labels));

    let none = &template(case("recreate"))["spec"];
    assert_eq!(none.get("topologySpreadConstraints"), None);
    let own = &template(case("placement"))["spec"]["topologySpreadConstraints"];
    assert_eq!(own.as_array().unwrap().len(), 1);
    assert_eq!(own[0]["whenUnsatisfiable"], "DoNotSchedule");
    assert!(own[0]["labelSelector"]["matchLabels"].is_object());
}
