//! The chart over the CustomResourceDefinition of Bitnami's controller.

use e2e::helm::{Helm, Release};
use e2e::programs;
use serde_json::{Value, json};

use crate::peers_crd::bitnamis_crd;
use crate::support::{Kind, Private, private, sealed};

const CHART: &str = "deploy/charts/mtk-controller";
const RELEASE: Release<'_> = Release { name: "sealer", namespace: "take-over" };

#[tokio::test]
async fn helm_4_leaves_bitnamis_crd_as_it_is_until_it_is_told_to_take_it() {
    let flags = ["--take-ownership", "--force-conflicts"];
    take_over("MTK_HELM4", "taken-over-4", &flags).await;
}

#[tokio::test]
async fn helm_3_leaves_bitnamis_crd_as_it_is_until_it_is_told_to_take_it() {
    take_over("MTK_HELM3", "taken-over-3", &["--take-ownership"]).await;
}

async fn take_over(helm: &str, namespace: &str, flags: &[&str]) {
    let private = private().await;
    let api = private.api().await;
    let helm = Helm::new(&programs::made(helm).unwrap(), private.cluster().plane().access());
    // As another's: what installed it before left no mark of a Helm release of ours.
    kubectl(&private, &["delete", "crd", "sealedsecrets.bitnami.com"]);
    private.cluster().apply(&bitnamis_crd()).unwrap();
    kubectl(&private, &["wait", "--for=condition=Established", "crd/sealedsecrets.bitnami.com"]);
    let namespace = api.namespace(namespace).await;
    let theirs = api.apply(Kind::SealedSecret, &sealed(&namespace, "a", &[("A", "1")])).await;

    let values = |take: bool| {
        // None of the Pods that this control plane could not run, and no names that are in use.
        json!({
            "fullnameOverride": "sealer", "replicaCount": 0, "crds": { "takeOwnership": take },
        })
    };
    helm.upgrade(RELEASE, CHART, &values(false)).unwrap();
    assert_eq!(fingerprint(&private), None, "left as it was");
    let notes = helm.notes(RELEASE).unwrap();
    assert!(notes.contains("takeOwnership"), "{notes}");

    helm.upgrade_with(RELEASE, CHART, &values(true), flags).unwrap();
    assert_eq!(fingerprint(&private).unwrap()["type"], "string", "it is ours");
    assert!(!helm.notes(RELEASE).unwrap().contains("takeOwnership"));
    // From then on without a flag.
    helm.upgrade(RELEASE, CHART, &values(false)).unwrap();
    assert!(fingerprint(&private).is_some(), "it stays in the release");

    helm.uninstall(RELEASE).unwrap();
    assert!(fingerprint(&private).is_some(), "kept");
    let still = api.get(Kind::SealedSecret, &namespace, "a").await.unwrap();
    assert_eq!(still["metadata"]["uid"], theirs["metadata"]["uid"]);
}

/// The schema of the field that only our CRD has.
fn fingerprint(private: &Private) -> Option<Value> {
    let crd = kubectl(private, &["get", "crd", "sealedsecrets.bitnami.com", "-o", "json"]);
    let crd: Value = serde_json::from_str(&crd).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    schema["status"]["properties"].get("fingerprint").cloned()
}

fn kubectl(private: &Private, arguments: &[&str]) -> String {
    let output = private.cluster().plane().kubectl().args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
