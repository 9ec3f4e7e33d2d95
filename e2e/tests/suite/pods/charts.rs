//! Install, upgrade, rollback and uninstall, with both major versions of Helm.

use e2e::helm::{Helm, Release};
use serde_json::{Value, json};

use super::app::{App, sealed_values, with};
use super::stage::{CONTROLLER, CONTROLLER_CHART, Stage, stage};
use crate::support::{Kind, data, eventually};

#[tokio::test]
async fn app_release_leaves_no_orphan_and_loses_no_secret_with_helm_4() {
    let Some(stage) = stage() else { return };
    app_comes_and_goes(stage, &stage.helm, "pods-chart-4").await;
}

#[tokio::test]
async fn app_release_leaves_no_orphan_and_loses_no_secret_with_helm_3() {
    let Some(stage) = stage() else { return };
    app_comes_and_goes(stage, &stage.helm3, "pods-chart-3").await;
}

async fn app_comes_and_goes(stage: &Stage, helm: &Helm, ns: &'static str) {
    let values = |level: &str| {
        let config = json!({ "config": { "LOG_LEVEL": level } });
        with(sealed_values(ns, "app", &[("SECRET_KEY", "one")]), config)
    };
    let app = App::install(stage, helm, ns, values("info")).await;
    let secret = app.api.secret(ns, "app").await.unwrap();
    let level = async || app.says().await["config"]["LOG_LEVEL"].clone();
    assert_eq!(level().await, "info");
    app.upgrade(values("debug"));
    app.wait_for_rollout().await;
    assert_eq!(level().await, "debug");
    helm.rollback(app.release(), 1).unwrap();
    app.wait_for_rollout().await;
    assert_eq!(level().await, "info");
    let now = app.api.secret(ns, "app").await.unwrap();
    assert_eq!(now["metadata"]["uid"], secret["metadata"]["uid"], "the same all the time");
    assert_eq!(data(&now), ["SECRET_KEY=one"]);
    let said = helm.test(app.release()).unwrap();
    assert!(!said.contains("one"), "{said}");
    assert!(helm.notes(app.release()).unwrap().contains("app"));

    helm.uninstall(app.release()).unwrap();
    eventually("nothing is left", async || {
        let left: Vec<_> =
            app.objects().into_iter().filter(|name| !name.starts_with("event")).collect();
        left.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn uninstalled_namespaced_controller_leaves_its_keys() {
    let Some(stage) = stage() else { return };
    for (helm, ns) in [(&stage.helm, "pods-controller-4"), (&stage.helm3, "pods-controller-3")] {
        let api = stage.api().await;
        let release = Release { name: "sealer", namespace: ns };
        let values = |level: &str| {
            json!({
                "image": { "pullPolicy": "Never" },
                "fullnameOverride": "sealer",
                "crds": { "enabled": false },
                "rbac": { "clusterRole": false },
                "keySize": 2048,
                "logLevel": level,
            })
        };
        helm.upgrade(release, CONTROLLER_CHART, &values("info")).unwrap();
        let secrets = async || {
            let secrets = api.list(Kind::Secret, Some(ns)).await;
            let own = |secret: &&Value| secret["type"] != "helm.sh/release.v1";
            secrets.iter().filter(own).map(|s| s["metadata"]["uid"].clone()).collect::<Vec<_>>()
        };
        let keys = secrets().await;
        assert_eq!(keys.len(), 2, "the sealing key, and the one of the fingerprints");
        helm.upgrade(release, CONTROLLER_CHART, &values("debug")).unwrap();
        helm.rollback(release, 1).unwrap();
        assert_eq!(secrets().await, keys);
        helm.uninstall(release).unwrap();
        assert_eq!(secrets().await, keys, "they open what is in git");
        let kinds = "deployments,pods,services,serviceaccounts,roles,rolebindings,configmaps,\
                     networkpolicies";
        // The controller, not Helm, made the ConfigMap with the certificate of its key.
        let kept = [
            "configmap/sealer-certificate",
            "configmap/kube-root-ca.crt",
            "serviceaccount/default",
        ];
        eventually("nothing else is left", async || {
            let left = stage.kubectl(&["get", kinds, "-n", ns, "-o", "name"], "");
            left.lines().all(|name| kept.contains(&name)).then_some(())
        })
        .await;
    }
}

/// Among other things, it must accept the CRD that an earlier release of the chart left behind.
#[tokio::test]
async fn controller_release_is_upgraded_in_place() {
    let Some(stage) = stage() else { return };
    let notes = stage.helm.notes(CONTROLLER).unwrap();
    assert!(notes.contains("mtk-seal"), "{notes}");
    let crd = stage.kubectl(&["get", "crd", "sealedsecrets.bitnami.com", "-o", "json"], "");
    let crd: Value = serde_json::from_str(&crd).unwrap();
    assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
}
