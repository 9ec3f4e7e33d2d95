//! Bitnami's CRD instead of ours: it prunes the fingerprint.

use e2e::cluster::NAMESPACE;
use serde_json::{Value, json};

use crate::support::{Api, Kind, catch_up, data, eventually, key_secret, private, sealed};

#[tokio::test]
async fn bitnamis_crd_causes_no_repeated_work() {
    let private = private().await;
    let api = private.api().await;
    private.cluster().apply(&bitnamis_crd()).unwrap();
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("upstream-crd").await;
    wait_for_pruning(&api, &ns).await;
    let controller = private.cluster().controller(&[]).unwrap();
    for n in 0..5 {
        api.apply(Kind::SealedSecret, &sealed(&ns, &format!("s{n}"), &[("A", "1")])).await;
    }
    for n in 0..5 {
        let ready = api.wait_ready(&ns, &format!("s{n}")).await;
        assert_eq!(ready["status"].get("fingerprint"), None, "the API server prunes it");
    }
    catch_up(&api).await;
    let count = || private.cluster().requests().unwrap().into_iter().filter(|r| r.verb != "watch");
    let before = count().count();
    catch_up(&api).await;
    let since: Vec<_> = count().skip(before).filter(|request| request.namespace == ns).collect();
    assert!(since.is_empty(), "it repeats work: {since:?}");
    let log = controller.log().unwrap();
    assert_eq!(log.matches("has no field status.fingerprint").count(), 1, "logged once");

    api.patch(Kind::Secret, &ns, "s0", json!({ "data": { "A": "Mg==" } })).await;
    api.wait(Kind::Secret, &ns, "s0", |secret| data(secret) == ["A=1"]).await;
    controller.end().unwrap();

    // After a restart the controller opens everything again, and writes no Secret.
    let secrets = api.list(Kind::Secret, Some(&ns)).await;
    let controller = private.cluster().controller(&[]).unwrap();
    catch_up(&api).await;
    let operations = "mtk_controller_private_key_operations_total";
    assert_eq!(controller.metrics().unwrap()[operations].to_string(), "5");
    assert_eq!(api.list(Kind::Secret, Some(&ns)).await, secrets);
}

/// The API server needs a moment until it prunes by a new schema.
pub(crate) async fn wait_for_pruning(api: &Api, ns: &str) {
    api.apply(Kind::SealedSecret, &sealed(ns, "pruned", &[])).await;
    eventually("the API server prunes the fingerprint", async || {
        let status = json!({ "status": { "fingerprint": "x" } });
        api.patch_status(Kind::SealedSecret, ns, "pruned", status).await;
        let object = api.get(Kind::SealedSecret, ns, "pruned").await?;
        object["status"].get("fingerprint").is_none().then_some(())
    })
    .await;
    api.delete(Kind::SealedSecret, ns, "pruned").await;
}

/// The part of its schema that decides which fields the API server keeps.
pub(crate) fn bitnamis_crd() -> Value {
    let strings =
        json!({ "type": "object", "nullable": true, "additionalProperties": { "type": "string" } });
    let text = json!({ "type": "string" });
    let time = json!({ "type": "string", "format": "date-time" });
    let condition = json!({
        "type": "object",
        "required": ["status", "type"],
        "properties": {
            "type": text, "status": text, "reason": text, "message": text,
            "lastUpdateTime": time, "lastTransitionTime": time,
        },
    });
    let template = json!({
        "type": "object",
        "properties": {
            "data": { "type": "object", "nullable": true,
                      "additionalProperties": { "type": "string", "nullable": true } },
            "immutable": { "type": "boolean" },
            "metadata": {
                "type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true,
                "properties": { "annotations": strings, "labels": strings, "name": text, "namespace": text },
            },
            "type": text,
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": text, "kind": text, "metadata": { "type": "object" },
            "spec": {
                "type": "object",
                "required": ["encryptedData"],
                "properties": {
                    "data": { "type": "string", "format": "byte" },
                    "encryptedData": { "type": "object", "additionalProperties": text,
                                       "x-kubernetes-preserve-unknown-fields": true },
                    "template": template,
                },
            },
            "status": {
                "type": "object",
                "properties": {
                    "conditions": { "type": "array", "items": condition },
                    "observedGeneration": { "type": "integer", "format": "int64" },
                },
            },
        },
    });
    let columns = json!([
        { "name": "Status", "type": "string", "jsonPath": ".status.conditions[0].message" },
        { "name": "Synced", "type": "string", "jsonPath": ".status.conditions[0].status" },
        { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
    ]);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "sealedsecrets.bitnami.com" },
        "spec": {
            "group": "bitnami.com",
            "names": { "kind": "SealedSecret", "listKind": "SealedSecretList",
                       "plural": "sealedsecrets", "singular": "sealedsecret" },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "additionalPrinterColumns": columns,
                "schema": { "openAPIV3Schema": schema },
                "subresources": { "status": {} },
            }],
        },
    })
}
