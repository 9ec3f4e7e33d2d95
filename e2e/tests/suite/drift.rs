//! The controller repairs a Secret that differs from its SealedSecret.

use sealing::Scope;
use serde_json::json;

use crate::support::{Kind, catch_up, condition, data, sealed, sealed_with, shared, vector_key};

#[tokio::test]
async fn deleted_secret_is_created_again() {
    let api = shared().api().await;
    let ns = api.namespace("drift-deleted").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let uid = api.secret(&ns, "s").await.unwrap()["metadata"]["uid"].clone();
    api.delete(Kind::Secret, &ns, "s").await;
    let secret = api.wait(Kind::Secret, &ns, "s", |secret| secret["metadata"]["uid"] != uid).await;
    assert_eq!(data(&secret), ["A=1"]);
}

#[tokio::test]
async fn edited_secret_is_repaired_and_keeps_foreign_labels() {
    let api = shared().api().await;
    let ns = api.namespace("drift-edited").await;
    let mut object = sealed(&ns, "s", &[("A", "1"), ("B", "2")]);
    object["spec"]["template"] = json!({ "metadata": { "labels": { "ours": "1" } } });
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_ready(&ns, "s").await;

    api.patch(Kind::Secret, &ns, "s", json!({
        "metadata": { "labels": { "ours": "changed", "theirs": "1" }, "annotations": { "a": "1" } },
        "data": { "A": "ZWRpdGVk", "B": null, "C": "bmV3" },
    }))
    .await;
    let secret = api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=1", "B=2"]).await;
    assert_eq!(secret["metadata"]["labels"], json!({ "ours": "1", "theirs": "1" }));
    assert_eq!(secret["metadata"]["annotations"], json!({ "a": "1" }));

    api.patch(Kind::Secret, &ns, "s", json!({ "metadata": { "labels": { "ours": null } } })).await;
    api.wait(Kind::Secret, &ns, "s", |secret| secret["metadata"]["labels"]["ours"] == "1").await;
}

/// Fault F19.
#[tokio::test]
async fn foreign_labels_and_annotations_cause_no_request() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("drift-others").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let patch = json!({ "metadata": { "labels": { "theirs": "1" }, "annotations": { "a": "1" } } });
    let edited = api.patch(Kind::Secret, &ns, "s", patch).await;
    catch_up(&api).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), edited);
    let requests = shared.cluster.requests().unwrap();
    let gets = requests.iter().filter(|request| request.namespace == ns && request.verb == "get");
    assert_eq!(gets.count(), 0, "the watch delivers all that the controller needs");
}

#[tokio::test]
async fn changed_type_is_reported_with_the_remedy() {
    let api = shared().api().await;
    let ns = api.namespace("drift-type").await;
    let mut object = sealed(&ns, "s", &[("A", "1")]);
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_ready(&ns, "s").await;
    let edit = json!({ "type": "example.com/edited" });
    assert!(api.try_patch(Kind::Secret, &ns, "s", edit).await.is_err(), "the API server refuses");

    object["spec"]["template"] = json!({ "type": "example.com/t" });
    api.apply(Kind::SealedSecret, &object).await;
    let stuck = api.wait_reason(&ns, "s", "Immutable").await;
    let message = condition(&stuck, "Ready").unwrap()["message"].to_string();
    assert!(message.contains("delete the Secret"), "{message}");
    api.delete(Kind::Secret, &ns, "s").await;
    api.wait_ready(&ns, "s").await;
    assert_eq!(api.secret(&ns, "s").await.unwrap()["type"], "example.com/t");
}

#[tokio::test]
async fn new_generation_removes_items_and_keeps_the_transition_time() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("drift-generation").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1"), ("B", "2")])).await;
    let first = api.wait_ready(&ns, "s").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "3")])).await;
    let second = api
        .wait(Kind::SealedSecret, &ns, "s", |sealed| sealed["status"]["observedGeneration"] == 2)
        .await;
    assert_eq!(data(&api.secret(&ns, "s").await.unwrap()), ["A=3"]);
    let since = |object| condition(object, "Synced").unwrap()["lastTransitionTime"].clone();
    assert_eq!(since(&first), since(&second), "it stayed in sync");
    catch_up(&api).await;
    let writes = shared.cluster.writes().unwrap();
    let writes: Vec<_> = writes
        .iter()
        .filter(|write| write.namespace == ns && write.resource != "events")
        .map(|write| format!("{} {}{}", write.verb, write.resource, write.subresource))
        .collect();
    let [create, patch, status] = ["create secrets", "patch secrets", "patch sealedsecretsstatus"];
    assert_eq!(writes, [create, status, patch, status], "no write reports progress");
}

#[tokio::test]
async fn changed_scope_annotation_is_reconciled() {
    let api = shared().api().await;
    let ns = api.namespace("drift-scope").await;
    let key = vector_key("rsa2048");
    let right = sealed_with(&key, Scope::NamespaceWide, &ns, "s", &[("A", "1")]);
    let mut wrong = right.clone();
    wrong["metadata"].as_object_mut().unwrap().remove("annotations");
    api.apply(Kind::SealedSecret, &wrong).await;
    let failed = api.wait_reason(&ns, "s", "ScopeMismatch").await;
    let message = condition(&failed, "Ready").unwrap()["message"].to_string();
    assert!(message.contains("sealedsecrets.bitnami.com/namespace-wide=true"), "{message}");
    assert_eq!(api.secret(&ns, "s").await, None);

    let corrected = api.apply(Kind::SealedSecret, &right).await;
    assert_eq!(corrected["metadata"]["generation"], 1, "annotations do not change the generation");
    api.wait_ready(&ns, "s").await;
    assert_eq!(data(&api.secret(&ns, "s").await.unwrap()), ["A=1"]);
}

/// Case g50: Bitnami's controller fails on its own Secret at the second reconcile.
#[tokio::test]
async fn secret_without_owner_reference_stays_managed() {
    let api = shared().api().await;
    let ns = api.namespace("drift-ownerless").await;
    let ownerless = |value: &str| {
        let mut object = sealed(&ns, "s", &[("A", value)]);
        let annotation = crds::SealedSecret::SKIP_OWNER_REFERENCES;
        object["spec"]["template"] =
            json!({ "metadata": { "annotations": { annotation: "true" } } });
        object
    };
    api.apply(Kind::SealedSecret, &ownerless("1")).await;
    api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!(secret["metadata"].get("ownerReferences"), None);

    api.patch(Kind::Secret, &ns, "s", json!({ "data": { "A": "ZWRpdGVk" } })).await;
    api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=1"]).await;
    api.apply(Kind::SealedSecret, &ownerless("2")).await;
    api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=2"]).await;
    api.wait_ready(&ns, "s").await;

    api.delete(Kind::SealedSecret, &ns, "s").await;
    api.wait_deleted(Kind::SealedSecret, &ns, "s").await;
    catch_up(&api).await;
    assert_eq!(data(&api.secret(&ns, "s").await.unwrap()), ["A=2"], "no object owns it");
}
