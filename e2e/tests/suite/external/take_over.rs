//! Migration from the External Secrets Operator causes no write of a Secret and no request to AWS.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::aws::Aws;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{KEYS, catch_up, external, store};
use crate::support::{Api, Kind, eventually, private};

const NS: &str = "external-take-over";

/// Objects as the operator leaves them (case x01), with the matching hashes.
async fn objects_of_the_operator(api: &Api) {
    api.namespace(NS).await;
    let keys = json!({ "metadata": { "namespace": NS, "name": KEYS },
                       "stringData": { "id": "a", "secret": "b" } });
    api.create(Kind::Secret, keys).await;
    // With a role, so that a check of the store would send a request to STS.
    let mut role = store(NS, "aws", "SecretsManager");
    role["spec"]["provider"]["aws"]["role"] = json!("arn:aws:iam::123456789012:role/reader");
    api.create(Kind::SecretStore, role).await;
    let ready = json!({ "status": { "capabilities": "ReadWrite", "conditions": [{
        "type": "Ready", "status": "True", "reason": "Valid", "message": "store validated",
        "lastTransitionTime": "2026-11-01T00:00:00Z" }] } });
    api.patch_status(Kind::SecretStore, NS, "aws", ready).await;
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

/// SHA3-224 of namespace and name.
fn created_by(name: &str) -> String {
    let program = format!("import hashlib; print(hashlib.sha3_224(b'{NS}/{name}').hexdigest())");
    let output = Command::new(python()).args(["-c", &program]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn python() -> String {
    std::env::var("MTK_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn secret(name: &str, uid: &Value) -> Value {
    json!({
        "metadata": {
            "namespace": NS, "name": name,
            "labels": { "reconcile.external-secrets.io/managed": "true",
                        "reconcile.external-secrets.io/created-by": created_by(name) },
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
async fn row_33_objects_of_the_operator_are_adopted_without_a_write_or_read() {
    let private = private().await;
    let api = private.api().await;
    objects_of_the_operator(&api).await;
    let aws = Aws::start().unwrap();
    super::support::secret(&aws, "g/plain", "hunter2", &[]).await;
    let requests = || aws.requests().iter().filter(|request| request.access_key == "a").count();
    let before = private.cluster().writes().unwrap().len();
    let controller = private.cluster().controller_with(&aws, &["--log-level=debug"]).unwrap();
    catch_up(&api, &aws, &controller, "default").await;
    assert_eq!(requests(), 0);
    let writes: Vec<_> = private.cluster().writes().unwrap().split_off(before);
    let mine: Vec<_> =
        writes.iter().filter(|write| write.namespace == NS && write.resource != "events").collect();
    assert!(mine.is_empty(), "{mine:?}\n{}", controller.log().unwrap());
    // The same after a restart.
    controller.end().unwrap();
    let controller = private.cluster().controller_with(&aws, &[]).unwrap();
    catch_up(&api, &aws, &controller, "default").await;
    assert_eq!(requests(), 0);
    // A refresh finds the Secrets as our controller would create them.
    let secrets = api.list(Kind::Secret, Some(NS)).await;
    for number in 0..10 {
        let patch = json!({ "spec": { "refreshInterval": "2h" } });
        api.patch(Kind::ExternalSecret, NS, &format!("s{number}"), patch).await;
    }
    eventually("all objects are refreshed", async || {
        let metrics = controller.metrics().unwrap();
        let calls = metrics.iter().filter(|(name, _)| name.contains("sync_calls_total"));
        let all = calls.filter(|(name, count)| name.contains(NS) && **count >= 1.0).count();
        (all == 10).then_some(())
    })
    .await;
    catch_up(&api, &aws, &controller, "default").await;
    assert_eq!(api.list(Kind::Secret, Some(NS)).await, secrets, "no Secret is written");
    assert_eq!(aws.counts()["AssumeRole"], 1);
    // The operator's finalizer does not block their deletion.
    api.clear(Kind::ExternalSecret).await;
    drop(controller);
}

/// An independent implementation, in Python, of what the operator computes for the two objects: the
/// hash of the data, and the version of the object.
const PEER: &str = r#"
import base64, hashlib, json, sys
external, secret = json.load(sys.stdin)
go = lambda m: "map[" + " ".join(f"{k}:{m[k]}" for k in sorted(m)) + "]"
sha = lambda text: hashlib.sha3_224(text.encode()).hexdigest()
values = {k: base64.b64decode(v) for k, v in secret["data"].items()}
print(sha(go({k: "[" + " ".join(map(str, v)) + "]" for k, v in values.items()})))
meta = external["metadata"]
both = "{annotations:" + go(meta.get("annotations", {})) + " labels:" + go(meta.get("labels", {})) + "}"
print(f"{meta['generation']}-{sha(both)}")
"#;

/// Rollback: by its own rules, the operator would read only values that are due, and write nothing.
#[tokio::test]
async fn row_33_our_objects_are_in_sync_for_the_operator() {
    let (rig, ns) = (super::support::rig(), "external-way-back");
    let api = rig.api().await;
    super::support::stores(&api, ns).await;
    let value = r#"{"z":"last","A":"first","k-1":"ключ","empty":""}"#;
    super::support::secret(&rig.aws, "way-back/all", value, &[]).await;
    let mut object = external(ns, "s", &[]);
    object["spec"]["dataFrom"] = json!([{ "extract": { "key": "way-back/all" } }]);
    object["metadata"]["labels"] = json!({ "b": "2", "a/x": "1" });
    object["metadata"]["annotations"] = json!({ "note": "a b", "empty": "" });
    api.create(Kind::ExternalSecret, object).await;
    let object = super::support::wait_ready(&api, ns, "s", "True").await;
    let secret = api.secret(ns, "s").await.unwrap();
    let mut peer = Command::new(python())
        .args(["-c", PEER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let objects = json!([object, secret]).to_string();
    peer.stdin.take().unwrap().write_all(objects.as_bytes()).unwrap();
    let output = String::from_utf8(peer.wait_with_output().unwrap().stdout).unwrap();
    let [hash, version] = output.lines().collect::<Vec<_>>().try_into().unwrap();
    let metadata = &secret["metadata"];
    assert_eq!(metadata["annotations"]["reconcile.external-secrets.io/data-hash"], hash);
    assert_eq!(metadata["labels"]["reconcile.external-secrets.io/managed"], "true");
    assert_eq!(object["status"]["syncedResourceVersion"], version);
    assert!(object["status"]["refreshTime"].is_string(), "or it would be due at once");
}
