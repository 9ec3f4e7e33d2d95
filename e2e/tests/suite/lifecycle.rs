//! Deletion of a SealedSecret, its namespace and the owner of its Secret.

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::json;

use crate::support::{
    Kind, catch_up, collect_garbage, data, eventually, ready_reason, sealed, shared,
};

#[tokio::test]
async fn deleted_sealed_secret_loses_its_secret() {
    let api = shared().api().await;
    let ns = api.namespace("lifecycle-deleted").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    api.delete(Kind::SealedSecret, &ns, "s").await;
    api.wait_deleted(Kind::Secret, &ns, "s").await;
    catch_up(&api).await;
    assert_eq!(api.secret(&ns, "s").await, None, "it stays deleted");
}

/// Fault F5 (bitnami-labs/sealed-secrets#1599): the garbage collector deletes the old Secret later, and
/// the new SealedSecret must not lose its own for good.
#[tokio::test]
async fn recreated_sealed_secret_gets_its_secret_back() {
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
    collect_garbage(&api, &ns).await;
    catch_up(&api).await;
    let still = api.secret(&ns, "s").await.unwrap();
    assert_eq!(still["metadata"]["uid"], secret["metadata"]["uid"]);
}

#[tokio::test]
async fn foreground_deletion_completes() {
    let api = shared().api().await;
    let ns = api.namespace("lifecycle-foreground").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Foreground),
        ..DeleteParams::default()
    };
    api.delete_as(Kind::SealedSecret, &ns, "s", params).await;
    api.wait_deleted(Kind::SealedSecret, &ns, "s").await;
    assert_eq!(api.secret(&ns, "s").await, None);
}

/// A Secret created again would block a foreground deletion.
#[tokio::test]
async fn sealed_secret_under_deletion_causes_no_write() {
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
    catch_up(&api).await;
    let before = writes();
    api.delete(Kind::SealedSecret, &ns, "s").await;
    api.delete(Kind::Secret, &ns, "s").await;
    catch_up(&api).await;
    assert_eq!(api.secret(&ns, "s").await, None);
    assert_eq!(writes(), before);
    let release = json!({ "metadata": { "finalizers": null } });
    api.patch(Kind::SealedSecret, &ns, "s", release).await;
    api.wait_deleted(Kind::SealedSecret, &ns, "s").await;
}

/// Fault F20.
#[tokio::test]
async fn namespace_under_deletion_receives_no_write() {
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
    // The finalizer keeps the namespace in deletion for a while.
    let mut held = json!({ "metadata": { "namespace": ns, "name": "held" } });
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.create(Kind::Secret, held).await;
    api.delete(Kind::Namespace, "", &ns).await;
    eventually("the Secrets are deleted", async || {
        let left = api.list(Kind::Secret, Some(&ns)).await;
        (left.len() == 1).then_some(())
    })
    .await;
    catch_up(&api).await;
    let left = api.list(Kind::Secret, Some(&ns)).await;
    assert_eq!(left.len(), 1, "no Secret was created again");
    let release = json!({ "metadata": { "finalizers": null } });
    api.patch(Kind::Secret, &ns, "held", release).await;
    api.wait_deleted(Kind::Namespace, "", &ns).await;

    let requests = shared.cluster.requests().unwrap();
    let refused: Vec<_> =
        requests.iter().filter(|request| request.namespace == ns && request.code == 403).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
