//! The Secret when a value is missing, or when another owner has the Secret.

use serde_json::{Value, json};

use super::support::{change, external, rig, secret, store, stores, value, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, eventually, text};

/// The number of requests to AWS for the namespace: its name is the access key id.
fn requests(ns: &str) -> usize {
    rig().aws.requests().iter().filter(|request| request.access_key == ns).count()
}

async fn no_more_requests(ns: &str) {
    let api = rig().api().await;
    rig().catch_up(&api).await;
    let before = requests(ns);
    assert!(before > 0);
    rig().catch_up(&api).await;
    assert_eq!(requests(ns), before, "the controller repeats requests");
}

async fn wait_reason(api: &Api, ns: &str, reason: &str, message: &str) {
    api.wait(Kind::ExternalSecret, ns, "s", |object| {
        condition(object, "Ready").is_some_and(|ready| {
            ready["reason"] == reason && text(&ready["message"]).starts_with(message)
        })
    })
    .await;
}

/// Earlier versions reconciled such objects several times a second.
#[tokio::test]
async fn retained_secret_of_another_owner_causes_no_repeated_reads() {
    let (api, ns) = (rig().api().await, "external-by-hand");
    stores(&api, ns).await;
    let by_hand =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, by_hand).await;
    let mut object = external(ns, "s", &[]);
    object["spec"]["dataFrom"] = json!([{ "find": { "name": { "regexp": "^there-is-none$" } } }]);
    api.create(Kind::ExternalSecret, object).await;
    wait_reason(&api, ns, "SecretSynced", "secret retained due to DeletionPolicy=Retain").await;
    no_more_requests(ns).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "own").as_deref(), Some("1"));
}

/// The same with a deleted value and `deletionPolicy: Delete`.
#[tokio::test]
async fn foreign_secret_is_not_deleted_and_causes_no_repeated_reads() {
    let (api, ns) = (rig().api().await, "external-not-ours");
    stores(&api, ns).await;
    let by_hand =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, by_hand).await;
    let mut object = external(ns, "s", &[("A", "external-not-ours/none")]);
    object["spec"]["target"] = json!({ "deletionPolicy": "Delete" });
    api.create(Kind::ExternalSecret, object).await;
    wait_reason(&api, ns, "SecretDeleted", "").await;
    no_more_requests(ns).await;
    assert!(api.secret(ns, "s").await.is_some());
}

/// The template fails without its values, which must not keep the Secret.
#[tokio::test]
async fn row_18_templated_secret_is_deleted_with_its_values() {
    let (api, ns) = (rig().api().await, "external-delete-template");
    stores(&api, ns).await;
    secret(&rig().aws, "external-delete-template/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-delete-template/a")]);
    object["spec"]["refreshInterval"] = json!("2s");
    object["spec"]["target"] =
        json!({ "deletionPolicy": "Delete", "template": { "data": { "url": "x{{ .A }}" } } });
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "url", "x1").await;
    let deleted = rig().aws.secrets().delete_secret().secret_id("external-delete-template/a");
    deleted.force_delete_without_recovery(true).send().await.unwrap();
    wait_reason(&api, ns, "SecretDeleted", "").await;
    assert!(api.secret(ns, "s").await.is_none());
}

/// The policy is rejected only when the Secret is to be deleted.
#[tokio::test]
async fn row_18_orphan_is_created_and_never_deleted() {
    let (api, ns) = (rig().api().await, "external-delete-orphan");
    stores(&api, ns).await;
    secret(&rig().aws, "external-delete-orphan/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-delete-orphan/a")]);
    object["spec"]["refreshInterval"] = json!("2s");
    object["spec"]["target"] = json!({ "deletionPolicy": "Delete", "creationPolicy": "Orphan" });
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let deleted = rig().aws.secrets().delete_secret().secret_id("external-delete-orphan/a");
    deleted.force_delete_without_recovery(true).send().await.unwrap();
    wait_reason(&api, ns, "SecretSyncedError", "could not delete secret").await;
    assert!(api.secret(ns, "s").await.is_some());
}

/// The watch excludes releases of Helm, so the controller could not keep such a Secret in sync.
#[tokio::test]
async fn release_of_helm_is_not_created() {
    let (api, ns) = (rig().api().await, "external-helm");
    stores(&api, ns).await;
    secret(&rig().aws, "external-helm/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-helm/a")]);
    object["spec"]["target"] = json!({ "template": { "type": "helm.sh/release.v1" } });
    api.create(Kind::ExternalSecret, object).await;
    let refused = wait_ready(&api, ns, "s", "False").await;
    assert_eq!(condition(&refused, "Explained").unwrap()["reason"], "TypeDenied");
    assert!(api.secret(ns, "s").await.is_none());
}

/// Objects of a store wait while it belongs to another controller.
#[tokio::test]
async fn store_handed_over_by_another_controller_syncs_its_objects() {
    let (api, ns) = (rig().api().await, "external-handed-over");
    stores(&api, ns).await;
    secret(&rig().aws, "external-handed-over/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-handed-over/a")]);
    object["spec"]["refreshInterval"] = json!("3s");
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let class = |class: &str| json!({ "spec": { "controller": class } });
    api.patch(Kind::SecretStore, ns, "aws", class("another")).await;
    // The object becomes due while the store belongs to another controller.
    rig().catch_up(&api).await;
    change(&rig().aws, "external-handed-over/a", "2").await;
    let own: Value = store(ns, "aws", "SecretsManager")["spec"]["controller"].clone();
    api.patch(Kind::SecretStore, ns, "aws", class(&text(&own))).await;
    eventually("the new value is read", async || {
        let secret = api.secret(ns, "s").await?;
        (value(&secret, "A").as_deref() == Some("2")).then_some(())
    })
    .await;
}
