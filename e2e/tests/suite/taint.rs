//! A secret value appears only in the data of its Secret.
//!
//! Canaries pass through every known path, good and bad, at the highest log level. Then the test searches
//! everything that the controller wrote for them: raw, in base64 and in hex.

use std::fs;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealing::Scope;
use serde_json::{Value, json};

use crate::support::{
    Api, Kind, catch_up, eventually, foreign, post, sealed, sealed_with, shared, vector_key,
};

#[tokio::test]
async fn value_appears_only_in_secret_data() {
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
    let answers = requests(shared.controller.address().unwrap(), &ns, &canary).await;
    catch_up(&api).await;

    let found = needles(&canary);
    let holds = |text: &str| found.iter().any(|needle| text.contains(needle));
    let secret = api.secret(&ns, "fine").await.unwrap();
    assert!(holds(&secret["data"].to_string()), "the search finds it there");

    let mut said = vec![
        ("the log", shared.controller.log().unwrap()),
        ("the metrics", shared.controller.metrics_text().unwrap()),
        ("the certificate", shared.controller.get("/v1/cert.pem").unwrap()),
    ];
    said.extend(answers.into_iter().map(|answer| ("an answer", answer)));
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
        // A failed test must not leak the text either.
        assert!(!holds(&text), "{what} holds a value");
    }
}

/// Objects with the canary, and the reason that each one reports.
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
    // The largest object possible, whose Secret is too large.
    let large = format!("{canary}{}", "x".repeat(1_060_000));
    vec![
        ("fine", "Unsealed", one("fine")),
        ("changed", "Unsealed", one("changed")),
        ("blocked", "NotOwned", one("blocked")),
        ("scope", "ScopeMismatch", other_scope),
        ("fail", "TemplateInvalid", with("fail", "A", template("{{ fail .A }}"))),
        ("index", "TemplateInvalid", with("index", "A", template("{{ index .A 99 }}"))),
        // Go writes the value into the output, which belongs to the Secret.
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

/// The canary in Secrets that are edited, made immutable and taken over.
async fn changes(api: &Api, ns: &str, canary: &str) {
    let edited = json!({ "data": { "A": BASE64_STANDARD.encode(format!("edited {canary}")) } });
    api.patch(Kind::Secret, ns, "fine", edited.clone()).await;
    eventually("the Secret is repaired", async || {
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

/// The answers to checks and rotations of objects with the canary, good and bad.
async fn requests(address: SocketAddr, ns: &str, canary: &str) -> Vec<String> {
    let good = sealed(ns, "fine", &[("A", canary)]);
    let mut renamed = good.clone();
    renamed["metadata"]["name"] = json!("other");
    let mut template = good.clone();
    template["spec"]["template"] = json!({ "data": { "t": "{{ .A }}{{ fail .A }}" } });
    let mut broken = good.clone();
    broken["spec"]["encryptedData"]["B"] = json!("AgA=");
    let mut answers = Vec::new();
    for object in [&good, &renamed, &template, &broken] {
        for path in ["/v1/verify", "/v1/rotate"] {
            let body = object.to_string();
            let answer = eventually("the rate limit lets it pass", async || {
                Some(post(address, path, &body)).filter(|answer| answer.code != 429)
            })
            .await;
            answers.push(format!("{answer:?}"));
        }
    }
    let rotated = answers.iter().filter(|answer| answer.contains("encryptedData")).count();
    assert_eq!(rotated, 2, "the endpoints worked with the values");
    answers
}

/// A unique word.
pub(crate) fn canary() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("canary{now}{}", std::process::id())
}

/// The possible encodings of the word: raw, in hex, and in base64 at each of the three offsets in a longer
/// text (without the ends, which depend on the text around it).
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
