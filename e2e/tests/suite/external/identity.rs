//! A value that one identity reads never reaches another.

use e2e::aws::Fault;
use serde_json::json;

use super::support::{
    KEYS, external, faulty, faulty_store, force, rig, secret, stores, wait_ready, wait_value,
};
use crate::support::{Kind, condition, eventually};

/// A cache or batch keyed by the secret's name would give the second store a value it may not read.
#[tokio::test]
async fn two_stores_read_the_same_secret_each_with_its_own_permissions() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let (may, may_not) = ("external-may", "external-may-not");
    for name in ["x", "y"] {
        secret(&faulty.aws, &format!("shared/{name}"), "treasure", &[]).await;
        let denied = Fault::DeniedTo(may_not.into(), format!("shared/{name}"));
        faulty.aws.faults().add(denied);
    }
    for ns in [may, may_not] {
        faulty_store(&api, faulty, ns, json!({})).await;
    }
    // At the same time, and again after the first store has read the value.
    for round in ["s", "t"] {
        for ns in [may, may_not] {
            let object = external(ns, round, &[("X", "shared/x"), ("Y", "shared/y")]);
            api.create(Kind::ExternalSecret, object).await;
        }
        wait_value(&api, may, round, "X", "treasure").await;
        let denied = wait_ready(&api, may_not, round, "False").await;
        assert_eq!(condition(&denied, "Explained").unwrap()["reason"], "AccessDenied");
        assert!(api.secret(may_not, round).await.is_none());
    }
}

/// Corrected access keys cause an immediate retry, without waiting for the back-off.
#[tokio::test]
async fn corrected_access_keys_are_used_at_once() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-keys";
    secret(&faulty.aws, "external-keys/a", "1", &[]).await;
    faulty.aws.faults().add(Fault::DeniedTo(ns.into(), "external-keys/a".into()));
    faulty_store(&api, faulty, ns, json!({})).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "external-keys/a")])).await;
    wait_ready(&api, ns, "s", "False").await;
    // The back-off of the object has grown by then.
    faulty.catch_up(&api).await;
    let keys = json!({ "stringData": { "id": "other", "secret": "key" } });
    api.patch(Kind::Secret, ns, KEYS, keys).await;
    let changed = std::time::Instant::now();
    wait_value(&api, ns, "s", "A", "1").await;
    assert!(changed.elapsed().as_secs() < 3);
}

/// A version of another account must not count as an older version of this one.
#[tokio::test]
async fn value_of_an_edited_store_is_used_at_once() {
    let api = rig().api().await;
    let ns = "external-moved";
    stores(&api, ns).await;
    // The version number of a parameter is smaller than the creation time of a secret.
    let parameter = rig().aws.parameters().put_parameter().name("external-moved/a");
    parameter.value("theirs").r#type("String".into()).send().await.unwrap();
    secret(&rig().aws, "external-moved/a", "1", &[]).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "external-moved/a")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let service = json!({ "spec": { "provider": { "aws": { "service": "ParameterStore" } } } });
    api.patch(Kind::SecretStore, ns, "aws", service).await;
    rig().catch_up(&api).await;
    let forced = std::time::Instant::now();
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "theirs").await;
    assert!(forced.elapsed().as_secs() < 20, "{:?}", forced.elapsed());
}

/// A ClusterSecretStore whose references have no namespace reads with the keys of the object's namespace.
#[tokio::test]
async fn rows_34_and_37_referent_store_reads_with_the_keys_of_the_namespace() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let (may, may_not) = ("external-referent-may", "external-referent-may-not");
    secret(&faulty.aws, "referent/x", "treasure", &[]).await;
    faulty.aws.faults().add(Fault::DeniedTo(may_not.into(), "referent/x".into()));
    for ns in [may, may_not] {
        faulty_store(&api, faulty, ns, json!({})).await;
    }
    let mut store = super::support::store("", "referent", "SecretsManager");
    store["metadata"].as_object_mut().unwrap().remove("namespace");
    store["spec"]["controller"] = json!(faulty.class);
    store["spec"]["conditions"] = json!([{ "namespaceRegexes": ["^external-referent-"] }]);
    api.create(Kind::ClusterSecretStore, store).await;
    let object = |ns: &str| {
        let mut object = external(ns, "s", &[("X", "referent/x")]);
        object["spec"]["secretStoreRef"] =
            json!({ "name": "referent", "kind": "ClusterSecretStore" });
        object
    };
    for ns in [may, may_not] {
        api.create(Kind::ExternalSecret, object(ns)).await;
    }
    wait_value(&api, may, "s", "X", "treasure").await;
    wait_ready(&api, may_not, "s", "False").await;
    assert!(api.secret(may_not, "s").await.is_none());
    let store = api.wait(Kind::ClusterSecretStore, "", "referent", |store| {
        condition(store, "Ready").is_some_and(|ready| ready["reason"] == "ValidationUnknown")
    });
    assert_eq!(condition(&store.await, "Ready").unwrap()["status"], "True");
    // Events about objects without a namespace are in `default`.
    eventually("the Event about the store", async || {
        let events = api.events("default", "referent").await;
        events.iter().any(|[_, reason, _]| reason == "ValidationUnknown").then_some(())
    })
    .await;
    // Its conditions do not allow this namespace.
    let elsewhere = "external-elsewhere";
    api.namespace(elsewhere).await;
    api.create(Kind::ExternalSecret, object(elsewhere)).await;
    let refused = wait_ready(&api, elsewhere, "s", "False").await;
    assert_eq!(condition(&refused, "Explained").unwrap()["reason"], "StoreInvalid");
    faulty.catch_up(&api).await;
    assert!(api.secret(elsewhere, "s").await.is_none());
}
