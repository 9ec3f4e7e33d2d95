//! The end of a SealedSecret, of its namespace and of its Secret's owner.

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::json;

use crate::support::{Api, Kind, data, eventually, pause, ready_reason, sealed, shared};

#[tokio::test]
async fn a_deleted_sealed_secret_takes_its_secret_along() {
    let api = shared().api().await;
    let ns = api.namespace("lifecycle-deleted").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    api.delete(Kind::SealedSecret, &ns, "s").await;
    gone(&api, Kind::Secret, &ns, "s").await;
    pause(2500).await;
    assert_eq!(api.secret(&ns, "s").await, None, "and it stays away");
}

/// Fault F5 (bitnami-labs/sealed-secrets#1599): the old Secret goes later, with its owner's uid, and
/// the new SealedSecret must not lose its own for good.
#[tokio::test]
async fn a_sealed_secret_that_is_deleted_and_made_anew_gets_its_secret_back() {
    let api = shared().api().await;
    let ns = api.namespace("lifecycle-replaced").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let first = api.wait_ready(&ns, "s").await;
    api.delete(Kind::SealedSecret, &ns, "s").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "2")])).await;
    let second = api
        .wait(Kind::SealedSecret, &ns, "s", |sealed| {
            sealed["metadata"]["uid"] != first["metadata"]["uid"]
                && ready_reason(sealed) == Some("Unsealed")
        })
        .await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!(data(&secret), ["A=2"]);
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], second["metadata"]["uid"]);
    pause(3000).await;
    let still = api.secret(&ns, "s").await.unwrap();
    assert_eq!(still["metadata"]["uid"], secret["metadata"]["uid"]);
}

#[tokio::test]
async fn foreground_deletion_ends() {
    let api = shared().api().await;
    let ns = api.namespace("lifecycle-foreground").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        ..DeleteParams::default()
    };
    api.delete_as(Kind::SealedSecret, &ns, "s", params).await;
    gone(&api, Kind::SealedSecret, &ns, "s").await;
    assert_eq!(api.secret(&ns, "s").await, None);
}

/// A Secret that came back would hold up a foreground deletion for ever.
#[tokio::test]
async fn nothing_is_written_for_a_sealed_secret_that_is_being_deleted() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("lifecycle-deleting").await;
    let mut object = sealed(&ns, "s", &[("A", "1")]);
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_ready(&ns, "s").await;
    let writes = || {
        let writes = shared.cluster.writes().unwrap();
        writes.iter().filter(|write| write.namespace == ns).count()
    };
    pause(500).await;
    let before = writes();
    api.delete(Kind::SealedSecret, &ns, "s").await;
    api.delete(Kind::Secret, &ns, "s").await;
    pause(3000).await;
    assert_eq!(api.secret(&ns, "s").await, None);
    assert_eq!(writes(), before);
    let release = json!({ "metadata": { "finalizers": null } });
    api.patch(Kind::SealedSecret, &ns, "s", release).await;
    gone(&api, Kind::SealedSecret, &ns, "s").await;
}

/// Fault F20.
#[tokio::test]
async fn a_namespace_goes_and_nothing_is_written_into_it_any_more() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("lifecycle-namespace").await;
    for n in 0..10 {
        let name = format!("s{n}");
        api.apply(Kind::SealedSecret, &sealed(&ns, &name, &[("A", "1")])).await;
    }
    for n in 0..10 {
        api.wait_ready(&ns, &format!("s{n}")).await;
    }
    // Held, so that the namespace is on its way out for a while.
    let mut held = json!({ "metadata": { "namespace": ns, "name": "held" } });
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.create(Kind::Secret, held).await;
    api.delete(Kind::Namespace, "", &ns).await;
    eventually("the Secrets are gone", async || {
        let left = api.list(Kind::Secret, Some(&ns)).await;
        (left.len() == 1).then_some(())
    })
    .await;
    pause(2500).await;
    let left = api.list(Kind::Secret, Some(&ns)).await;
    assert_eq!(left.len(), 1, "none came back");
    let release = json!({ "metadata": { "finalizers": null } });
    api.patch(Kind::Secret, &ns, "held", release).await;
    gone(&api, Kind::Namespace, "", &ns).await;

    let requests = shared.cluster.requests().unwrap();
    let refused: Vec<_> =
        requests.iter().filter(|request| request.namespace == ns && request.code == 403).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

async fn gone(api: &Api, kind: Kind, namespace: &str, name: &str) {
    let what = format!("{kind:?} {namespace}/{name} is gone");
    eventually(&what, async || api.get(kind, namespace, name).await.is_none().then_some(())).await;
}
