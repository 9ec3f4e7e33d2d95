//! When values are read, whose the Secret is, and what becomes of it.

use serde_json::{Value, json};

use super::support::{change, external, force, rig, secret, stores, value, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, pause, text};

async fn begin(ns: &str) -> Api {
    let api = rig().api().await;
    stores(&api, ns).await;
    secret(&rig().aws, &format!("{ns}/a"), "1", &[]).await;
    api
}

fn object(ns: &str, more: Value) -> Value {
    let mut object = external(ns, "s", &[("A", &format!("{ns}/a"))]);
    object["spec"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[tokio::test]
async fn rows_20_and_22_a_changed_value_comes_with_the_interval_and_at_once_when_forced() {
    let ns = "external-interval";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "refreshInterval": "3s" }))).await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&rig().aws, "external-interval/a", "2").await;
    wait_value(&api, ns, "s", "A", "2").await;
    let patch = json!({ "spec": { "refreshInterval": "1h" } });
    api.patch(Kind::ExternalSecret, ns, "s", patch).await;
    change(&rig().aws, "external-interval/a", "3").await;
    pause(1500).await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "3").await;
}

#[tokio::test]
async fn an_edited_or_deleted_secret_is_put_right_at_once() {
    let ns = "external-drift";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({}))).await;
    wait_value(&api, ns, "s", "A", "1").await;
    api.patch(Kind::Secret, ns, "s", json!({ "data": { "A": "eA==", "B": "eQ==" } })).await;
    api.wait(Kind::Secret, ns, "s", |secret| {
        value(secret, "A").as_deref() == Some("1") && value(secret, "B").is_none()
    })
    .await;
    api.delete(Kind::Secret, ns, "s").await;
    wait_value(&api, ns, "s", "A", "1").await;
}

#[tokio::test]
async fn row_20_with_no_interval_a_change_of_the_object_is_not_followed() {
    let ns = "external-once";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "refreshInterval": "0" }))).await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&rig().aws, "external-once/a", "2").await;
    force(&api, ns, "s").await;
    pause(2000).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "A").as_deref(), Some("1"));
}

#[tokio::test]
async fn row_18_a_secret_is_deleted_when_its_values_are_and_made_again_when_they_are_back() {
    let ns = "external-delete";
    let api = begin(ns).await;
    let target = json!({ "target": { "deletionPolicy": "Delete" }, "refreshInterval": "2s" });
    api.create(Kind::ExternalSecret, object(ns, target)).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let secrets = rig().aws.secrets();
    secrets.delete_secret().secret_id("external-delete/a").send().await.unwrap();
    api.wait(Kind::ExternalSecret, ns, "s", |object| {
        condition(object, "Ready").is_some_and(|ready| ready["reason"] == "SecretDeleted")
    })
    .await;
    assert!(api.secret(ns, "s").await.is_none());
    secrets.restore_secret().secret_id("external-delete/a").send().await.unwrap();
    wait_value(&api, ns, "s", "A", "1").await;
}

#[tokio::test]
async fn the_secret_of_a_renamed_target_is_cleaned_up() {
    let ns = "external-renamed";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "target": { "name": "one" } }))).await;
    wait_value(&api, ns, "one", "A", "1").await;
    wait_ready(&api, ns, "s", "True").await;
    let patch = json!({ "spec": { "target": { "name": "two" } } });
    api.patch(Kind::ExternalSecret, ns, "s", patch).await;
    wait_value(&api, ns, "two", "A", "1").await;
    crate::support::eventually("the old one is gone", async || {
        api.secret(ns, "one").await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn row_16_values_are_added_to_a_secret_of_somebody_else_and_taken_out_again() {
    let ns = "external-merge";
    let api = begin(ns).await;
    secret(&rig().aws, "external-merge/b", "2", &[]).await;
    let foreign =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, foreign).await;
    let target = json!({ "target": { "creationPolicy": "Merge" }, "data": [
        { "secretKey": "A", "remoteRef": { "key": "external-merge/a" } },
        { "secretKey": "B", "remoteRef": { "key": "external-merge/b" } },
    ] });
    api.create(Kind::ExternalSecret, object(ns, target)).await;
    wait_value(&api, ns, "s", "B", "2").await;
    let patch = json!({ "spec": { "data": [
        { "secretKey": "A", "remoteRef": { "key": "external-merge/a" } } ] } });
    api.patch(Kind::ExternalSecret, ns, "s", patch).await;
    let merged = api.wait(Kind::Secret, ns, "s", |secret| value(secret, "B").is_none()).await;
    assert_eq!(value(&merged, "own").as_deref(), Some("1"));
    assert_eq!(value(&merged, "A").as_deref(), Some("1"));
}

/// It has no finalizer of ours, and is not held up by the peer's.
#[tokio::test]
async fn row_49_an_object_with_the_peers_finalizer_can_be_deleted() {
    let ns = "external-finalizer";
    let api = begin(ns).await;
    let peers = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    let mut object = object(ns, json!({}));
    object["metadata"]["finalizers"] = json!([peers]);
    api.create(Kind::ExternalSecret, object).await;
    let object = wait_ready(&api, ns, "s", "True").await;
    assert_eq!(object["metadata"]["finalizers"], json!([peers]), "it is left where it is");
    api.delete(Kind::ExternalSecret, ns, "s").await;
    crate::support::eventually("both are gone", async || {
        let gone = api.get(Kind::ExternalSecret, ns, "s").await.is_none()
            && api.secret(ns, "s").await.is_none();
        gone.then_some(())
    })
    .await;
}

#[tokio::test]
async fn rows_01_and_39_stores_of_others_are_left_alone() {
    let ns = "external-others";
    let api = begin(ns).await;
    let vault = json!({ "metadata": { "namespace": ns, "name": "vault" },
        "spec": { "provider": { "vault": { "server": "https://v", "path": "p", "auth": { "x": 1 } } } } });
    let made = api.create(Kind::SecretStore, vault).await;
    assert_eq!(made["spec"]["provider"]["vault"]["auth"]["x"], 1, "nothing is pruned");
    let store =
        api.wait(Kind::SecretStore, ns, "vault", |store| condition(store, "Supported").is_some());
    let store = store.await;
    assert_eq!(condition(&store, "Supported").unwrap()["status"], "False");
    assert!(condition(&store, "Ready").is_none());
    let mut foreign = super::support::store(ns, "foreign", "SecretsManager");
    foreign["spec"]["controller"] = json!("elsewhere");
    api.create(Kind::SecretStore, foreign).await;
    let mut object = object(ns, json!({}));
    object["spec"]["secretStoreRef"]["name"] = json!("foreign");
    api.create(Kind::ExternalSecret, object).await;
    pause(2000).await;
    let object = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
    assert!(object["status"].is_null(), "{object}");
    assert_eq!(text(&object["metadata"]["name"]), "s");
}
