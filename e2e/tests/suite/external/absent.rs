//! What becomes of the Secret where there is no value, or where it is not the object's to change.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{
    change, external, force, rig, secret, store, stores, value, wait_ready, wait_value,
};
use crate::support::{Api, Kind, condition, eventually, pause, text};

/// How many requests the namespace has made of AWS: its name is the id of its access key.
fn requests(ns: &str) -> usize {
    rig().aws.requests().iter().filter(|request| request.access_key == ns).count()
}

async fn quiet(ns: &str) {
    let before = requests(ns);
    assert!(before > 0);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(requests(ns), before, "AWS is asked again and again");
}

async fn wait_reason(api: &Api, ns: &str, reason: &str, message: &str) {
    api.wait(Kind::ExternalSecret, ns, "s", |object| {
        condition(object, "Ready").is_some_and(|ready| {
            ready["reason"] == reason && text(&ready["message"]).starts_with(message)
        })
    })
    .await;
}

/// They were looked at again at once, several times a second, for ever.
#[tokio::test]
async fn a_secret_that_is_retained_though_somebody_made_it_by_hand_is_left_in_peace() {
    let (api, ns) = (rig().api().await, "external-by-hand");
    stores(&api, ns).await;
    let by_hand =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, by_hand).await;
    let mut object = external(ns, "s", &[]);
    object["spec"]["dataFrom"] = json!([{ "find": { "name": { "regexp": "^there-is-none$" } } }]);
    api.create(Kind::ExternalSecret, object).await;
    wait_reason(&api, ns, "SecretSynced", "secret retained due to DeletionPolicy=Retain").await;
    pause(500).await;
    quiet(ns).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "own").as_deref(), Some("1"));
}

/// The same, where the value is gone and the Secret is another's.
#[tokio::test]
async fn a_secret_of_somebody_else_is_not_deleted_and_left_in_peace() {
    let (api, ns) = (rig().api().await, "external-not-ours");
    stores(&api, ns).await;
    let by_hand =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, by_hand).await;
    let mut object = external(ns, "s", &[("A", "external-not-ours/none")]);
    object["spec"]["target"] = json!({ "deletionPolicy": "Delete" });
    api.create(Kind::ExternalSecret, object).await;
    wait_reason(&api, ns, "SecretDeleted", "").await;
    pause(500).await;
    quiet(ns).await;
    assert!(api.secret(ns, "s").await.is_some());
}

/// The template missed its values, and the Secret stayed for good.
#[tokio::test]
async fn row_18_a_secret_with_a_template_is_deleted_with_its_values_too() {
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

/// It was refused before anything was read.
#[tokio::test]
async fn row_18_an_orphan_is_made_and_kept_when_it_should_be_deleted() {
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

/// The watch does not tell of releases of Helm, and one that was gone was looked for again at once, for
/// ever.
#[tokio::test]
async fn a_secret_that_no_watch_tells_of_is_made_again() {
    let (api, ns) = (rig().api().await, "external-helm");
    stores(&api, ns).await;
    secret(&rig().aws, "external-helm/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-helm/a")]);
    object["spec"]["target"] = json!({ "template": { "type": "helm.sh/release.v1" } });
    api.create(Kind::ExternalSecret, object).await;
    wait_ready(&api, ns, "s", "True").await;
    api.delete(Kind::Secret, ns, "s").await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "1").await;
    pause(500).await;
    quiet(ns).await;
}

/// Nobody looked at its objects any more.
#[tokio::test]
async fn a_store_that_comes_from_another_controller_brings_its_objects() {
    let (api, ns) = (rig().api().await, "external-handed-over");
    stores(&api, ns).await;
    secret(&rig().aws, "external-handed-over/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-handed-over/a")]);
    object["spec"]["refreshInterval"] = json!("3s");
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let class = |class: &str| json!({ "spec": { "controller": class } });
    api.patch(Kind::SecretStore, ns, "aws", class("another")).await;
    // Its time comes, and it is somebody else's.
    pause(5000).await;
    change(&rig().aws, "external-handed-over/a", "2").await;
    let own: Value = store(ns, "aws", "SecretsManager")["spec"]["controller"].clone();
    api.patch(Kind::SecretStore, ns, "aws", class(&text(&own))).await;
    eventually("it is read again", async || {
        let secret = api.secret(ns, "s").await?;
        (value(&secret, "A").as_deref() == Some("2")).then_some(())
    })
    .await;
}
