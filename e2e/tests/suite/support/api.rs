//! A client of the API server with the admin's permissions. Objects are JSON.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::cluster::Cluster;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config, Error};
use serde_json::{Value, json};

use super::wait::eventually;

/// The kinds that the tests use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Canary,
    ClusterSecretStore,
    ConfigMap,
    CustomResourceDefinition,
    Deployment,
    EndpointSlice,
    Event,
    ExternalSecret,
    Lease,
    Namespace,
    Pod,
    ReplicaSet,
    Rollout,
    Secret,
    SecretStore,
    SealedSecret,
    Service,
    ServiceAccount,
    StatefulSet,
}

/// A client.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
}

impl Kind {
    fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Canary => ("flagger.app", "v1beta1", "Canary"),
            Self::ClusterSecretStore => ("external-secrets.io", "v1", "ClusterSecretStore"),
            Self::ConfigMap => ("", "v1", "ConfigMap"),
            Self::CustomResourceDefinition => {
                ("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
            }
            Self::Deployment => ("apps", "v1", "Deployment"),
            Self::EndpointSlice => ("discovery.k8s.io", "v1", "EndpointSlice"),
            Self::Event => ("", "v1", "Event"),
            Self::ExternalSecret => ("external-secrets.io", "v1", "ExternalSecret"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease"),
            Self::Namespace => ("", "v1", "Namespace"),
            Self::Pod => ("", "v1", "Pod"),
            Self::ReplicaSet => ("apps", "v1", "ReplicaSet"),
            Self::Rollout => ("argoproj.io", "v1alpha1", "Rollout"),
            Self::Secret => ("", "v1", "Secret"),
            Self::SealedSecret => ("bitnami.com", "v1alpha1", "SealedSecret"),
            Self::SecretStore => ("external-secrets.io", "v1", "SecretStore"),
            Self::Service => ("", "v1", "Service"),
            Self::ServiceAccount => ("", "v1", "ServiceAccount"),
            Self::StatefulSet => ("apps", "v1", "StatefulSet"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }
}

impl Api {
    /// A client of the cluster. It belongs to the runtime that created it.
    pub(crate) async fn of(cluster: &Cluster) -> Self {
        Self::at(cluster.plane().kubeconfig()).await
    }

    /// A client from a kubeconfig.
    pub(crate) async fn at(kubeconfig: &Path) -> Self {
        // An error means that another test was faster.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Self { client: Client::try_from(config.unwrap()).unwrap() }
    }

    /// Creates a namespace and returns its name.
    pub(crate) async fn namespace(&self, name: &str) -> String {
        let namespace = json!({ "metadata": { "name": name } });
        self.create(Kind::Namespace, namespace).await;
        name.to_owned()
    }

    pub(crate) async fn create(&self, kind: Kind, object: Value) -> Value {
        self.create_as("unknown", kind, object).await
    }

    pub(crate) async fn try_create(&self, kind: Kind, object: Value) -> Result<Value, Error> {
        let api = self.of_object(kind, &object);
        api.create(&PostParams::default(), &with_type(kind, object)).await.map(json)
    }

    /// Creates under the name of a field manager.
    pub(crate) async fn create_as(&self, manager: &str, kind: Kind, object: Value) -> Value {
        let api = self.of_object(kind, &object);
        let object = with_type(kind, object);
        let params =
            PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        json(api.create(&params, &object).await.unwrap())
    }

    /// Server-side apply, as in the recordings.
    pub(crate) async fn apply(&self, kind: Kind, object: &Value) -> Value {
        self.try_apply(kind, object).await.unwrap()
    }

    pub(crate) async fn try_apply(&self, kind: Kind, object: &Value) -> Result<Value, Error> {
        let api = self.of_object(kind, object);
        let params = PatchParams::apply("tests").force();
        let name = object["metadata"]["name"].as_str().unwrap();
        api.patch(name, &params, &Patch::Apply(object)).await.map(json)
    }

    pub(crate) async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let found = self.of_kind(kind, namespace).get_opt(name).await;
        found.unwrap().map(json)
    }

    /// Lists a kind in one namespace or in all.
    pub(crate) async fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Value> {
        let api = match namespace {
            Some(namespace) => self.of_kind(kind, namespace),
            None => kube::Api::all_with(self.client.clone(), &kind.resource()),
        };
        let list = api.list(&ListParams::default()).await.unwrap();
        list.items.into_iter().map(json).collect()
    }

    /// The objects of a namespace that a field selector selects.
    pub(crate) async fn select(&self, kind: Kind, namespace: &str, fields: &str) -> Vec<Value> {
        let selected = ListParams::default().fields(fields);
        let list = self.of_kind(kind, namespace).list(&selected).await.unwrap();
        list.items.into_iter().map(json).collect()
    }

    /// A merge patch.
    pub(crate) async fn patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Value {
        let patched = self.try_patch(kind, namespace, name, patch).await;
        patched.unwrap()
    }

    pub(crate) async fn try_patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Value, Error> {
        let api = self.of_kind(kind, namespace);
        let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(json)
    }

    pub(crate) async fn patch_status(&self, kind: Kind, namespace: &str, name: &str, patch: Value) {
        self.try_patch_status(kind, namespace, name, patch).await.unwrap();
    }

    pub(crate) async fn try_patch_status(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Value, Error> {
        let api = self.of_kind(kind, namespace);
        let params = PatchParams::default();
        api.patch_status(name, &params, &Patch::Merge(patch)).await.map(json)
    }

    /// Deletes the object if it exists.
    pub(crate) async fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        self.delete_as(kind, namespace, name, DeleteParams::default()).await;
    }

    pub(crate) async fn delete_as(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        params: DeleteParams,
    ) {
        match self.of_kind(kind, namespace).delete(name, &params).await {
            Ok(_) => {}
            Err(Error::Api(status)) if status.code == 404 => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Deletes all objects of a kind in all namespaces, and waits until none is left.
    pub(crate) async fn clear(&self, kind: Kind) {
        eventually("everything is deleted", async || {
            let left = self.list(kind, None).await;
            let namespaces: BTreeSet<_> =
                left.iter().map(|object| super::text(&object["metadata"]["namespace"])).collect();
            for namespace in namespaces {
                let api = self.of_kind(kind, &namespace);
                let all = (DeleteParams::default(), ListParams::default());
                drop(api.delete_collection(&all.0, &all.1).await.unwrap());
            }
            left.is_empty().then_some(())
        })
        .await;
    }

    /// Waits until the object is deleted.
    pub(crate) async fn wait_deleted(&self, kind: Kind, namespace: &str, name: &str) {
        let what = format!("{kind:?} {namespace}/{name} is deleted");
        eventually(&what, async || self.get(kind, namespace, name).await.is_none().then_some(()))
            .await;
    }

    /// Waits until the object exists and matches.
    pub(crate) async fn wait(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        matches: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let what = format!("{kind:?} {namespace}/{name} matches");
        let wait = eventually(&what, async || {
            last = self.get(kind, namespace, name).await?;
            matches(&last).then(|| last.clone())
        });
        wait.await
    }

    /// Waits until the latest generation of the SealedSecret is in sync.
    pub(crate) async fn wait_ready(&self, namespace: &str, name: &str) -> Value {
        self.wait_reason(namespace, name, "Unsealed").await
    }

    /// Waits until the condition `Ready` of the SealedSecret's latest generation has this reason.
    pub(crate) async fn wait_reason(&self, namespace: &str, name: &str, reason: &str) -> Value {
        self.wait(Kind::SealedSecret, namespace, name, |sealed| {
            sealed["status"]["observedGeneration"] == sealed["metadata"]["generation"]
                && super::ready_reason(sealed) == Some(reason)
        })
        .await
    }

    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get(Kind::Secret, namespace, name).await
    }

    /// The Events of an object as `(type, reason, message)`.
    pub(crate) async fn events(&self, namespace: &str, name: &str) -> Vec<[String; 3]> {
        let events = self.list(Kind::Event, Some(namespace)).await;
        events
            .iter()
            .filter(|event| event["involvedObject"]["name"] == name)
            .map(|event| ["type", "reason", "message"].map(|field| super::text(&event[field])))
            .collect()
    }

    /// Sends a request that is not about an object. The body of the response, or the code of a failure.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: &str,
    ) -> Result<String, u16> {
        let request = http::Request::builder().method(method).uri(path).header("accept", accept);
        let request = request.header("content-type", "application/json");
        let response =
            self.client.send(request.body(body.as_bytes().to_vec().into()).unwrap()).await;
        let response = response.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        if code == 200 { Ok(text) } else { Err(code) }
    }

    fn of_kind(&self, kind: Kind, namespace: &str) -> kube::Api<DynamicObject> {
        let resource = kind.resource();
        if matches!(
            kind,
            Kind::Namespace | Kind::CustomResourceDefinition | Kind::ClusterSecretStore
        ) {
            kube::Api::all_with(self.client.clone(), &resource)
        } else {
            kube::Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    fn of_object(&self, kind: Kind, object: &Value) -> kube::Api<DynamicObject> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        self.of_kind(kind, namespace)
    }
}

fn with_type(kind: Kind, mut object: Value) -> DynamicObject {
    let resource = kind.resource();
    object["apiVersion"] = json!(resource.api_version);
    object["kind"] = json!(resource.kind);
    serde_json::from_value(object).unwrap()
}

fn json(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap()
}
