//! Waiting until the controller has processed every earlier change.

use std::sync::atomic::{AtomicU32, Ordering};

use e2e::controller::Controller;
use serde_json::{Value, json};

use super::api::{Api, Kind};
use super::wait::eventually;

/// The namespace of the probes. A controller that watches some namespaces only must watch this one.
const PROBES: &str = "catch-up";
/// The first round follows the changes through the watches, the second one through the queue.
const ROUNDS: u32 = 2;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Waits until the controller has processed every change that happened before this call.
///
/// The probe is an additional SealedSecret. The controller creates its Secret, the test deletes that
/// Secret, and the controller creates it again. A watch delivers events in order, so by then the
/// controller has seen every earlier event of SealedSecrets and Secrets. New and changed objects are
/// reconciled in the order of their events.
pub(crate) async fn catch_up(api: &Api) {
    catch_up_in(api, PROBES).await;
}

/// The same with probes in this namespace.
pub(crate) async fn catch_up_in(api: &Api, namespace: &str) {
    if api.get(Kind::Namespace, "", namespace).await.is_none() {
        // Another test may create it at the same moment.
        let created = json!({ "metadata": { "name": namespace } });
        drop(api.try_create(Kind::Namespace, created).await);
    }
    for _ in 0..ROUNDS {
        round(api, namespace).await;
    }
}

async fn round(api: &Api, namespace: &str) {
    let name = format!("probe-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    api.create(Kind::SealedSecret, probe(namespace, &name)).await;
    let first =
        eventually("the probe's Secret exists", async || api.secret(namespace, &name).await);
    let uid = first.await["metadata"]["uid"].clone();
    api.delete(Kind::Secret, namespace, &name).await;
    api.wait(Kind::Secret, namespace, &name, |secret| secret["metadata"]["uid"] != uid).await;
    api.wait_ready(namespace, &name).await;
    api.delete(Kind::SealedSecret, namespace, &name).await;
    api.delete(Kind::Secret, namespace, &name).await;
}

/// Waits until the garbage collector has processed every earlier deletion in the namespace.
///
/// The probe is a ConfigMap whose owner never existed. The garbage collector deletes it.
pub(crate) async fn collect_garbage(api: &Api, namespace: &str) {
    let name = format!("probe-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let owner = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                        "name": name, "uid": format!("00000000-0000-4000-8000-{:012}", NUMBER.load(Ordering::Relaxed)) });
    let object = json!({
        "metadata": { "namespace": namespace, "name": name, "ownerReferences": [owner] },
    });
    api.create(Kind::ConfigMap, object).await;
    api.wait_deleted(Kind::ConfigMap, namespace, &name).await;
}

/// It has no sealed item, so every controller can open it, with any keys.
fn probe(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "encryptedData": {}, "template": { "data": { "probe": "1" } } },
    })
}

/// Waits until the controller has reconciled everything this many times more, as each resync does.
pub(crate) async fn resyncs(controller: &Controller, times: u32) {
    let first = reconciles(controller);
    eventually("the resyncs", async || {
        (reconciles(controller) >= first + f64::from(times)).then_some(())
    })
    .await;
}

fn reconciles(controller: &Controller) -> f64 {
    let metrics = controller.metrics().unwrap();
    let counters =
        metrics.iter().filter(|(name, _)| name.starts_with("mtk_controller_reconcile_total"));
    counters.map(|(_, count)| count).sum()
}
