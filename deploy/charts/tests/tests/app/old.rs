//! Values of the old chart.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, container, rendered, template, variable};

#[test]
fn its_objects_keep_their_names_and_selectors() {
    let objects = case("old");
    let selector = json!({
        "app.kubernetes.io/name": "mytomorrows-app", "app.kubernetes.io/instance": "web" });
    let deployment = objects::object(objects, "Deployment", "web");
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], selector);
    let service = objects::object(objects, "Service", "web");
    assert_eq!(service["spec"]["selector"], selector);
    assert_eq!(service["metadata"]["labels"]["app"], "mytomorrows");
    assert_eq!(template(objects)["metadata"]["labels"]["app"], "mytomorrows");
    objects::object(objects, "ConfigMap", "web-config");
    objects::object(objects, "Secret", "web-secret");
}

#[test]
fn its_ports_lead_to_the_app_that_is_not_root() {
    let objects = case("old");
    let service = &objects::object(objects, "Service", "web")["spec"];
    assert_eq!(service["type"], "LoadBalancer");
    let port = json!([{ "name": "http", "port": 6666, "targetPort": "http", "protocol": "TCP" }]);
    assert_eq!(service["ports"], port);
    assert_eq!(container(objects)["ports"][0]["containerPort"], 8080);
    // Whatever the ConfigMap says.
    assert_eq!(variable(objects, "PORT"), Some("8080"));
    assert_eq!(objects::object(objects, "ConfigMap", "web-config")["data"]["PORT"], "80");

    let objects = rendered(json!({ "service": { "targetPort": 9000 } }));
    assert_eq!(container(&objects)["ports"][0]["containerPort"], 9000);
    assert_eq!(variable(&objects, "PORT"), Some("9000"));
}

#[test]
fn its_probes_are_asked_at_the_start_too() {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let way = json!({ "path": "/", "port": "http" });
        assert_eq!(container(case("old"))[probe]["httpGet"], way);
    }
}

/// What makes the move to sealed values possible without a moment without the Secret.
#[test]
fn its_secret_stays_when_it_leaves_the_release_and_may_be_taken_over() {
    let secret = objects::object(case("old"), "Secret", "web-secret");
    let annotations = json!({
        "argocd.argoproj.io/sync-options": "Prune=false",
        "helm.sh/resource-policy": "keep",
        "sealedsecrets.bitnami.com/managed": "true",
    });
    assert_eq!(secret["metadata"]["annotations"], annotations);
    assert_eq!(secret["type"], "Opaque");
    let from = container(case("old"))["envFrom"].as_array().unwrap();
    let reference = json!({ "secretRef": { "name": "web-secret", "optional": false } });
    assert!(from.contains(&reference), "{from:?}");
}

#[test]
fn values_of_every_kind_arrive_as_their_text() {
    let objects = case("old-types");
    let secret = objects::object(objects, "Secret", "web-secret");
    let value = |name: &str| secret["data"][name].as_str().unwrap().to_owned();
    assert_eq!(value("PIN"), "MTIzNDU2Nw==");
    assert_eq!(value("ENABLED"), "dHJ1ZQ==");
    assert_eq!(value("WITH_COMMAS"), "YSxiPWMuZA==");
    assert_eq!(value("LINES"), "b25lCnR3bwo=");
    assert_eq!(value("SPECIAL"), "InEiICRIT01FIHt7IHggfX0gw7w=");
    let config = &objects::object(objects, "ConfigMap", "web-config")["data"];
    assert_eq!(config["BIG"], "12345678");
    assert_eq!(config["LIST"], "a,b,c");
    assert_eq!(config["TEMPLATE"], "{{ .Values.x }}");
}

/// They are in the Secret, and nowhere else: no hash of them either.
#[test]
fn a_value_of_env_secrets_is_in_the_secret_alone() {
    let of = |value: &str| {
        let objects = rendered(json!({ "envSecrets": { "KEY": value } }));
        objects.into_iter().filter(|object| object["kind"] != "Secret").collect::<Vec<Value>>()
    };
    assert_eq!(of("one"), of("two"));
    assert!(!format!("{:?}", of("plaintext-value")).contains("plaintext-value"));
}

#[test]
fn moving_to_sealed_values_keeps_the_name() {
    let sealed = json!({ "enabled": true, "encryptedData": { "KEY": crate::sealed() } });
    let before = rendered(json!({ "envSecrets": { "KEY": "x" } }));
    let after = rendered(json!({ "secrets": { "name": "web-secret", "sealedSecret": sealed } }));
    objects::object(&before, "Secret", "web-secret");
    assert_eq!(objects::find(&after, "Secret", "web-secret"), None);
    objects::object(&after, "SealedSecret", "web-secret");
    let pods = |objects: &[Value]| template(objects).clone();
    assert_eq!(pods(&before), pods(&after));
}
