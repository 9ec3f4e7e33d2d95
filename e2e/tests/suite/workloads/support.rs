//! The cluster of these tests, its objects, and ways to wait for restarts.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controller::Controller;
use serde_json::{Value, json};

use crate::support::{Api, Kind, Private, eventually, key_secret, private};

pub(super) const RESTART_ON: &str = "mtk.mytomorrows.com/restart-on";
pub(super) const RESTART_TARGETS: &str = "mtk.mytomorrows.com/restart-targets";
pub(crate) const STATE: &str = "mtk.mytomorrows.com/restart-state";
pub(super) const TEMPLATE: &str = "mtk.mytomorrows.com/secrets";
pub(super) const FLAGS: [&str; 4] =
    ["--restart-workloads", "--restart-delay=1s", "--restart-min-interval=1s", "--log-level=debug"];
const PROBES: &str = "workloads-probes";

/// A cluster with a controller that restarts workloads.
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) controller: Controller,
}

pub(super) static CLUSTER: LazyLock<Shared> = LazyLock::new(|| {
    let cluster = Cluster::start().unwrap();
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    grant(&cluster, &rules());
    let controller = cluster.controller(&FLAGS).unwrap();
    Shared { cluster, controller }
});

/// Waits until the controller has processed every earlier change, and made the restarts for it.
///
/// The probe is an additional Deployment, whose Secret changes now. The controller restarts each
/// workload the same time after its last change, so the probe's restart comes after all others.
pub(crate) async fn restarts_catch_up(api: &Api) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let ns = format!("{PROBES}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    api.namespace(&ns).await;
    secret(api, &ns, "s", &[("A", "1")]).await;
    let mut probe = deployment(&ns, "*", json!([from_key("s", "A")]));
    // No node runs its Pods.
    probe["spec"]["template"]["spec"]["nodeSelector"] = json!({ "probes": "none" });
    api.apply(Kind::Deployment, &probe).await;
    adopted(api, Kind::Deployment, &ns).await;
    secret(api, &ns, "s", &[("A", "2")]).await;
    api.wait(Kind::Deployment, &ns, "app", |workload| template(workload).is_string()).await;
    api.delete(Kind::Deployment, &ns, "app").await;
}

/// The private cluster with the permissions for restarts, and a namespace.
pub(crate) async fn alone(name: &str) -> (Private, Api, String) {
    let private = private().await;
    grant(private.cluster(), &rules());
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace(name).await;
    (private, api, ns)
}

/// The rules of the chart's optional role.
pub(super) fn rules() -> String {
    let file = e2e::programs::repository("deploy/charts/mtk-controller/templates/_rules.tpl");
    let text = fs::read_to_string(file).unwrap();
    let (_, rules) = text.split_once("{{- define \"mtk-controller.restartRules\" -}}\n").unwrap();
    rules.split_once("{{- end }}").unwrap().0.to_owned()
}

pub(super) fn grant(cluster: &Cluster, rules: &str) {
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
         metadata:\n  name: mtk-controller-restart\nrules:\n{rules}"
    );
    let mut kubectl = cluster.plane().kubectl();
    kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut kubectl = kubectl.spawn().unwrap();
    kubectl.stdin.take().unwrap().write_all(role.as_bytes()).unwrap();
    assert!(kubectl.wait().unwrap().success());
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "mtk-controller-restart" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                     "name": "mtk-controller-restart" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": NAMESPACE, "name": "mtk-controller" }],
    });
    cluster.apply(&binding).unwrap();
}

pub(super) fn definition(group: &str, version: &str, kind: &str, plural: &str) -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": plural },
            "versions": [{ "name": version, "served": true, "storage": true,
                           "schema": { "openAPIV3Schema": anything } }],
        },
    })
}

/// Whether the API server serves the kind.
pub(super) async fn served(api: &Api, kind: Kind, ns: &str) -> Option<()> {
    api.try_patch(kind, ns, "none", json!({})).await.err().and_then(|error| match error {
        kube::Error::Api(status) if status.message.contains("\"none\" not found") => Some(()),
        _ => None,
    })
}

pub(super) fn deployment(ns: &str, restart_on: &str, environment: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": ns, "name": "app", "annotations": { RESTART_ON: restart_on } },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "app" } },
            "template": {
                "metadata": { "labels": { "app": "app" } },
                "spec": { "containers": [{ "name": "app", "image": "app", "env": environment }] },
            },
        },
    })
}

pub(super) fn from_key(secret: &str, key: &str) -> Value {
    let reference = json!({ "name": secret, "key": key });
    json!({ "name": format!("FROM_{secret}_{key}").to_uppercase(),
            "valueFrom": { "secretKeyRef": reference } })
}

/// A Secret without a SealedSecret.
pub(super) async fn secret(api: &Api, ns: &str, name: &str, values: &[(&str, &str)]) {
    let data: serde_json::Map<_, _> =
        values.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let object = json!({ "apiVersion": "v1", "kind": "Secret",
                         "metadata": { "namespace": ns, "name": name }, "stringData": data });
    api.apply(Kind::Secret, &object).await;
}

/// Waits until the workload `app` has a baseline.
pub(super) async fn adopted(api: &Api, kind: Kind, ns: &str) -> Value {
    api.wait(kind, ns, "app", |workload| state(workload).is_string()).await
}

/// Waits until the controller restarted the Deployment `app` and it has had this many rollouts.
pub(super) async fn restarted(api: &Api, ns: &str, expected: usize) -> Value {
    api.wait(Kind::Deployment, ns, "app", |workload| template(workload).is_string()).await;
    eventually("the rollouts", async || (rollouts(api, ns).await == expected).then_some(())).await;
    api.get(Kind::Deployment, ns, "app").await.unwrap()
}

/// The number of rollouts of the Deployment `app`, once its controller has seen its last change.
pub(super) async fn rollouts(api: &Api, ns: &str) -> usize {
    api.wait(Kind::Deployment, ns, "app", |workload| {
        workload["status"]["observedGeneration"] == workload["metadata"]["generation"]
    })
    .await;
    let sets = api.list(Kind::ReplicaSet, Some(ns)).await;
    let belongs_to_app = |set: &&Value| set["metadata"]["ownerReferences"][0]["name"] == "app";
    sets.iter().filter(belongs_to_app).count()
}

pub(super) fn state(workload: &Value) -> &Value {
    &workload["metadata"]["annotations"][STATE]
}

pub(super) fn template(workload: &Value) -> &Value {
    &workload["spec"]["template"]["metadata"]["annotations"][TEMPLATE]
}

/// The reasons of the Events about restarts.
pub(super) async fn events(api: &Api, ns: &str, name: &str) -> Vec<String> {
    let events = api.events(ns, name).await;
    let reasons = events.into_iter().map(|[_, reason, _]| reason);
    reasons.filter(|reason| reason.starts_with("Restart")).collect()
}
