//! The app's Secret: its source, and its delivery to the app.

use chart_tests::{Helm, Render, objects};
use serde_json::{Value, json};

use crate::{container, refused, render, rendered, sealed, template, variable};

const RESTART_ON: &str = "mtk.mytomorrows.com/restart-on";

fn with(secrets: Value) -> Vec<Value> {
    rendered(json!({ "secrets": secrets }))
}

fn restart_on(objects: &[Value]) -> Option<&Value> {
    objects::of_kind(objects, "Deployment")[0]["metadata"].get("annotations")?.get(RESTART_ON)
}

fn secret_ref(objects: &[Value]) -> Option<&Value> {
    let mut from = container(objects)["envFrom"].as_array().into_iter().flatten();
    from.find_map(|from| from.get("secretRef"))
}

fn volume(objects: &[Value]) -> Option<&Value> {
    let volumes = template(objects)["spec"]["volumes"].as_array().unwrap();
    Some(&volumes.iter().find(|volume| volume["name"] == "secrets")?["secret"])
}

/// Sealed values are bound to the name.
#[test]
fn secret_name_is_independent_of_the_release_by_default() {
    for release in ["web", "api"] {
        let helm = Helm::four().unwrap();
        let name = |values: Value| {
            let render = render().release(release).values(json!({ "secrets": values }));
            secret_ref(&helm.template(&render).unwrap()).unwrap()["name"].clone()
        };
        assert_eq!(name(json!({})), "app");
        assert_eq!(name(json!({ "existingSecret": "other" })), "other");
        let asked = format!("{release}-secret");
        assert_eq!(name(json!({ "name": "{{ .Release.Name }}-secret" })), asked);
        assert_eq!(name(json!({ "existingSecret": "{{ .Release.Name }}-secret" })), asked);
    }
}

#[test]
fn pods_wait_for_the_secret_of_a_known_source() {
    let optional = |secrets: Value| secret_ref(&with(secrets)).unwrap()["optional"].clone();
    assert_eq!(optional(json!({})), true);
    assert_eq!(optional(json!({ "optional": false })), false);
    assert_eq!(optional(json!({ "existingSecret": "app" })), false);
    assert_eq!(optional(json!({ "existingSecret": "app", "optional": true })), true);
    let values = json!({ "sealedSecret": { "enabled": true, "encryptedData": { "A": sealed() } } });
    assert_eq!(optional(values), false);
}

#[test]
fn disabled_secrets_are_not_mentioned() {
    let objects = with(json!({ "enabled": false }));
    assert_eq!(secret_ref(&objects), None);
    assert_eq!(volume(&objects), None);
    assert_eq!(restart_on(&objects), None);
    assert_eq!(variable(&objects, "APP_SECRETS"), None);
    assert_eq!(objects::find(&objects, "Pod", "web-test-secrets"), None);
}

#[test]
fn sealed_secret_is_rendered_and_its_names_reach_the_app() {
    let objects = with(json!({
        "asEnv": { "prefix": "APP_" },
        "names": ["MORE"],
        "sealedSecret": {
            "enabled": true,
            "encryptedData": { "KEY": sealed(), "DROPPED": sealed() },
            "template": { "data": { "USER": "app", "DROPPED": null } },
        },
    }));
    let object = objects::object(&objects, "SealedSecret", "app");
    assert_eq!(object["spec"]["encryptedData"]["KEY"], sealed());
    let template = &object["spec"]["template"];
    assert_eq!(template["type"], "Opaque");
    assert_eq!(template["data"], json!({ "USER": "app", "DROPPED": null }));
    assert_eq!(variable(&objects, "APP_SECRETS"), Some("APP_KEY,APP_USER,MORE"));
    assert_eq!(variable(&objects, "REQUIRED_SECRETS"), Some("APP_KEY,APP_USER"));
    assert_eq!(secret_ref(&objects).unwrap()["name"], "app");
    // The prefix is a field of the entry, not of the reference.
    let entry = container(&objects)["envFrom"].as_array().unwrap();
    assert!(entry.iter().any(|from| from["prefix"] == "APP_" && from.get("secretRef").is_some()));
}

/// A sealed setting is still a setting: the app rejects it as the name of a secret.
#[test]
fn sealed_setting_is_not_a_secret_name() {
    let data = json!({ "KEY": sealed(), "LOG_LEVEL": sealed(), "API_BASE_URL": sealed() });
    let objects = with(json!({ "sealedSecret": { "enabled": true, "encryptedData": data } }));
    assert_eq!(variable(&objects, "APP_SECRETS"), Some("KEY"));
    assert_eq!(variable(&objects, "REQUIRED_SECRETS"), Some("KEY"));
}

/// The controller may be faster than Helm, which checks this annotation before it deletes an object that
/// left the release.
#[test]
fn sealed_secret_template_has_keep_annotation() {
    let data = json!({ "KEY": sealed() });
    let template = json!({ "annotations": { "note": "x" } });
    let sealed = json!({ "enabled": true, "encryptedData": data, "template": template });
    let objects = with(json!({ "sealedSecret": sealed }));
    let object = objects::object(&objects, "SealedSecret", "app");
    let annotations = json!({ "helm.sh/resource-policy": "keep", "note": "x" });
    assert_eq!(object["spec"]["template"]["metadata"]["annotations"], annotations);
    assert_eq!(object["metadata"].get("annotations"), None);
}

#[test]
fn scope_is_an_annotation_of_the_sealed_secret() {
    for scope in ["namespace-wide", "cluster-wide"] {
        let data = json!({ "KEY": sealed() });
        let sealed = json!({ "enabled": true, "encryptedData": data, "scope": scope });
        let objects = with(json!({ "sealedSecret": sealed }));
        let annotations =
            &objects::object(&objects, "SealedSecret", "app")["metadata"]["annotations"];
        assert_eq!(*annotations, json!({ (format!("sealedsecrets.bitnami.com/{scope}")): "true" }));
    }
}

fn manifest(text: &str) -> Render {
    let sealed = json!({ "enabled": true, "manifest": text });
    render().values(json!({ "secrets": { "sealedSecret": sealed } }))
}

#[test]
fn manifest_of_mtk_seal_is_rendered_unchanged() {
    let item = sealed();
    let text = format!(
        "# a comment\n---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  \
         name: app\n  namespace: demo\n  annotations:\n    \
         sealedsecrets.bitnami.com/namespace-wide: \"true\"\nspec:\n  encryptedData:\n    \
         KEY: {item}\n  template:\n    type: example.org/x\n    immutable: true\n    metadata:\n      \
         labels:\n        team: web\n"
    );
    for helm in Helm::both().unwrap() {
        let objects = helm.template(&manifest(&text)).unwrap();
        let object = objects::object(&objects, "SealedSecret", "app");
        let annotations = json!({ "sealedsecrets.bitnami.com/namespace-wide": "true" });
        assert_eq!(object["metadata"]["annotations"], annotations);
        assert_eq!(object["spec"]["encryptedData"], json!({ "KEY": item }));
        let template = &object["spec"]["template"];
        assert_eq!(template["type"], "example.org/x");
        assert_eq!(template["immutable"], true);
        assert_eq!(template["metadata"]["labels"], json!({ "team": "web" }));
        assert_eq!(variable(&objects, "REQUIRED_SECRETS"), Some("KEY"));
    }
}

#[test]
fn files_are_mounted_as_directory_readable_by_the_group() {
    let files = json!({ "asEnv": { "enabled": false }, "asFiles": { "enabled": true } });
    let objects = with(files);
    assert_eq!(secret_ref(&objects), None);
    let volume = volume(&objects).unwrap();
    let mode = json!({ "secretName": "app", "defaultMode": 0o440, "optional": true });
    assert_eq!(*volume, mode);
    assert_eq!(template(&objects)["spec"]["securityContext"]["fsGroup"], 65532);
    let mounts = container(&objects)["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == "secrets").unwrap();
    let whole = json!({ "name": "secrets", "mountPath": "/var/run/secrets/app", "readOnly": true });
    assert_eq!(*mount, whole);
    assert_eq!(variable(&objects, "SECRETS_DIR"), Some("/var/run/secrets/app"));
}

#[test]
fn variables_and_files_can_be_combined() {
    let objects = with(json!({ "existingSecret": "s", "asFiles": { "enabled": true } }));
    assert_eq!(secret_ref(&objects).unwrap()["name"], "s");
    assert_eq!(volume(&objects).unwrap()["secretName"], "s");
}

#[test]
fn restart_is_requested_for_environment_variables() {
    let files = json!({ "enabled": true });
    let only_files = json!({ "asEnv": { "enabled": false }, "asFiles": files });
    assert_eq!(restart_on(&with(json!({}))), Some(&json!("app")));
    assert_eq!(restart_on(&with(json!({ "existingSecret": "s" }))), Some(&json!("s")));
    assert_eq!(restart_on(&with(json!({ "asFiles": files }))), Some(&json!("app")));
    assert_eq!(restart_on(&with(only_files.clone())), None);
    assert_eq!(restart_on(&with(json!({ "restartOnChange": false }))), None);
    let mut asked = only_files;
    asked["restartOnChange"] = json!(true);
    assert_eq!(restart_on(&with(asked)), Some(&json!("app")));
}

#[test]
fn checksum_covers_ciphertext_and_is_off_by_default() {
    let checksum = |item: String, wanted: bool| {
        let sealed = json!({ "enabled": true, "encryptedData": { "KEY": item } });
        let objects = with(json!({ "checksum": wanted, "sealedSecret": sealed }));
        template(&objects)["metadata"]["annotations"].get("checksum/secret").cloned()
    };
    assert_eq!(checksum(sealed(), false), None);
    assert!(checksum(sealed(), true).is_some());
    assert_eq!(checksum(sealed(), true), checksum(sealed(), true));
    assert_ne!(checksum(sealed(), true), checksum("B".repeat(724), true));
}

#[test]
fn external_secret_has_the_same_name() {
    let external = json!({
        "enabled": true,
        "storeRef": { "name": "aws" },
        "target": { "deletionPolicy": "Retain" },
        "data": [{ "secretKey": "KEY", "remoteRef": { "key": "prod/app" } }],
    });
    let objects = with(json!({ "externalSecret": external }));
    let spec = &objects::object(&objects, "ExternalSecret", "app")["spec"];
    assert_eq!(spec["secretStoreRef"], json!({ "name": "aws", "kind": "SecretStore" }));
    assert_eq!(spec["target"], json!({ "name": "app", "deletionPolicy": "Retain" }));
    assert_eq!(variable(&objects, "REQUIRED_SECRETS"), Some("KEY"));
}

/// `ci/refused` contains the other errors.
#[test]
fn two_sources_are_rejected_with_their_names() {
    let sealed = json!({ "enabled": true, "encryptedData": { "KEY": sealed() } });
    let external = json!({ "enabled": true });
    let sources = [
        ("envSecrets", json!({ "envSecrets": { "A": "b" } })),
        ("secrets.sealedSecret", json!({ "secrets": { "sealedSecret": sealed } })),
        ("secrets.externalSecret", json!({ "secrets": { "externalSecret": external } })),
        ("secrets.existingSecret", json!({ "secrets": { "existingSecret": "s" } })),
    ];
    for (first, one) in &sources {
        for (second, other) in sources.iter().skip_while(|(name, _)| name != first).skip(1) {
            let both = render().values(one.clone()).values(other.clone());
            let error = Helm::four().unwrap().template(&both).unwrap_err().to_string();
            assert!(error.contains(&format!("are set: {first}, {second}")), "{error}");
        }
    }
    assert!(refused(json!({ "secrets": { "asEnv": { "enabled": false } } })).contains("not reach"));
}
