//! The Pods: security, settings, probes and shutdown.

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{cases, container, render, rendered, template, variable};

/// Includes the Pods of helm test, but not containers that users add.
#[test]
fn pods_meet_profile_restricted() {
    for case in cases() {
        for (object, template) in objects::pod_templates(&case.objects) {
            let of = format!("{} {}", case.name, objects::name(object));
            let pod = &template["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{of}");
            assert_eq!(pod["securityContext"]["runAsUser"], 65532, "{of}");
            let seccomp = &pod["securityContext"]["seccompProfile"];
            assert_eq!(*seccomp, json!({ "type": "RuntimeDefault" }), "{of}");
            let token = case.name == "rights" && object["kind"] == "Deployment";
            assert_eq!(pod["automountServiceAccountToken"], token, "{of}");
            for denied in ["hostNetwork", "hostPID", "hostIPC"] {
                assert_eq!(pod.get(denied), None, "{of}: {denied}");
            }
            let own = pod["containers"].as_array().unwrap();
            let own = own.iter().find(|own| own["name"] == "app" || own["name"] == "test").unwrap();
            let context = &own["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{of}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{of}");
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{of}");
            assert!(own["resources"]["limits"]["memory"].is_string(), "{of}");
            assert!(own["resources"]["requests"]["cpu"].is_string(), "{of}");
            assert_eq!(own["resources"]["limits"].get("cpu"), None, "{of}");
            for port in own["ports"].as_array().into_iter().flatten() {
                assert!(port["containerPort"].as_u64().unwrap() >= 1024, "{of}");
                assert_eq!(port.get("hostPort"), None, "{of}");
            }
        }
    }
}

#[test]
fn new_chart_version_restarts_no_pods() {
    let objects = rendered(json!({ "labels": { "team": "web" } }));
    let labels = json!({ "app.kubernetes.io/name": "app", "app.kubernetes.io/instance": "web" });
    assert_eq!(template(&objects)["metadata"]["labels"], labels);
    let annotations = template(&objects)["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["checksum/config"]);
}

#[test]
fn changed_setting_restarts_pods() {
    let checksum = |level: &str| {
        let objects = rendered(json!({ "config": { "LOG_LEVEL": level } }));
        let config = objects::object(&objects, "ConfigMap", "web-config");
        assert_eq!(config["data"]["LOG_LEVEL"], level);
        template(&objects)["metadata"]["annotations"]["checksum/config"].clone()
    };
    assert_eq!(checksum("info"), checksum("info"));
    assert_ne!(checksum("info"), checksum("debug"));
}

#[test]
fn settings_become_text() {
    let values = json!({ "A": 20, "B": 12_345_678, "C": 0.25, "D": true, "E": "a,b", "F": null });
    let objects = rendered(json!({ "config": values }));
    let data = &objects::object(&objects, "ConfigMap", "web-config")["data"];
    let expected = json!({
        "A": "20", "B": "12345678", "C": "0.25", "D": "true", "E": "a,b",
        "LOG_FORMAT": "json", "LOG_LEVEL": "info",
    });
    assert_eq!(*data, expected);
}

#[test]
fn config_map_is_omitted_without_settings() {
    let objects = rendered(json!({ "config": { "LOG_LEVEL": null, "LOG_FORMAT": null } }));
    assert!(objects::of_kind(&objects, "ConfigMap").is_empty());
    let from = &container(&objects)["envFrom"];
    assert_eq!(*from, json!([{ "secretRef": { "name": "app", "optional": true } }]));
    assert_eq!(template(&objects)["metadata"].get("annotations"), None);
}

#[test]
fn grace_period_is_split_into_delay_and_timeout() {
    let objects = rendered(json!({
        "stopDelaySeconds": 10, "terminationGracePeriodSeconds": 60,
    }));
    assert_eq!(template(&objects)["spec"]["terminationGracePeriodSeconds"], 60);
    assert_eq!(variable(&objects, "STOP_DELAY"), Some("10"));
    assert_eq!(variable(&objects, "STOP_TIMEOUT"), Some("45"));
}

#[test]
fn probes_can_be_replaced_and_disabled() {
    let objects = rendered(json!({}));
    let path = |probe: &str| container(&objects)[probe]["httpGet"]["path"].clone();
    assert_eq!(path("startupProbe"), "/healthz");
    assert_eq!(path("livenessProbe"), "/healthz");
    assert_eq!(path("readinessProbe"), "/readyz");

    let values = json!({
        "livenessProbe": { "tcpSocket": { "port": "http" } },
        "readinessProbe": { "httpGet": { "path": "/" }, "periodSeconds": 1 },
    });
    let objects = rendered(values);
    let probe = |probe: &str| container(&objects)[probe].clone();
    assert_eq!(probe("livenessProbe").get("httpGet"), None);
    assert_eq!(probe("livenessProbe")["tcpSocket"]["port"], "http");
    // The startup probe uses the check of the liveness probe.
    assert_eq!(probe("startupProbe")["tcpSocket"]["port"], "http");
    assert_eq!(probe("readinessProbe")["httpGet"], json!({ "path": "/", "port": "http" }));
    assert_eq!(probe("readinessProbe")["periodSeconds"], 1);

    let none = json!({ "livenessProbe": null, "readinessProbe": null, "startupProbe": null });
    let objects = rendered(none);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        assert_eq!(container(&objects).get(probe), None);
    }
}

#[test]
fn image_reference_has_tag_digest_or_both() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let image = |image: Value| container(&rendered(json!({ "image": image })))["image"].clone();
    assert_eq!(image(json!({})), "localhost/mtk-app:0.1.0");
    assert_eq!(image(json!({ "repository": "r:5000/a", "tag": "2" })), "r:5000/a:2");
    assert_eq!(image(json!({ "digest": digest })), format!("localhost/mtk-app@{digest}"));
    let both = json!({ "tag": "2", "digest": digest });
    assert_eq!(image(both), format!("localhost/mtk-app:2@{digest}"));
}

/// YAML would read these names as a number or as `true`.
#[test]
fn names_that_look_like_numbers_are_quoted() {
    let render = render().release("true").namespace("123");
    let objects = Helm::four().unwrap().template(&render).unwrap();
    for object in &objects {
        assert!(object["metadata"]["name"].is_string(), "{object}");
        assert_eq!(object["metadata"]["namespace"], "123");
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/instance"], "true");
    }
}
