//! Refresh, creation and deletion policies.

use serde_json::{Value, json};

use super::support::{change, external, force, rig, secret, stores, value, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, eventually, text};

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

async fn wait_reason(api: &Api, ns: &str, reason: &str) {
    api.wait(Kind::ExternalSecret, ns, "s", |object| {
        condition(object, "Ready").is_some_and(|ready| ready["reason"] == reason)
    })
    .await;
}

#[tokio::test]
async fn rows_20_and_22_changed_value_is_read_after_the_interval_or_when_forced() {
    let ns = "external-interval";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "refreshInterval": "3s" }))).await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&rig().aws, "external-interval/a", "2").await;
    wait_value(&api, ns, "s", "A", "2").await;
    let patch = json!({ "spec": { "refreshInterval": "1h" } });
    api.patch(Kind::ExternalSecret, ns, "s", patch).await;
    change(&rig().aws, "external-interval/a", "3").await;
    rig().catch_up(&api).await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "3").await;
}

#[tokio::test]
async fn edited_or_deleted_secret_is_repaired_at_once() {
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
async fn row_20_interval_0_never_reads_again() {
    let ns = "external-once";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "refreshInterval": "0" }))).await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&rig().aws, "external-once/a", "2").await;
    force(&api, ns, "s").await;
    rig().catch_up(&api).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "A").as_deref(), Some("1"));
}

#[tokio::test]
async fn row_18_secret_follows_the_deletion_and_return_of_its_values() {
    let ns = "external-delete";
    let api = begin(ns).await;
    let target = json!({ "target": { "deletionPolicy": "Delete" }, "refreshInterval": "2s" });
    api.create(Kind::ExternalSecret, object(ns, target)).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let secrets = rig().aws.secrets();
    secrets.delete_secret().secret_id("external-delete/a").send().await.unwrap();
    wait_reason(&api, ns, "SecretDeleted").await;
    assert!(api.secret(ns, "s").await.is_none());
    eventually("both Events exist", async || {
        let events = api.events(ns, "s").await;
        let has = |reason: &str| events.iter().any(|event| event.iter().any(|word| word == reason));
        (has("Deleted") && has("MissingProviderSecret")).then_some(())
    })
    .await;
    secrets.restore_secret().secret_id("external-delete/a").send().await.unwrap();
    wait_value(&api, ns, "s", "A", "1").await;
}

#[tokio::test]
async fn secret_of_a_renamed_target_is_deleted() {
    let ns = "external-renamed";
    let api = begin(ns).await;
    api.create(Kind::ExternalSecret, object(ns, json!({ "target": { "name": "one" } }))).await;
    wait_value(&api, ns, "one", "A", "1").await;
    wait_ready(&api, ns, "s", "True").await;
    let patch = json!({ "spec": { "target": { "name": "two" } } });
    api.patch(Kind::ExternalSecret, ns, "s", patch).await;
    wait_value(&api, ns, "two", "A", "1").await;
    eventually("the old Secret is deleted", async || {
        api.secret(ns, "one").await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn row_16_merge_adds_and_removes_values_of_a_foreign_secret() {
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

/// The status must not stay `SecretSynced`.
#[tokio::test]
async fn row_16_deleted_merge_target_is_reported_as_missing() {
    let ns = "external-merge-gone";
    let api = begin(ns).await;
    let foreign =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, foreign.clone()).await;
    let merge = json!({ "target": { "creationPolicy": "Merge" }, "refreshInterval": "0" });
    api.create(Kind::ExternalSecret, object(ns, merge)).await;
    wait_value(&api, ns, "s", "A", "1").await;
    wait_ready(&api, ns, "s", "True").await;
    api.delete(Kind::Secret, ns, "s").await;
    wait_reason(&api, ns, "SecretMissing").await;
    api.create(Kind::Secret, foreign).await;
    wait_value(&api, ns, "s", "A", "1").await;
}

/// A policy that forbids the Secret must not outlive a change of the object.
#[tokio::test]
async fn rows_20_and_22_secret_absent_by_policy_is_created_when_the_object_changes() {
    let ns = "external-absent";
    let api = begin(ns).await;
    let once = |more: Value| {
        let mut spec = json!({ "refreshInterval": "0" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let kept_away = object(ns, once(json!({ "target": { "creationPolicy": "None" } })));
    api.create(Kind::ExternalSecret, kept_away).await;
    wait_reason(&api, ns, "SecretSynced").await;
    let made = json!({ "spec": { "target": { "creationPolicy": "Owner" } } });
    api.patch(Kind::ExternalSecret, ns, "s", made).await;
    wait_value(&api, ns, "s", "A", "1").await;
    api.delete(Kind::ExternalSecret, ns, "s").await;
    eventually("the Secret is deleted", async || api.secret(ns, "s").await.is_none().then_some(()))
        .await;

    let found = json!({ "find": { "name": { "regexp": "^external-absent/later$" } } });
    let retained = object(ns, once(json!({ "data": [], "dataFrom": [found] })));
    api.create(Kind::ExternalSecret, retained).await;
    wait_reason(&api, ns, "SecretSynced").await;
    assert!(api.secret(ns, "s").await.is_none());
    secret(&rig().aws, "external-absent/later", "2", &[]).await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "external-absent_later", "2").await;
}

/// A webhook that changes the written Secret must not cause a loop of reads.
#[tokio::test]
async fn secret_changed_by_a_webhook_causes_few_reads() {
    let ns = "external-webhook";
    let api = begin(ns).await;
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": { "name": ns },
        "spec": {
            "matchConstraints": {
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": ns } },
                "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"],
                                    "operations": ["CREATE", "UPDATE"], "resources": ["secrets"] }],
            },
            "matchConditions": [{ "name": "s", "expression": "object.metadata.name == 's'" }],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression":
                "[JSONPatch{op: 'add', path: '/data/A', value: 'eA=='}]" } }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": { "name": ns }, "spec": { "policyName": ns },
    });
    for object in [policy, binding] {
        rig().cluster.apply(&object).unwrap();
    }
    // The API server needs a moment to apply the policy.
    let probe = json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "A": "MQ==" } });
    eventually("the policy applies", async || {
        api.create(Kind::Secret, probe.clone()).await;
        let made = api.secret(ns, "s").await.unwrap();
        api.delete(Kind::Secret, ns, "s").await;
        (value(&made, "A").as_deref() == Some("x")).then_some(())
    })
    .await;
    api.create(Kind::ExternalSecret, object(ns, json!({}))).await;
    wait_ready(&api, ns, "s", "True").await;
    // Without a guard, each repair would cause the next read at once.
    let count = || {
        let requests = rig().aws.requests();
        requests.iter().filter(|request| request.access_key == ns).count()
    };
    eventually("a repair", async || (count() >= 2).then_some(())).await;
    rig().catch_up(&api).await;
    assert!((2..12).contains(&count()), "{} requests", count());
}

/// Our controller sets no finalizer, and removes External Secrets' during deletion.
#[tokio::test]
async fn row_49_object_with_the_upstream_finalizer_can_be_deleted() {
    let ns = "external-finalizer";
    let api = begin(ns).await;
    let peers = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    let mut object = object(ns, json!({}));
    object["metadata"]["finalizers"] = json!([peers]);
    api.create(Kind::ExternalSecret, object).await;
    let object = wait_ready(&api, ns, "s", "True").await;
    assert_eq!(object["metadata"]["finalizers"], json!([peers]), "the controller keeps it");
    api.delete(Kind::ExternalSecret, ns, "s").await;
    eventually("both are deleted", async || {
        let gone = api.get(Kind::ExternalSecret, ns, "s").await.is_none()
            && api.secret(ns, "s").await.is_none();
        gone.then_some(())
    })
    .await;
}

#[tokio::test]
async fn rows_01_and_39_stores_of_other_controllers_are_not_touched() {
    let ns = "external-others";
    let api = begin(ns).await;
    let vault = json!({ "metadata": { "namespace": ns, "name": "vault" },
        "spec": { "provider": { "vault": { "server": "https://v", "path": "p", "auth": { "x": 1 } } } } });
    let made = api.create(Kind::SecretStore, vault).await;
    assert_eq!(made["spec"]["provider"]["vault"]["auth"]["x"], 1, "the API server prunes nothing");
    let store =
        api.wait(Kind::SecretStore, ns, "vault", |store| condition(store, "Supported").is_some());
    let store = store.await;
    assert_eq!(condition(&store, "Supported").unwrap()["status"], "False");
    assert!(condition(&store, "Ready").is_none());
    // The controller only explains why it does not touch the objects of such a store.
    let peers = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    let mut theirs = object(ns, json!({ "secretStoreRef": { "name": "vault" } }));
    theirs["metadata"]["name"] = json!("theirs");
    theirs["metadata"]["finalizers"] = json!([peers]);
    api.create(Kind::ExternalSecret, theirs).await;
    let explained = api.wait(Kind::ExternalSecret, ns, "theirs", |object| {
        condition(object, "Explained").is_some()
    });
    let explained = explained.await;
    let message = text(&condition(&explained, "Explained").unwrap()["message"]);
    assert!(message.contains("provider `vault` is not supported"), "{message}");
    assert!(condition(&explained, "Ready").is_none());
    api.delete(Kind::ExternalSecret, ns, "theirs").await;
    let mut foreign = super::support::store(ns, "foreign", "SecretsManager");
    foreign["spec"]["controller"] = json!("elsewhere");
    api.create(Kind::SecretStore, foreign).await;
    let mut object = object(ns, json!({}));
    object["spec"]["secretStoreRef"]["name"] = json!("foreign");
    api.create(Kind::ExternalSecret, object).await;
    rig().catch_up(&api).await;
    let theirs = api.get(Kind::ExternalSecret, ns, "theirs").await.unwrap();
    assert_eq!(theirs["metadata"]["finalizers"], json!([peers]), "the other controller needs it");
    let object = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
    assert_eq!(object["status"], json!({ "observedGeneration": -1 }), "as the CRD has it");
    assert_eq!(text(&object["metadata"]["name"]), "s");
}
