//! A cluster moves from the External Secrets Operator to us without a write to a Secret and without
//! a request to AWS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::aws::Aws;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{KEYS, external, store};
use crate::support::{Api, Kind, pause, private};

const NS: &str = "external-take-over";

/// Objects as the operator leaves them: recorded, x01, with the hashes that belong to it.
async fn as_the_peer_left_it(api: &Api) {
    api.namespace(NS).await;
    let keys = json!({ "metadata": { "namespace": NS, "name": KEYS },
                       "stringData": { "id": "a", "secret": "b" } });
    api.create(Kind::Secret, keys).await;
    api.create(Kind::SecretStore, store(NS, "aws", "SecretsManager")).await;
    for number in 0..10 {
        let name = format!("s{number}");
        let mut object = external(NS, &name, &[("A", "g/plain")]);
        object["metadata"]["finalizers"] =
            json!(["externalsecrets.external-secrets.io/externalsecret-cleanup"]);
        let object = api.create(Kind::ExternalSecret, object).await;
        let none = "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2";
        let status = json!({ "status": {
            "binding": { "name": name },
            "refreshTime": Timestamp::from_second(Timestamp::now().as_second() - 60).unwrap().to_string(),
            "syncedResourceVersion": format!("{}-{none}", object["metadata"]["generation"]),
            "conditions": [{ "type": "Ready", "status": "True", "reason": "SecretSynced",
                             "message": "secret synced",
                             "lastTransitionTime": "2026-11-01T00:00:00Z" }],
        } });
        api.patch_status(Kind::ExternalSecret, NS, &name, status).await;
        api.create_as(
            &format!("externalsecrets.external-secrets.io/{name}"),
            Kind::Secret,
            secret(&name, &object["metadata"]["uid"]),
        )
        .await;
    }
}

fn secret(name: &str, uid: &Value) -> Value {
    json!({
        "metadata": {
            "namespace": NS, "name": name,
            "labels": { "reconcile.external-secrets.io/managed": "true",
                        "reconcile.external-secrets.io/created-by": "0".repeat(56) },
            "annotations": { "reconcile.external-secrets.io/data-hash":
                             "b636689107d4dd862c7cf77fc93c8ff5982be4f64e7fc7aed4e9f777" },
            "ownerReferences": [{ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
                                  "name": name, "uid": uid, "controller": true,
                                  "blockOwnerDeletion": true }],
        },
        "type": "Opaque",
        "data": { "A": STANDARD.encode("hunter2") },
    })
}

#[tokio::test]
async fn row_33_what_the_peer_made_is_adopted_without_a_write_and_without_a_read() {
    let private = private().await;
    let api = private.api().await;
    as_the_peer_left_it(&api).await;
    let aws = Aws::start().unwrap();
    let before = private.cluster().writes().unwrap().len();
    let controller = private.cluster().controller_with(&aws, &["--log-level=debug"]).unwrap();
    pause(5000).await;
    assert!(aws.counts().is_empty(), "{:?}", aws.counts());
    let writes: Vec<_> = private.cluster().writes().unwrap().split_off(before);
    let mine: Vec<_> = writes
        .iter()
        .filter(|write| write.namespace == NS && write.resource != "secretstores")
        .filter(|write| write.resource != "events")
        .collect();
    assert!(mine.is_empty(), "{mine:?}\n{}", controller.log().unwrap());
    // A second one finds the same.
    controller.end().unwrap();
    let controller = private.cluster().controller_with(&aws, &[]).unwrap();
    pause(3000).await;
    assert!(aws.counts().is_empty());
    // And it lets them go, though the peer's finalizer is on them.
    api.clear(Kind::ExternalSecret).await;
    drop(controller);
}
