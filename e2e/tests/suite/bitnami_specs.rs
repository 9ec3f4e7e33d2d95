//! Points of the integration suite of Bitnami's controller that no other test here covers. The table in
//! `e2e/golden/README.md` lists all points.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crds::SealedSecret;
use sealing::Scope;
use serde_json::{Value, json};

use crate::support::{
    Api, Kind, condition, data, eventually, foreign, sealed, sealed_with, shared, vector_key,
};

/// Waits for an Event with this reason, found as the suite finds it, and returns its message.
async fn event(api: &Api, sealed: &Value, reason: &str) -> String {
    let metadata = &sealed["metadata"];
    let selector = format!(
        "involvedObject.kind=SealedSecret,involvedObject.name={},involvedObject.namespace={},\
         involvedObject.uid={},reason={reason}",
        metadata["name"].as_str().unwrap(),
        metadata["namespace"].as_str().unwrap(),
        metadata["uid"].as_str().unwrap(),
    );
    let namespace = metadata["namespace"].as_str().unwrap();
    eventually(&format!("an Event {selector}"), async || {
        let events = api.select(Kind::Event, namespace, &selector).await;
        events.first().map(|event| event["message"].as_str().unwrap().to_owned())
    })
    .await
}

fn template(mut sealed: Value, template: Value) -> Value {
    sealed["spec"]["template"] = template;
    sealed
}

fn owners(secret: &Value) -> usize {
    secret["metadata"]["ownerReferences"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn items_are_added_and_renamed() {
    let api = shared().api().await;
    let ns = api.namespace("specs-update").await;
    let first = api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    event(&api, &first, "Unsealed").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1"), ("B", "2")])).await;
    api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=1", "B=2"]).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1"), ("C", "2")])).await;
    let renamed = api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=1", "C=2"]).await;
    let owner = &renamed["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["uid"], &owner["controller"]), (&first["metadata"]["uid"], &json!(true)));
}

#[tokio::test]
async fn item_that_no_key_or_scope_opens_is_an_unseal_failure() {
    let api = shared().api().await;
    let ns = api.namespace("specs-unseal").await;
    let key = vector_key("rsa2048");
    let mut of_1024_bits = sealed(&ns, "small-key", &[]);
    let item = [&[0, 128][..], &[0xA5; 128], &[0x5A; 32]].concat();
    of_1024_bits["spec"]["encryptedData"] = json!({ "A": BASE64_STANDARD.encode(item) });
    let mut other_name = sealed(&ns, "original", &[("A", "1")]);
    other_name["metadata"]["name"] = "other-name".into();
    let mut other_namespace = sealed("elsewhere", "other-namespace", &[("A", "1")]);
    other_namespace["metadata"]["namespace"] = json!(ns);
    let scope = Scope::NamespaceWide;
    let mut wide = sealed_with(&key, scope, "elsewhere", "wide", &[("A", "1")]);
    wide["metadata"]["namespace"] = json!(ns);
    for object in [of_1024_bits, other_name, other_namespace, wide] {
        let object = api.apply(Kind::SealedSecret, &object).await;
        let message = event(&api, &object, "ErrUnsealFailed").await;
        let name = object["metadata"]["name"].as_str().unwrap();
        let failed = api.get(Kind::SealedSecret, &ns, name).await.unwrap();
        let ready = condition(&failed, "Ready").unwrap();
        let explained = format!(
            "{}: {}",
            ready["reason"].as_str().unwrap(),
            ready["message"].as_str().unwrap()
        );
        assert_eq!(message, explained, "the Event begins with our reason");
        assert_eq!(api.secret(&ns, name).await, None);
    }
}

#[tokio::test]
async fn wide_scopes_open_under_other_names() {
    let api = shared().api().await;
    let ns = api.namespace("specs-scopes").await;
    let key = vector_key("rsa2048");
    for (scope, sealed_in, name) in [
        (Scope::ClusterWide, "elsewhere", "cluster-wide"),
        (Scope::NamespaceWide, ns.as_str(), "namespace-wide"),
    ] {
        let mut object = sealed_with(&key, scope, sealed_in, "original", &[("A", "1")]);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!(ns);
        api.apply(Kind::SealedSecret, &object).await;
        api.wait_ready(&ns, name).await;
        assert_eq!(data(&api.secret(&ns, name).await.unwrap()), ["A=1"]);
    }
}

#[tokio::test]
async fn changed_item_of_an_immutable_secret_is_an_update_failure() {
    let api = shared().api().await;
    let ns = api.namespace("specs-immutable").await;
    let immutable = json!({ "immutable": true, "type": "example.com/t" });
    let of = |value| template(sealed(&ns, "s", &[("A", value)]), immutable.clone());
    let object = api.apply(Kind::SealedSecret, &of("1")).await;
    api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!((&secret["immutable"], &secret["type"]), (&json!(true), &json!("example.com/t")));
    api.apply(Kind::SealedSecret, &of("2")).await;
    let message = event(&api, &object, "ErrUpdateFailed").await;
    assert!(message.starts_with("Immutable: the target Secret is immutable"), "{message}");
    assert_eq!(api.secret(&ns, "s").await.unwrap(), secret);
}

#[tokio::test]
async fn empty_secret_annotated_patch_receives_the_items_without_an_owner() {
    let api = shared().api().await;
    let ns = api.namespace("specs-patch").await;
    let mut empty = foreign(&ns, "s");
    empty.as_object_mut().unwrap().remove("stringData");
    empty["metadata"]["annotations"] = json!({ SealedSecret::PATCH: "true" });
    api.create(Kind::Secret, empty).await;
    let labels = json!({ "metadata": { "labels": { "l": "1" } } });
    api.apply(Kind::SealedSecret, &template(sealed(&ns, "s", &[("A", "1")]), labels)).await;
    api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!(data(&secret), ["A=1"]);
    assert_eq!(secret["metadata"]["labels"], json!({ "l": "1" }));
    assert_eq!(secret["metadata"]["annotations"], json!({ SealedSecret::PATCH: "true" }));
    assert_eq!(owners(&secret), 0);
}

#[tokio::test]
async fn deleted_secret_that_was_annotated_managed_is_created_again() {
    let api = shared().api().await;
    let ns = api.namespace("specs-managed").await;
    let mut managed = foreign(&ns, "s");
    managed["metadata"]["annotations"] = json!({ SealedSecret::MANAGED: "true" });
    let before = api.create(Kind::Secret, managed).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    api.delete(Kind::Secret, &ns, "s").await;
    let uid = &before["metadata"]["uid"];
    let secret = api.wait(Kind::Secret, &ns, "s", |secret| secret["metadata"]["uid"] != *uid).await;
    assert_eq!((data(&secret), owners(&secret)), (vec!["A=1".to_owned()], 1));
}

/// The suite deletes the Secret right after it applied the SealedSecret, and looks for it for 100 ms.
#[tokio::test]
async fn deleted_secret_of_nobody_or_only_patched_does_not_return_at_once() {
    let api = shared().api().await;
    let ns = api.namespace("specs-no-recreate").await;
    for (name, annotations) in
        [("foreign", json!({})), ("patched", json!({ SealedSecret::PATCH: "true" }))]
    {
        let mut secret = foreign(&ns, name);
        secret["metadata"]["annotations"] = annotations;
        api.create(Kind::Secret, secret).await;
        api.apply(Kind::SealedSecret, &sealed(&ns, name, &[("A", "1")])).await;
        if name == "patched" {
            api.wait_ready(&ns, name).await;
        }
        api.delete(Kind::Secret, &ns, name).await;
        let deleted = Instant::now();
        api.wait(Kind::Secret, &ns, name, |secret| data(secret) == ["A=1"]).await;
        let after = deleted.elapsed();
        assert!(after > Duration::from_millis(1800), "{name}: after {after:?}");
    }
}
