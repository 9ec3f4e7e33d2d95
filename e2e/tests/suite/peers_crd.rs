//! The CRD of Bitnami's controller in the place of ours: it prunes the fingerprint.

use e2e::cluster::NAMESPACE;
use serde_json::{Value, json};

use crate::support::{Kind, data, key_secret, pause, private, sealed};

#[tokio::test]
async fn with_bitnamis_crd_it_works_and_then_rests() {
    let private = private().await;
    let api = private.api().await;
    private.cluster().apply(&bitnamis_crd()).unwrap();
    // The API server takes a moment to prune by the new schema.
    pause(3000).await;

    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("peers-crd").await;
    let controller = private.cluster().controller(&[]).unwrap();
    for n in 0..5 {
        api.apply(Kind::SealedSecret, &sealed(&ns, &format!("s{n}"), &[("A", "1")])).await;
    }
    for n in 0..5 {
        let ready = api.wait_ready(&ns, &format!("s{n}")).await;
        assert_eq!(ready["status"].get("fingerprint"), None, "it is pruned");
    }
    pause(1000).await;
    let count = || private.cluster().requests().unwrap().into_iter().filter(|r| r.verb != "watch");
    let before = count().count();
    pause(10_000).await;
    let since: Vec<_> = count().skip(before).collect();
    assert!(since.is_empty(), "it does not rest: {since:?}");
    let log = controller.log().unwrap();
    assert_eq!(log.matches("has no field status.fingerprint").count(), 1, "said once");

    api.patch(Kind::Secret, &ns, "s0", json!({ "data": { "A": "Mg==" } })).await;
    api.wait(Kind::Secret, &ns, "s0", |secret| data(secret) == ["A=1"]).await;
    controller.end().unwrap();

    // The next start opens everything again, and writes no Secret.
    let written = |api: &crate::support::Api| {
        let (api, ns) = (api.clone(), ns.clone());
        async move { api.list(Kind::Secret, Some(&ns)).await }
    };
    let secrets = written(&api).await;
    let controller = private.cluster().controller(&[]).unwrap();
    pause(2000).await;
    let operations = "mtk_controller_private_key_operations_total";
    assert_eq!(controller.metrics().unwrap()[operations].to_string(), "5");
    assert_eq!(written(&api).await, secrets);
}

/// Its schema, as far as it decides what is kept.
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
