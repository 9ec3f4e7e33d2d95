//! Our chart on a cluster with Bitnami's CustomResourceDefinition.

use e2e::helm::{Helm, Release};
use e2e::programs;
use serde_json::{Value, json};

use crate::support::{Kind, Private, private, sealed};
use crate::upstream_crd::bitnamis_crd;

const CHART: &str = "deploy/charts/mtk-controller";
const RELEASE: Release<'_> = Release { name: "sealer", namespace: "take-over" };

#[tokio::test]
async fn helm_4_keeps_bitnamis_crd_until_take_ownership() {
    let flags = ["--take-ownership", "--force-conflicts"];
    take_over("MTK_HELM4", "taken-over-4", &flags).await;
}

#[tokio::test]
async fn helm_3_keeps_bitnamis_crd_until_take_ownership() {
    take_over("MTK_HELM3", "taken-over-3", &["--take-ownership"]).await;
}

async fn take_over(helm: &str, namespace: &str, flags: &[&str]) {
    let private = private().await;
    let api = private.api().await;
    let helm = Helm::new(&programs::made(helm).unwrap(), private.cluster().plane().access());
    // Create it again, so that it has no label or annotation of our Helm release.
    private.kubectl(&["delete", "crd", "sealedsecrets.bitnami.com"]);
    private.cluster().apply(&bitnamis_crd()).unwrap();
    private.kubectl(&["wait", "--for=condition=Established", "crd/sealedsecrets.bitnami.com"]);
    let namespace = api.namespace(namespace).await;
    let theirs = api.apply(Kind::SealedSecret, &sealed(&namespace, "a", &[("A", "1")])).await;

    let values = |take: bool| {
        // This control plane cannot run Pods, and the default names are in use.
        json!({
            "fullnameOverride": "sealer", "replicaCount": 0, "crds": { "takeOwnership": take },
        })
    };
    helm.upgrade(RELEASE, CHART, &values(false)).unwrap();
    assert_eq!(fingerprint(&private), None, "unchanged");
    let notes = helm.notes(RELEASE).unwrap();
    assert!(notes.contains("takeOwnership"), "{notes}");

    helm.upgrade_with(RELEASE, CHART, &values(true), flags).unwrap();
    assert_eq!(fingerprint(&private).unwrap()["type"], "string", "replaced by our CRD");
    assert!(!helm.notes(RELEASE).unwrap().contains("takeOwnership"));
    // Later upgrades need no flag.
    helm.upgrade(RELEASE, CHART, &values(false)).unwrap();
    assert!(fingerprint(&private).is_some(), "it stays in the release");

    helm.uninstall(RELEASE).unwrap();
    assert!(fingerprint(&private).is_some(), "kept");
    let still = api.get(Kind::SealedSecret, &namespace, "a").await.unwrap();
    assert_eq!(still["metadata"]["uid"], theirs["metadata"]["uid"]);
}

/// The schema of the field `status.fingerprint`, which only our CRD has.
fn fingerprint(private: &Private) -> Option<Value> {
    let crd = private.kubectl(&["get", "crd", "sealedsecrets.bitnami.com", "-o", "json"]);
    let crd: Value = serde_json::from_str(&crd).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    schema["status"]["properties"].get("fingerprint").cloned()
}
