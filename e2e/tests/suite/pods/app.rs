//! The app, installed by its chart.

use std::net::{IpAddr, SocketAddr};

use e2e::controller::get;
use e2e::helm::{Helm, Release};
use e2e::load::Load;
use serde_json::{Map, Value, json};

use super::stage::Stage;
use crate::support::{Api, Kind, eventually, sealed};
use crate::workloads::restarts_catch_up;

pub(super) const CHART: &str = "deploy/charts/app";
/// The name of the release, the Deployment and the Service.
pub(super) const NAME: &str = "web";

/// A release of the app in its own namespace.
pub(super) struct App<'s> {
    pub(super) stage: &'s Stage,
    pub(super) helm: &'s Helm,
    pub(super) api: Api,
    pub(super) namespace: &'static str,
}

impl<'s> App<'s> {
    /// Installs the app with these values and those that every test needs, and waits until it is
    /// ready.
    pub(super) async fn install(
        stage: &'s Stage,
        helm: &'s Helm,
        namespace: &'static str,
        values: Value,
    ) -> Self {
        let app = Self::in_namespace(stage, helm, namespace).await;
        app.upgrade(values);
        app
    }

    /// Only creates its namespace.
    pub(super) async fn in_namespace(
        stage: &'s Stage,
        helm: &'s Helm,
        namespace: &'static str,
    ) -> Self {
        let api = stage.api().await;
        api.create(Kind::Namespace, restricted(namespace)).await;
        Self { stage, helm, api, namespace }
    }

    pub(super) fn release(&self) -> Release<'static> {
        Release { name: NAME, namespace: self.namespace }
    }

    /// Upgrades it to these values and waits.
    pub(super) fn upgrade(&self, mut values: Value) {
        values["image"] = json!({ "pullPolicy": "Never" });
        self.helm.upgrade(self.release(), CHART, &values).unwrap();
    }

    /// The address of the Service of type `LoadBalancer`.
    pub(super) async fn address(&self) -> SocketAddr {
        let service = self.api.wait(Kind::Service, self.namespace, NAME, |service| {
            service["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
        });
        let ingress = &service.await["status"]["loadBalancer"]["ingress"][0]["ip"];
        let ip: IpAddr = ingress.as_str().unwrap().parse().unwrap();
        SocketAddr::new(ip, 80)
    }

    /// The description that the app serves.
    pub(super) async fn says(&self) -> Value {
        let address = self.address().await;
        eventually("the app answers", async || serde_json::from_str(&get(address, "/").ok()?).ok())
            .await
    }

    /// The secrets that the app reports: `NAME by SOURCE`.
    pub(super) async fn secrets(&self) -> Vec<String> {
        let says = self.says().await;
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let secrets = says["secrets"].as_array().unwrap().iter();
        secrets.map(|s| format!("{} by {}", text(&s["name"]), text(&s["source"]))).collect()
    }

    /// Compares the secrets of a new process in the Pod with these `NAME=VALUE` lines.
    pub(super) fn has(&self, lines: &str) -> bool {
        let deployment = format!("deploy/{NAME}");
        let exec = ["exec", "-i", "-n", self.namespace, &deployment, "-c", "app", "--"];
        let command = [&exec[..], &["python3", "-m", "app", "check"]].concat();
        self.stage.try_kubectl(&command, lines).is_ok()
    }

    pub(super) async fn wait_for(&self, lines: &str) {
        eventually("the app has the values", async || self.has(lines).then_some(())).await;
    }

    /// The number of Pod templates that the Deployment has had. Each new one is a rolling restart.
    pub(super) async fn revision(&self) -> u32 {
        let deployment = self.api.get(Kind::Deployment, self.namespace, NAME).await.unwrap();
        let revision = &deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        revision.as_str().unwrap().parse().unwrap()
    }

    /// Waits until only Pods of the newest template are left.
    pub(super) async fn wait_for_rollout(&self) {
        self.api
            .wait(Kind::Deployment, self.namespace, NAME, |deployment| {
                let status = &deployment["status"];
                status["observedGeneration"] == deployment["metadata"]["generation"]
                    && status["updatedReplicas"] == deployment["spec"]["replicas"]
                    && status["readyReplicas"] == deployment["spec"]["replicas"]
                    && status["replicas"] == deployment["spec"]["replicas"]
            })
            .await;
        eventually("old Pods are deleted", async || {
            let pods = self.pods().await;
            pods.iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null()).then_some(())
        })
        .await;
    }

    /// Checks that the app gets these values after the change, with one rolling restart and without a
    /// failed request.
    pub(super) async fn restarts_once(&self, lines: &str, change: impl Future<Output = ()>) {
        let before = self.revision().await;
        let load = Load::start(self.address().await, "/");
        change.await;
        self.wait_for(lines).await;
        self.wait_for_rollout().await;
        restarts_catch_up(&self.api).await;
        let answers = load.end().unwrap();
        assert_eq!(self.revision().await, before + 1, "exactly one restart");
        assert!(
            answers.failed.is_empty(),
            "{:?} failed, {} succeeded",
            answers.failed,
            answers.good
        );
        assert!(answers.good > 100, "{}", answers.good);
    }

    /// The Pods of the app.
    pub(super) async fn pods(&self) -> Vec<Value> {
        let pods = self.api.list(Kind::Pod, Some(self.namespace)).await;
        let of_app = |pod: &Value| pod["metadata"]["labels"]["app.kubernetes.io/instance"] == NAME;
        pods.into_iter().filter(of_app).collect()
    }

    /// All objects in the namespace as `KIND/NAME`, without those that Kubernetes creates itself.
    pub(super) fn objects(&self) -> Vec<String> {
        let kinds = "all,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,\
                     ingresses,poddisruptionbudgets,horizontalpodautoscalers,endpointslices,\
                     sealedsecrets";
        let listed = self.stage.kubectl(&["get", kinds, "-n", self.namespace, "-o", "name"], "");
        let by_kubernetes = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
        let objects = listed.lines().filter(|name| !by_kubernetes.contains(name));
        objects.map(ToOwned::to_owned).collect()
    }
}

/// A namespace that admits only Pods of the profile `restricted`.
fn restricted(name: &str) -> Value {
    let labels = json!({ "pod-security.kubernetes.io/enforce": "restricted" });
    json!({ "metadata": { "name": name, "labels": labels } })
}

/// The chart's values for these sealed values, in the Secret of this name.
pub(super) fn sealed_values(namespace: &str, secret: &str, values: &[(&str, &str)]) -> Value {
    let items = sealed(namespace, secret, values)["spec"]["encryptedData"].clone();
    json!({ "secrets": { "name": secret, "sealedSecret": { "enabled": true, "encryptedData": items } } })
}

/// Merges some values into others, objects key by key.
pub(super) fn with(mut values: Value, more: Value) -> Value {
    fn merge(into: &mut Map<String, Value>, more: Map<String, Value>) {
        for (key, value) in more {
            match (into.get_mut(&key), value) {
                (Some(Value::Object(into)), Value::Object(more)) => merge(into, more),
                (_, value) => drop(into.insert(key, value)),
            }
        }
    }
    if let (Some(into), Value::Object(more)) = (values.as_object_mut(), more) {
        merge(into, more);
    }
    values
}
