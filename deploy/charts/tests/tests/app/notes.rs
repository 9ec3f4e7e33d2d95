//! The notes of the release.

use chart_tests::Helm;
use serde_json::{Value, json};

use crate::{render, sealed};

fn notes(values: Value) -> String {
    Helm::four().unwrap().notes(&render().values(values)).unwrap()
}

fn assert_contains(notes: &str, texts: &[&str]) {
    for text in texts {
        assert!(notes.contains(text), "no {text:?} in:\n{notes}");
    }
}

#[test]
fn notes_name_the_secret_and_the_seal_command() {
    let seal = "mtk-seal --name app --namespace demo < secrets.env > sealed.yaml \
                && kubectl apply -f sealed.yaml\n";
    assert_contains(&notes(json!({})), &["from Secret app", "starts without", seal]);
    let existing = notes(json!({ "secrets": { "existingSecret": "app" } }));
    assert_contains(
        &existing,
        &["waits for Secret app", seal, "rollout restart deployment/web -n demo"],
    );

    let scope = "namespace-wide";
    let data = json!({ "A": sealed() });
    let sealed = json!({ "enabled": true, "encryptedData": data, "scope": scope });
    let sealed = notes(json!({ "secrets": { "name": "s", "sealedSecret": sealed } }));
    let seal = "mtk-seal --name s --namespace demo --scope namespace-wide < secrets.env";
    assert_contains(&sealed, &["sealedsecret/s -n demo", seal]);

    let without = notes(json!({ "secrets": { "enabled": false } }));
    assert!(!without.contains("mtk-seal"), "{without}");
}

#[test]
fn notes_warn_of_plaintext_and_describe_the_migration() {
    let deprecated = notes(json!({ "envSecrets": { "KEY": "plaintext-value" } }));
    assert_contains(
        &deprecated,
        &[
            "WARNING: envSecrets are plaintext",
            "mtk-seal --name web-secret --namespace demo < secrets.env > sealed.yaml",
            "--set secrets.name=web-secret",
            "--set-file secrets.sealedSecret.manifest=sealed.yaml",
        ],
    );
    assert!(!deprecated.contains("plaintext-value"));
    assert!(!notes(json!({})).contains("WARNING"));
}

#[test]
fn notes_list_deprecated_values() {
    let old = Helm::four().unwrap().notes(&render().values_file("ci/old-values.yaml")).unwrap();
    assert_contains(
        &old,
        &[
            "name=mytomorrows-app: use nameOverride",
            "envConfigs: use config",
            "envConfigs.PORT does not reach the app",
            "service.targetPort=80: the app listens at 8080 instead",
        ],
    );
    assert!(!notes(json!({})).contains("Deprecated values"));
}

#[test]
fn notes_contain_the_address_of_the_app() {
    let service = |kind: &str| notes(json!({ "service": { "type": kind } }));
    let both = "{.status.loadBalancer.ingress[0].ip}{.status.loadBalancer.ingress[0].hostname}";
    assert_contains(&service("LoadBalancer"), &[both, "http://$ADDRESS:80/"]);
    assert_contains(&service("NodePort"), &["{.spec.ports[0].nodePort}", "http://$ADDRESS:$PORT/"]);
    assert_contains(&service("ClusterIP"), &["port-forward service/web 8080:80 -n demo"]);
    let hosts = json!([{ "host": "app.example.org", "paths": [{ "path": "/a" }] }]);
    let tls = json!([{ "hosts": ["app.example.org"] }]);
    let ingress = notes(json!({ "ingress": { "enabled": true, "hosts": hosts, "tls": tls } }));
    assert_contains(&ingress, &["https://app.example.org/a"]);
    let route = json!({ "enabled": true, "parentRefs": [{ "name": "g" }], "hostnames": ["a.b"] });
    assert_contains(&notes(json!({ "httpRoute": route })), &["http://a.b/"]);
}

#[test]
fn notes_warn_of_a_second_load_balancer() {
    let route = json!({ "enabled": true, "parentRefs": [{ "name": "g" }] });
    let second = "creates a second load balancer";
    let with = notes(json!({ "httpRoute": route, "service": { "type": "LoadBalancer" } }));
    assert_contains(&with, &[second]);
    assert!(!notes(json!({ "httpRoute": route })).contains(second));
    assert!(!notes(json!({ "service": { "type": "LoadBalancer" } })).contains(second));
}

#[test]
fn notes_warn_of_an_unencrypted_listener() {
    let notes = |section: &str| {
        let values = json!({ "httpRoute": { "sectionName": section } });
        let render = render().values_file("ci/gateway-values.yaml").values(values);
        Helm::four().unwrap().notes(&render).unwrap()
    };
    let warning = "the HTTP listener serves the app unencrypted";
    assert_contains(&notes(""), &[warning, "http://app.example.org/"]);
    let https = notes("https");
    assert_contains(&https, &["https://app.example.org/"]);
    assert!(!https.contains(warning), "{https}");
}
