//! The Secret keeps its values while AWS denies, throttles or lags.

use std::time::Duration;

use e2e::aws::Fault;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{
    Faulty, change, external, faulty, faulty_store, force, rig, secret, value, wait_idle,
    wait_ready, wait_requested, wait_value,
};
use crate::support::{Api, Kind, condition, eventually, text};

async fn explained(api: &Api, ns: &str, name: &str, reason: &str) -> String {
    let object = api.wait(Kind::ExternalSecret, ns, name, |object| {
        condition(object, "Explained").is_some_and(|explained| explained["reason"] == reason)
    });
    text(&condition(&object.await, "Explained").unwrap()["message"])
}

/// Creates an object with `A` and `B`, and waits until it is in sync.
async fn synced(api: &Api, faulty: &Faulty, ns: &str) {
    faulty_store(api, faulty, ns, json!({})).await;
    for name in ["a", "b"] {
        secret(&faulty.aws, &format!("{ns}/{name}"), "1", &[]).await;
    }
    let (a, b) = (format!("{ns}/a"), format!("{ns}/b"));
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", &a), ("B", &b)])).await;
    wait_ready(api, ns, "s", "True").await;
}

/// Fault F12: External Secrets drops keys whose items fail in a batch.
#[tokio::test]
async fn denied_batch_item_keeps_the_secret_and_is_named() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-denied";
    synced(&api, faulty, ns).await;
    change(&faulty.aws, "external-denied/a", "2").await;
    faulty.aws.faults().add(Fault::DeniedItem("external-denied/b".into()));
    force(&api, ns, "s").await;
    let message = explained(&api, ns, "s", "AccessDenied").await;
    assert!(message.contains("data[1] (key external-denied/b)"), "{message}");
    assert!(
        message.contains("secretsmanager:GetSecretValue on arn:aws:secretsmanager:"),
        "{message}"
    );
    let kept = api.secret(ns, "s").await.unwrap();
    assert_eq!(
        (value(&kept, "A").unwrap().as_str(), value(&kept, "B").unwrap().as_str()),
        ("1", "1")
    );
    let object = wait_ready(&api, ns, "s", "False").await;
    let ready = text(&condition(&object, "Ready").unwrap()["message"]);
    assert!(ready.contains("Stale since"), "{ready}");
    no_provider_text(&api, faulty, &object).await;
    faulty.aws.faults().clear();
    wait_value(&api, ns, "s", "A", "2").await;
    wait_ready(&api, ns, "s", "True").await;
}

/// Fault F12: a batch returns 19 of 20 values, and no error.
#[tokio::test]
async fn item_missing_from_a_batch_is_read_individually() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-left-out";
    faulty.aws.faults().add(Fault::LeftOut("external-left-out/b".into()));
    synced(&api, faulty, ns).await;
    let made = api.secret(ns, "s").await.unwrap();
    assert_eq!(value(&made, "B").as_deref(), Some("1"));
}

/// Fault F13: a read after a change returns the value before it.
#[tokio::test]
async fn older_version_never_overwrites_a_newer_one() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-older";
    synced(&api, faulty, ns).await;
    // Versions are ordered by their creation, in seconds.
    let second = Timestamp::now().as_second();
    eventually("the next second", async || (Timestamp::now().as_second() > second).then_some(()))
        .await;
    let id = change(&faulty.aws, "external-older/a", "2").await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
    api.wait(Kind::ExternalSecret, ns, "s", |object| {
        let versions = object["status"]["versions"].as_object();
        let recorded = versions.and_then(|all| all.iter().find(|(name, _)| name.ends_with("/a")));
        recorded.is_some_and(|(_, version)| text(version).starts_with(&id))
    })
    .await;
    let stale = Fault::Stale("external-older/a".into(), "0".repeat(36), 1_000_000_000, "1".into());
    faulty.aws.faults().add(stale);
    force(&api, ns, "s").await;
    explained(&api, ns, "s", "Unavailable").await;
    let kept = api.secret(ns, "s").await.unwrap();
    assert_eq!(value(&kept, "A").as_deref(), Some("2"));
    faulty.aws.faults().clear();
    wait_ready(&api, ns, "s", "True").await;
}

/// Fault F14: lists lag by minutes.
#[tokio::test]
async fn unlisted_secret_is_still_found() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-lag";
    faulty_store(&api, faulty, ns, json!({})).await;
    for name in ["a", "b"] {
        secret(&faulty.aws, &format!("{ns}/{name}"), name, &[("team", ns)]).await;
    }
    for (name, find) in [
        ("path", json!({ "path": "external-lag/", "name": { "regexp": "." } })),
        ("tags", json!({ "tags": { "team": ns } })),
    ] {
        let mut object = external(ns, name, &[]);
        object["spec"]["dataFrom"] = json!([{ "find": find }]);
        api.create(Kind::ExternalSecret, object).await;
        wait_ready(&api, ns, name, "True").await;
    }
    faulty.aws.faults().add(Fault::Unlisted("external-lag/b".into()));
    for name in ["path", "tags"] {
        force(&api, ns, name).await;
    }
    faulty.catch_up(&api).await;
    for name in ["path", "tags"] {
        let kept = api.secret(ns, name).await.unwrap();
        assert_eq!(value(&kept, "external-lag_b").as_deref(), Some("b"), "{name}");
    }
    // A deleted secret disappears.
    let deleted = faulty.aws.secrets().delete_secret().secret_id("external-lag/b");
    deleted.force_delete_without_recovery(true).send().await.unwrap();
    for name in ["path", "tags"] {
        force(&api, ns, name).await;
        api.wait(Kind::Secret, ns, name, |secret| value(secret, "external-lag_b").is_none()).await;
    }
}

/// Fault F15: credentials expire.
#[tokio::test]
async fn expired_credentials_are_renewed_and_sts_outages_are_retried() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-expired";
    faulty.aws.faults().add(Fault::Failing("AssumeRole", 5));
    faulty_store(&api, faulty, ns, json!({ "role": "arn:aws:iam::123456789012:role/reader" }))
        .await;
    secret(&faulty.aws, "external-expired/a", "1", &[]).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "external-expired/a")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let before = faulty.aws.counts()["AssumeRole"];
    change(&faulty.aws, "external-expired/a", "2").await;
    faulty.aws.faults().add(Fault::Expired("external-expired/a".into(), 1));
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
    assert_eq!(faulty.aws.counts()["AssumeRole"], before + 1);
    let object = wait_ready(&api, ns, "s", "True").await;
    assert!(condition(&object, "Explained").is_none());
}

/// Fault F20: the store changes during a read.
#[tokio::test]
async fn values_of_a_changed_store_are_discarded() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-changed";
    secret(&faulty.aws, "external-changed/old/a", "old", &[]).await;
    secret(&faulty.aws, "external-changed/new/a", "new", &[]).await;
    faulty.aws.faults().add(Fault::Slow("GetSecretValue", Duration::from_secs(3)));
    faulty_store(&api, faulty, ns, json!({ "prefix": "external-changed/old/" })).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "a")])).await;
    wait_requested(&faulty.aws, ns, "GetSecretValue").await;
    let patch = json!({ "spec": { "provider": { "aws": { "prefix": "external-changed/new/" } } } });
    api.patch(Kind::SecretStore, ns, "aws", patch).await;
    wait_value(&api, ns, "s", "A", "new").await;
    let writes = rig().cluster.writes().unwrap();
    let secrets = writes.iter().filter(|write| {
        write.namespace == ns
            && write.resource == "secrets"
            && write.user.ends_with("mtk-controller")
    });
    assert_eq!(secrets.count(), 1, "the old value was never written");
}

/// Fault F20: the store changes in the middle of a batch, which serves several objects.
#[tokio::test]
async fn store_edited_in_the_middle_of_a_batch_writes_no_old_value() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-batch-changed";
    for (prefix, name) in [("old", "a"), ("old", "b"), ("new", "a"), ("new", "b")] {
        secret(&faulty.aws, &format!("{ns}/{prefix}/{name}"), prefix, &[]).await;
    }
    faulty.aws.faults().add(Fault::Slow("BatchGetSecretValue", Duration::from_secs(3)));
    faulty_store(&api, faulty, ns, json!({ "prefix": format!("{ns}/old/") })).await;
    for name in ["a", "b"] {
        api.create(Kind::ExternalSecret, external(ns, name, &[("A", "a"), ("B", "b")])).await;
    }
    wait_requested(&faulty.aws, ns, "BatchGetSecretValue").await;
    let prefix = format!("{ns}/new/");
    let patch = json!({ "spec": { "provider": { "aws": { "prefix": prefix } } } });
    api.patch(Kind::SecretStore, ns, "aws", patch).await;
    for name in ["a", "b"] {
        wait_value(&api, ns, name, "A", "new").await;
        wait_value(&api, ns, name, "B", "new").await;
    }
    let writes = rig().cluster.writes().unwrap();
    let secrets = writes.iter().filter(|write| {
        write.namespace == ns
            && write.resource == "secrets"
            && write.user.ends_with("mtk-controller")
    });
    assert_eq!(secrets.count(), 2, "the old values were never written");
}

/// Fault F20: the store or the namespace is deleted during a read.
#[tokio::test]
async fn values_for_a_deleted_store_or_namespace_are_discarded() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let (without_store, going) = ("external-store-gone", "external-namespace-gone");
    faulty.aws.faults().add(Fault::Slow("GetSecretValue", Duration::from_secs(3)));
    for ns in [without_store, going] {
        secret(&faulty.aws, &format!("{ns}/a"), "1", &[]).await;
        faulty_store(&api, faulty, ns, json!({})).await;
        let from = format!("{ns}/a");
        api.create(Kind::ExternalSecret, external(ns, "s", &[("A", &from)])).await;
    }
    for ns in [without_store, going] {
        wait_requested(&faulty.aws, ns, "GetSecretValue").await;
    }
    api.delete(Kind::SecretStore, without_store, "aws").await;
    api.delete(Kind::Namespace, "", going).await;
    let message = explained(&api, without_store, "s", "StoreInvalid").await;
    assert!(message.contains("SecretStore external-store-gone/aws was not found"), "{message}");
    wait_idle(&faulty.aws).await;
    faulty.aws.faults().clear();
    faulty.catch_up(&api).await;
    assert!(api.secret(without_store, "s").await.is_none());
    let reports_failure = |line: &str| line.contains("not in sync") && line.contains(going);
    let log = faulty.controller.log().unwrap();
    assert!(!log.lines().any(reports_failure), "a deleted namespace is no failure");
    api.wait_deleted(Kind::Namespace, "", going).await;
}

/// Fault F20: the object is deleted during a read. Otherwise its Secret would stay for good.
#[tokio::test]
async fn values_for_a_deleted_object_are_discarded() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-object-gone";
    faulty.aws.faults().add(Fault::Slow("GetSecretValue", Duration::from_secs(3)));
    secret(&faulty.aws, &format!("{ns}/a"), "1", &[]).await;
    faulty_store(&api, faulty, ns, json!({})).await;
    let from = format!("{ns}/a");
    for name in ["going", "staying"] {
        let mut object = external(ns, name, &[("A", &from)]);
        object["spec"]["target"] = json!({ "creationPolicy": "Orphan" });
        api.create(Kind::ExternalSecret, object).await;
    }
    wait_requested(&faulty.aws, ns, "GetSecretValue").await;
    api.delete(Kind::ExternalSecret, ns, "going").await;
    wait_value(&api, ns, "staying", "A", "1").await;
    wait_idle(&faulty.aws).await;
    faulty.aws.faults().clear();
    faulty.catch_up(&api).await;
    assert!(api.secret(ns, "going").await.is_none());
}

#[tokio::test]
async fn short_throttle_is_hidden_and_long_throttle_is_reported() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-throttled";
    faulty_store(&api, faulty, ns, json!({})).await;
    secret(&faulty.aws, "external-throttled/a", "1", &[]).await;
    faulty.aws.faults().add(Fault::Throttled("GetSecretValue", 2));
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "external-throttled/a")])).await;
    let object = wait_ready(&api, ns, "s", "True").await;
    let events = api.events(ns, "s").await;
    assert!(events.iter().all(|[type_, ..]| type_ == "Normal"), "{events:?}");
    faulty.aws.faults().add(Fault::Throttled("GetSecretValue", 1000));
    force(&api, ns, "s").await;
    explained(&api, ns, "s", "Throttled").await;
    no_provider_text(&api, faulty, &object).await;
    let kept = api.secret(ns, "s").await.unwrap();
    assert_eq!(value(&kept, "A").as_deref(), Some("1"));
    faulty.aws.faults().clear();
    wait_ready(&api, ns, "s", "True").await;
}

#[tokio::test]
async fn invalid_json_keeps_the_secret() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-broken";
    synced(&api, faulty, ns).await;
    faulty.aws.faults().add(Fault::Broken("GetSecretValue"));
    faulty.aws.faults().add(Fault::Broken("BatchGetSecretValue"));
    force(&api, ns, "s").await;
    let object = wait_ready(&api, ns, "s", "False").await;
    no_provider_text(&api, faulty, &object).await;
    assert!(api.secret(ns, "s").await.is_some());
}

/// Text of AWS appears nowhere.
async fn no_provider_text(api: &Api, faulty: &Faulty, object: &Value) {
    let canary = "canary-provider-text";
    assert!(!object.to_string().contains(canary), "{object}");
    assert!(!faulty.controller.log().unwrap().contains(canary));
    let ns = text(&object["metadata"]["namespace"]);
    for event in api.list(Kind::Event, Some(&ns)).await {
        assert!(!event.to_string().contains(canary), "{event}");
    }
}
