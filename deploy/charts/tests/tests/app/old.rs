//! Values of the old chart.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, container, rendered, template, variable};

#[test]
fn objects_keep_names_and_selectors_of_old_chart() {
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
fn old_ports_route_to_the_unprivileged_port() {
    let objects = case("old");
    let service = &objects::object(objects, "Service", "web")["spec"];
    assert_eq!(service["type"], "LoadBalancer");
    let port = json!([{ "name": "http", "port": 6666, "targetPort": "http", "protocol": "TCP" }]);
    assert_eq!(service["ports"], port);
    assert_eq!(container(objects)["ports"][0]["containerPort"], 8080);
    // The port does not depend on the ConfigMap.
    assert_eq!(variable(objects, "PORT"), Some("8080"));
    assert_eq!(objects::object(objects, "ConfigMap", "web-config")["data"]["PORT"], "80");

    let objects = rendered(json!({ "service": { "targetPort": 9000 } }));
    assert_eq!(container(&objects)["ports"][0]["containerPort"], 9000);
    assert_eq!(variable(&objects, "PORT"), Some("9000"));
}

#[test]
fn old_probes_apply_to_startup() {
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let way = json!({ "path": "/", "port": "http" });
        assert_eq!(container(case("old"))[probe]["httpGet"], way);
    }
}

/// The app keeps its Secret during the migration to sealed values.
#[test]
fn secret_is_kept_and_can_be_taken_over() {
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
fn values_of_every_type_become_text() {
    let objects = case("old-types");
    let secret = objects::object(objects, "Secret", "web-secret");
    let value = |name: &str| secret["data"][name].as_str().unwrap().to_owned();
    assert_eq!(value("PIN"), "MTIzNDU2Nw==");
    assert_eq!(value("CARD"), "MTIzNDU2Nzg5MDEyMzQ1Ng==");
    assert_eq!(value("ENABLED"), "dHJ1ZQ==");
    assert_eq!(value("WITH_COMMAS"), "YSxiPWMuZA==");
    assert_eq!(value("LINES"), "b25lCnR3bwo=");
    assert_eq!(value("SPECIAL"), "InEiICRIT01FIHt7IHggfX0gw7w=");
    let config = &objects::object(objects, "ConfigMap", "web-config")["data"];
    assert_eq!(config["BIG"], "12345678");
    assert_eq!(config["RATIO"], "0.25");
    assert_eq!(config["LONG"], "9007199254740991");
    assert_eq!(config["NEGATIVE"], "-1234567890123456");
    assert_eq!(config["DECIMAL"], "1234567.5");
    assert_eq!(config["SMALL"], "0.00001");
    assert_eq!(config["LIST"], "a,b,c");
    assert_eq!(config["TEMPLATE"], "{{ .Values.x }}");
}

/// No other object contains the value or its hash.
#[test]
fn only_the_secret_contains_env_secrets_values() {
    let of = |value: &str| {
        let objects = rendered(json!({ "envSecrets": { "KEY": value } }));
        objects.into_iter().filter(|object| object["kind"] != "Secret").collect::<Vec<Value>>()
    };
    assert_eq!(of("one"), of("two"));
    assert!(!format!("{:?}", of("plaintext-value")).contains("plaintext-value"));
}

#[test]
fn migration_to_sealed_values_keeps_the_name() {
    let sealed = json!({ "enabled": true, "encryptedData": { "KEY": crate::sealed() } });
    let before = rendered(json!({ "envSecrets": { "KEY": "x" } }));
    let after = rendered(json!({ "secrets": { "name": "web-secret", "sealedSecret": sealed } }));
    objects::object(&before, "Secret", "web-secret");
    assert_eq!(objects::find(&after, "Secret", "web-secret"), None);
    objects::object(&after, "SealedSecret", "web-secret");
    let pods = |objects: &[Value]| template(objects).clone();
    assert_eq!(pods(&before), pods(&after));
}
