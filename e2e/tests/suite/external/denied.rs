//! Secrets that no ExternalSecret may write or read.

use serde_json::{Value, json};

use super::support::{KEYS, external, rig, secret, store, stores, value, wait_ready};
use crate::support::{Api, Kind, condition, text};

const POLICIES: [&str; 4] = ["Orphan", "Owner", "Merge", "CreateOrMerge"];
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

async fn begin(ns: &str) -> Api {
    let api = rig().api().await;
    stores(&api, ns).await;
    secret(&rig().aws, &format!("{ns}/a"), "1", &[]).await;
    api
}

/// An ExternalSecret with this policy and a template without a type.
fn object(ns: &str, policy: &str, annotations: Value) -> Value {
    let name = policy.to_lowercase();
    let mut object = external(ns, &name, &[("A", &format!("{ns}/a"))]);
    object["spec"]["target"] = json!({
        "creationPolicy": policy,
        "template": { "metadata": { "annotations": annotations } },
    });
    object
}

/// Waits until the ExternalSecret fails for this reason, and returns the message.
async fn wait_failed(api: &Api, ns: &str, name: &str, reason: &str) -> String {
    let failed = api.wait(Kind::ExternalSecret, ns, name, |object| {
        condition(object, "Explained").is_some_and(|explained| explained["reason"] == reason)
    });
    text(&condition(&failed.await, "Explained").unwrap()["message"])
}

async fn service_account(api: &Api, ns: &str, name: &str) -> Value {
    let account = json!({ "metadata": { "namespace": ns, "name": name } });
    api.create(Kind::ServiceAccount, account).await["metadata"]["uid"].clone()
}

/// The token controller fills in the token of the ServiceAccount that the annotations name.
#[tokio::test]
async fn external_secret_cannot_turn_a_token_into_that_of_another_service_account() {
    let ns = "external-token";
    let api = begin(ns).await;
    service_account(&api, ns, "ci").await;
    let privileged = service_account(&api, ns, "privileged").await;
    let mut tokens = Vec::new();
    for policy in POLICIES {
        let name = policy.to_lowercase();
        let token = json!({ "type": "kubernetes.io/service-account-token", "metadata": {
            "namespace": ns, "name": name, "annotations": { ACCOUNT: "ci" } } });
        api.create(Kind::Secret, token).await;
        let is_filled = |token: &Value| token["data"]["token"].is_string();
        tokens.push(api.wait(Kind::Secret, ns, &name, is_filled).await);
        let annotations = json!({ ACCOUNT: "privileged", ACCOUNT_UID: privileged });
        api.create(Kind::ExternalSecret, object(ns, policy, annotations)).await;
    }
    for (policy, before) in POLICIES.iter().zip(&tokens) {
        let name = policy.to_lowercase();
        let message = wait_failed(&api, ns, &name, "TypeDenied").await;
        assert!(message.contains("has the privileged type"), "{policy}: {message}");
        assert_eq!(api.secret(ns, &name).await.as_ref(), Some(before), "{policy}");
    }
}

#[tokio::test]
async fn existing_secret_is_not_annotated_as_a_token() {
    let ns = "external-token-annotations";
    let api = begin(ns).await;
    let mut secrets = Vec::new();
    for policy in POLICIES {
        let metadata = json!({ "namespace": ns, "name": policy.to_lowercase() });
        let ordinary = json!({ "metadata": metadata, "data": { "own": "MQ==" } });
        secrets.push(api.create(Kind::Secret, ordinary).await);
        let annotations = json!({ ACCOUNT: "default" });
        api.create(Kind::ExternalSecret, object(ns, policy, annotations)).await;
    }
    for (policy, before) in POLICIES.iter().zip(&secrets) {
        let name = policy.to_lowercase();
        let message = wait_failed(&api, ns, &name, "TypeDenied").await;
        assert!(message.contains("would make the Secret the token"), "{policy}: {message}");
        assert_eq!(api.secret(ns, &name).await.as_ref(), Some(before), "{policy}");
    }
}

#[tokio::test]
async fn denied_secret_is_written_once_it_is_an_ordinary_one() {
    let ns = "external-denied-fixed";
    let api = begin(ns).await;
    let metadata = json!({ "namespace": ns, "name": "merge", "annotations": { ACCOUNT: "x" } });
    api.create(Kind::Secret, json!({ "metadata": metadata, "data": { "own": "MQ==" } })).await;
    api.create(Kind::ExternalSecret, object(ns, "Merge", json!({}))).await;
    wait_failed(&api, ns, "merge", "TypeDenied").await;
    let patch = json!({ "metadata": { "annotations": { ACCOUNT: null } } });
    api.patch(Kind::Secret, ns, "merge", patch).await;
    wait_ready(&api, ns, "merge", "True").await;
    let secret = api.secret(ns, "merge").await.unwrap();
    assert_eq!(["own", "A"].map(|key| value(&secret, key).unwrap()), ["1", "1"]);
}

#[tokio::test]
async fn own_secrets_of_the_controller_are_no_source_of_templates() {
    let ns = e2e::cluster::NAMESPACE;
    let api = rig().api().await;
    let keys = json!({ "metadata": { "namespace": ns, "name": KEYS },
                       "stringData": { "id": ns, "secret": "key" } });
    api.create(Kind::Secret, keys).await;
    api.create(Kind::SecretStore, store(ns, "aws", "SecretsManager")).await;
    secret(&rig().aws, &format!("{ns}/a"), "1", &[]).await;
    let secrets = api.list(Kind::Secret, Some(ns)).await;
    let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
    let key = secrets.iter().find(|secret| secret["metadata"]["labels"][label].is_string());
    let key = text(&key.expect("a sealing key")["metadata"]["name"]);
    for (name, source, item) in
        [("sealing", key.as_str(), "tls.key"), ("mac", "mtk-controller-fingerprint-key", "key")]
    {
        let mut object = external(ns, name, &[("A", &format!("{ns}/a"))]);
        object["spec"]["target"] = json!({ "template": { "templateFrom": [
            { "secret": { "name": source, "items": [{ "key": item, "templateAs": "Values" }] } }] } });
        api.create(Kind::ExternalSecret, object).await;
        let message = wait_failed(&api, ns, name, "TemplateInvalid").await;
        assert!(message.contains("belongs to the controller"), "{name}: {message}");
        assert_eq!(api.secret(ns, name).await, None);
        api.delete(Kind::ExternalSecret, ns, name).await;
    }
}
