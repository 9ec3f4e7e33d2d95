//! The controller stops, in order or not, and starts again.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::cluster::NAMESPACE;
use rustix::process::{Pid, Signal, kill_process};
use sealing::Scope;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Kind, Private, condition, data, eventually, key_secret, private, ready_reason, sealed,
    sealed_with, vector_key,
};

/// Time between two changes: long enough that kills hit different objects.
const BETWEEN_CHANGES: Duration = Duration::from_millis(40);
/// How long the API server is stopped.
const OUTAGE: Duration = Duration::from_secs(8);
const OBJECTS: u32 = 2000;
const CONNECTIONS: usize = 16;
const OPERATIONS: &str = "mtk_controller_private_key_operations_total";

#[tokio::test]
async fn restart_with_2000_unchanged_objects_causes_no_rsa_no_get_and_no_write() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    api.namespace("restart-many").await;
    let controller = private.cluster().controller(&[]).unwrap();
    create_many(&private).await;
    eventually("all objects are in sync", async || {
        let all = api.list(Kind::SealedSecret, Some("restart-many")).await;
        let ready = all.iter().filter(|sealed| ready_reason(sealed) == Some("Unsealed"));
        let ready = ready.count();
        (u32::try_from(ready) == Ok(OBJECTS)).then_some(())
    })
    .await;
    let operations = controller.metrics().unwrap()[OPERATIONS];
    assert!(operations >= 2.0 * f64::from(OBJECTS), "one operation per item: {operations}");
    controller.end().unwrap();

    let before = private.cluster().requests().unwrap().len();
    let controller = private.cluster().controller(&[]).unwrap();
    eventually("all objects are reconciled", async || {
        let metrics = controller.metrics().unwrap();
        let synced =
            metrics.iter().filter(|(name, value)| name.contains("condition_info") && **value > 0.0);
        (u32::try_from(synced.count()) == Ok(OBJECTS)).then_some(())
    })
    .await;

    let metrics = controller.metrics().unwrap();
    assert_eq!(metrics[OPERATIONS].to_string(), "0", "RSA operations");
    let mut counted: Vec<_> = metrics
        .iter()
        .filter(|(name, _)| name.contains("api_requests_total"))
        .filter(|(name, _)| !["list", "watch"].iter().any(|verb| name.contains(verb)))
        .collect();
    // The controller reads its own two Secrets: the fingerprint key, and the key without a label.
    let own = "mtk_controller_api_requests_total{verb=\"get\",resource=\"secrets\"}".to_owned();
    counted.retain(|count| *count != (&own, &2.0));
    assert!(counted.is_empty(), "by the controller's own count: {counted:?}");

    let requests = private.cluster().requests().unwrap().split_off(before);
    let not_own: Vec<_> = requests
        .iter()
        .filter(|request| !["list", "watch"].contains(&request.verb.as_str()))
        .filter(|request| !(request.verb == "get" && request.namespace == NAMESPACE))
        .collect();
    assert!(not_own.is_empty(), "by the API server's count: {not_own:?}");
}

/// The kill hits a random point: before the write of the Secret, between Secret and status (fault F1),
/// after both, or during the start.
#[tokio::test]
async fn killed_controller_converges_without_a_second_write() {
    const NAMES: usize = 40;
    const VERSIONS: usize = 3;
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("restart-killed").await;

    let (user, in_ns) = (api.clone(), ns.clone());
    let changes = tokio::spawn(async move {
        for version in 1..=VERSIONS {
            for n in 0..NAMES {
                let values = [("A", format!("{version}")), ("B", format!("{n}"))];
                let values = values.each_ref().map(|(key, value)| (*key, value.as_str()));
                user.apply(Kind::SealedSecret, &sealed(&in_ns, &format!("s{n}"), &values)).await;
                tokio::time::sleep(BETWEEN_CHANGES).await;
            }
        }
    });
    let mut random: u64 = 2026;
    let mut kills = 0;
    while !changes.is_finished() || kills < 10 {
        let controller = private.cluster().spawn_controller("127.0.0.1:0", &[]).unwrap();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_millis(100 + (random >> 33) % 900)).await;
        drop(controller);
        kills += 1;
    }
    changes.await.unwrap();

    let _controller = private.cluster().controller(&[]).unwrap();
    for n in 0..NAMES {
        let name = format!("s{n}");
        api.wait_ready(&ns, &name).await;
        let secret = api.secret(&ns, &name).await.unwrap();
        assert_eq!(data(&secret), [format!("A={VERSIONS}"), format!("B={n}")]);
    }
    let mut writes = BTreeMap::<_, Vec<_>>::new();
    for write in private.cluster().writes().unwrap() {
        if write.resource == "secrets" && write.namespace == ns && write.code < 300 {
            writes.entry(write.name).or_default().push(write.verb);
        }
    }
    // The API server may execute a request of a killed controller and log it as failed, so fewer are possible.
    for (name, verbs) in writes {
        let creations = verbs.iter().filter(|verb| *verb == "create").count();
        assert!(creations <= 1, "{name}: {verbs:?} after {kills} kills");
        assert!(verbs.len() <= VERSIONS, "{name}: {verbs:?} after {kills} kills");
    }
}

#[tokio::test]
async fn changes_without_a_controller_are_found_after_the_next_start() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("restart-missed").await;
    let controller = private.cluster().controller(&[]).unwrap();
    for name in ["same", "edited", "deleted", "changed", "forged"] {
        api.apply(Kind::SealedSecret, &sealed(&ns, name, &[("A", "1")])).await;
        api.wait_ready(&ns, name).await;
    }
    controller.end().unwrap();
    let same = api.secret(&ns, "same").await;
    api.patch(Kind::Secret, &ns, "edited", json!({ "data": { "A": "Mg==" } })).await;
    api.delete(Kind::Secret, &ns, "deleted").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "changed", &[("A", "2")])).await;
    // Write access to the status must not hide an altered Secret.
    let other = api.get(Kind::SealedSecret, &ns, "same").await.unwrap();
    let fingerprint = json!({ "status": { "fingerprint": other["status"]["fingerprint"] } });
    api.patch_status(Kind::SealedSecret, &ns, "forged", fingerprint).await;
    api.patch(Kind::Secret, &ns, "forged", json!({ "data": { "A": "Mg==" } })).await;

    let _controller = private.cluster().controller(&[]).unwrap();
    for (name, values) in
        [("edited", ["A=1"]), ("deleted", ["A=1"]), ("changed", ["A=2"]), ("forged", ["A=1"])]
    {
        eventually(name, async || {
            let secret = api.secret(&ns, name).await?;
            (data(&secret) == values).then_some(())
        })
        .await;
        api.wait_ready(&ns, name).await;
    }
    assert_eq!(api.secret(&ns, "same").await, same);
}

/// Migration: our controller replaces Bitnami's.
#[tokio::test]
async fn secret_of_bitnamis_controller_is_adopted_without_a_write() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("restart-bitnami").await;
    let object = api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let now = "2026-11-23T12:00:00Z";
    let synced = json!({ "type": "Synced", "status": "True", "message": "",
                         "lastTransitionTime": now, "lastUpdateTime": now });
    let status = json!({ "status": { "observedGeneration": 1, "conditions": [synced] } });
    api.patch_status(Kind::SealedSecret, &ns, "s", status).await;
    let owner = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s",
                        "uid": object["metadata"]["uid"], "controller": true });
    let secret = json!({
        "metadata": { "namespace": ns, "name": "s", "ownerReferences": [owner] },
        "data": { "A": "MQ==" },
    });
    let secret = api.create(Kind::Secret, secret).await;

    let _controller = private.cluster().controller(&[]).unwrap();
    let ready = api.wait_ready(&ns, "s").await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), secret);
    let synced = condition(&ready, "Synced").unwrap();
    assert_eq!(synced["lastTransitionTime"], now, "it stayed in sync");
}

/// Fault F6.
#[tokio::test]
async fn controller_survives_a_stopped_api_server() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("restart-still").await;
    let controller = private.cluster().controller(&[]).unwrap();
    api.apply(Kind::SealedSecret, &sealed(&ns, "before", &[("A", "1")])).await;
    let outage = Outage::start(&private);
    // A request of this test gets no response, like the controller's requests.
    let request = api.secret(&ns, "before");
    assert!(tokio::time::timeout(OUTAGE, request).await.is_err(), "the API server answers");
    controller.get("/healthz").unwrap();
    drop(outage);
    api.apply(Kind::SealedSecret, &sealed(&ns, "after", &[("A", "2")])).await;
    for (name, values) in [("before", ["A=1"]), ("after", ["A=2"])] {
        api.wait_ready(&ns, name).await;
        assert_eq!(data(&api.secret(&ns, name).await.unwrap()), values);
    }
}

/// The API server is stopped, and continues when this is dropped: other tests use it too.
struct Outage(Pid);

impl Outage {
    fn start(private: &Private) -> Self {
        let server = private.cluster().plane().component_pids()["kube-apiserver"];
        let server = Pid::from_raw(server.try_into().unwrap()).unwrap();
        kill_process(server, Signal::STOP).unwrap();
        Self(server)
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}

/// All objects share two items: this test does not measure sealing.
async fn create_many(private: &Private) {
    let key = vector_key("rsa2048");
    let values = [("A", "1"), ("B", "2")];
    let object = sealed_with(&key, Scope::ClusterWide, "restart-many", "s", &values);
    let mut creations = JoinSet::new();
    for first in (0..OBJECTS).take(CONNECTIONS) {
        let (api, object) = (private.api().await, object.clone());
        creations.spawn(async move {
            for n in (first..OBJECTS).step_by(CONNECTIONS) {
                let mut object = object.clone();
                object["metadata"]["name"] = json!(format!("s{n}"));
                api.create(Kind::SealedSecret, object).await;
            }
        });
    }
    creations.join_all().await;
}
