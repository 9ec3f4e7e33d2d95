//! The schemas reject what an API server would reject or silently drop.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::fs;

use chart_tests::kubeconform::Kubeconform;
use chart_tests::schemas;
use serde_json::{Value, json};

#[test]
fn valid_objects_pass_in_every_version() {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a", "labels": null },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": "a" } },
            "strategy": { "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 0 } },
            "template": { "metadata": { "labels": { "app": "a" } }, "spec": { "containers": [
                { "name": "a", "image": "a", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } },
            ] } },
        },
    });
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" },
                         "data": { "a": "YQ==" } });
    for minor in schemas::kubernetes_minors().unwrap() {
        assert_eq!(problems(minor, [&deployment, &secret, &route(json!({}))]), [""; 0]);
    }
}

#[test]
fn unknown_field_is_rejected() {
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" },
                      "spec": { "containers": [{ "name": "a", "imagePolicy": "Always" }] } });
    refused(&pod, "imagePolicy");
    refused(&route(json!({ "hostNames": ["a.example"] })), "hostNames");
    let mut labelled = route(json!({}));
    labelled["metadata"]["labels"] = json!({ "number": 1 });
    refused(&labelled, "/metadata/labels/number");
}

#[test]
fn value_of_wrong_type_is_rejected() {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" },
                         "data": { "a": "not base64" } });
    refused(&secret, "/data/a");
    let config = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" },
                         "data": { "a": 1 } });
    refused(&config, "/data/a");
    refused(
        &route(json!({ "rules": [{ "backendRefs": [{ "name": "a", "port": "http" }] }] })),
        "port",
    );
}

#[test]
fn unknown_kind_or_version_is_rejected() {
    let old = json!({ "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
                      "metadata": { "name": "a" }, "spec": {} });
    refused(&old, "PodDisruptionBudget");
    let mut other = route(json!({}));
    other["apiVersion"] = json!("gateway.networking.k8s.io/v1beta9");
    refused(&other, "HTTPRoute");
}

#[test]
fn field_of_later_version_is_rejected_in_earlier_version() {
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" },
                          "spec": { "trafficDistribution": "PreferClose" } });
    assert_eq!(problems(37, [&service]), [""; 0]);
    assert_eq!(problems(28, [&service]).len(), 1);
}

fn route(spec: Value) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": { "name": "a" }, "spec": spec })
}

fn refused(object: &Value, because: &str) {
    let problems = problems(37, [object]);
    assert!(problems.len() == 1 && problems[0].contains(because), "{because}: {problems:?}");
}

fn problems<'o>(minor: u32, objects: impl IntoIterator<Item = &'o Value>) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, object) in objects.into_iter().enumerate() {
        let path = directory.path().join(format!("{number}.json"));
        fs::write(&path, object.to_string()).unwrap();
        files.push(path);
    }
    let (count, problems) = Kubeconform::new().unwrap().check(minor, &files).unwrap();
    assert_eq!(count, files.len() as u64);
    problems
}
