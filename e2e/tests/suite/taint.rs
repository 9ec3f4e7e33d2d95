//! No value of a secret is ever anywhere but in the data of the Secret.
//!
//! Canaries go through every path that we know of, good and bad, with all logs on; then everything
//! that the controller wrote or said is searched for them, raw, in base64 and in hex.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealing::Scope;
use serde_json::{Value, json};

use crate::support::{
    Api, Kind, eventually, foreign, pause, sealed, sealed_with, shared, vector_key,
};

#[tokio::test]
async fn a_value_is_nowhere_but_in_the_data_of_the_secret() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("taint").await;
    let canary = canary();
    for (name, reason, object) in scenario(&ns, &canary) {
        if name == "blocked" {
            api.create(Kind::Secret, foreign(&ns, name)).await;
        }
        api.apply(Kind::SealedSecret, &object).await;
        api.wait_reason(&ns, name, reason).await;
    }
    changes(&api, &ns, &canary).await;
    pause(1500).await;

    let found = needles(&canary);
    let holds = |text: &str| found.iter().any(|needle| text.contains(needle));
    let secret = api.secret(&ns, "fine").await.unwrap();
    assert!(holds(&secret["data"].to_string()), "the search can find it");

    let mut said = vec![
        ("the log", shared.controller.log().unwrap()),
        ("the metrics", shared.controller.metrics_text().unwrap()),
        ("the certificate", shared.controller.get("/v1/cert.pem").unwrap()),
    ];
    let audit = shared.cluster.plane().directory().join("audit.log");
    said.push(("the audit log", fs::read_to_string(audit).unwrap()));
    for event in api.list(Kind::Event, None).await {
        said.push(("an Event", event.to_string()));
    }
    for object in api.list(Kind::SealedSecret, None).await {
        said.push(("a SealedSecret", object.to_string()));
    }
    for secret in api.list(Kind::Secret, None).await {
        said.push(("the metadata of a Secret", secret["metadata"].to_string()));
    }
    assert!(said.len() > 30, "{}", said.len());
    for (what, text) in said {
        // The text itself is not shown: a failed test must not leak either.
        assert!(!holds(&text), "{what} holds a value");
    }
}

/// Objects with the canary in them, and the reason that each ends with.
fn scenario(ns: &str, canary: &str) -> Vec<(&'static str, &'static str, Value)> {
    let one = |name: &str| sealed(ns, name, &[("A", canary)]);
    let with = |name: &str, item: &str, template: Value| {
        let mut object = sealed(ns, name, &[(item, canary)]);
        object["spec"]["template"] = template;
        object
    };
    let legacy = |name: &str, json: &str| {
        let item = vector_key("rsa2048").seal(Scope::Strict, ns, name, json);
        json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                "metadata": { "namespace": ns, "name": name },
                "spec": { "data": item, "encryptedData": {} } })
    };
    let template = |text: &str| json!({ "data": { "t": text } });
    let other_scope = {
        let key = vector_key("rsa2048");
        let mut object = sealed_with(&key, Scope::NamespaceWide, ns, "scope", &[("A", canary)]);
        object["metadata"].as_object_mut().unwrap().remove("annotations");
        object
    };
    // As large as an object may be, and as a Secret one too large.
    let large = format!("{canary}{}", "x".repeat(1_060_000));
    vec![
        ("fine", "Unsealed", one("fine")),
        ("changed", "Unsealed", one("changed")),
        ("blocked", "NotOwned", one("blocked")),
        ("scope", "ScopeMismatch", other_scope),
        ("fail", "TemplateInvalid", with("fail", "A", template("{{ fail .A }}"))),
        ("index", "TemplateInvalid", with("index", "A", template("{{ index .A 99 }}"))),
        // Go writes the value into the output, which is the Secret's own.
        ("printf", "Unsealed", with("printf", "A", template("{{ printf \"%d\" .A }}"))),
        ("tls", "InvalidSecret", with("tls", "tls.crt", json!({ "type": "kubernetes.io/tls" }))),
        (
            "docker",
            "InvalidSecret",
            with(
                "docker",
                ".dockerconfigjson",
                json!({ "type": "kubernetes.io/dockerconfigjson" }),
            ),
        ),
        ("ssh", "InvalidSecret", with("ssh", "A", json!({ "type": "kubernetes.io/ssh-auth" }))),
        ("key", "InvalidSecret", with("key", "not a key", json!({}))),
        ("large", "InvalidSecret", sealed(ns, "large", &[("A", &large)])),
        (
            "legacy",
            "Unsealed",
            legacy(
                "legacy",
                &format!(
                    r#"{{"kind":"Secret","data":{{"A":"{}"}}}}"#,
                    BASE64_STANDARD.encode(canary)
                ),
            ),
        ),
        ("not-json", "Malformed", legacy("not-json", canary)),
        (
            "not-base64",
            "Malformed",
            legacy("not-base64", &format!(r#"{{"data":{{"A":"{canary}"}}}}"#)),
        ),
        ("not-a-map", "Malformed", legacy("not-a-map", &format!(r#"{{"data":"{canary}"}}"#))),
        ("immutable", "Unsealed", with("immutable", "A", json!({ "immutable": true }))),
    ]
}

/// The canary in what is edited, made immutable, and taken over.
async fn changes(api: &Api, ns: &str, canary: &str) {
    let edited = json!({ "data": { "A": BASE64_STANDARD.encode(format!("edited {canary}")) } });
    api.patch(Kind::Secret, ns, "fine", edited.clone()).await;
    eventually("it is repaired", async || {
        let secret = api.secret(ns, "fine").await?;
        (secret["data"]["A"] == BASE64_STANDARD.encode(canary)).then_some(())
    })
    .await;
    let longer = format!("{canary}-{canary}");
    let mut object = sealed(ns, "immutable", &[("A", &longer)]);
    object["spec"]["template"] = json!({ "immutable": true });
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_reason(ns, "immutable", "Immutable").await;
    api.apply(Kind::SealedSecret, &sealed(ns, "changed", &[("A", &longer)])).await;
    api.delete(Kind::Secret, ns, "changed").await;
    let managed = json!({ "metadata": { "annotations": { crds::SealedSecret::MANAGED: "true" } } });
    api.patch(Kind::Secret, ns, "blocked", managed).await;
    api.wait_ready(ns, "blocked").await;
    api.wait_ready(ns, "changed").await;
}

/// A word that is nowhere else.
pub(crate) fn canary() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("canary{now}{}", std::process::id())
}

/// The word as it may be written: raw, in hex, and in base64 at each of the three places that it
/// can have in a longer text (without the ends, which depend on what is around it).
pub(crate) fn needles(word: &str) -> Vec<String> {
    let hex = word.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut needles = vec![word.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3 {
        let encoded = BASE64_STANDARD.encode(format!("{}{word}", &"xx"[..before]));
        let middle = encoded.trim_end_matches('=');
        needles.push(middle[4..middle.len() - 4].to_owned());
    }
    needles
}
