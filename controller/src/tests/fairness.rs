//! Fairness between a namespace that causes much work and one that causes little.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crds::StoreStatus;
use http::{Method, Request};
use kube::{Client, client::Body};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use templates::Limits;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tower_test::mock;

use super::{
    api::{response, status},
    external::{controller_with, read},
};
use crate::{
    aws::identity::PodIdentity,
    context::TemplateSettings,
    external::{ExternalSecretController, store::Store},
    key::ObjectKey,
    runtime::{ReconcileMetrics, WorkQueue, spawn_workers},
};

const ENDLESS: &str = "{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}\
                       {{ end }}{{ end }}{{ end }}{{ end }}";

/// An API server that accepts every object and has templates in ConfigMaps. Also returns the requests
/// for Secrets and ConfigMaps.
fn server() -> (Client, mpsc::UnboundedReceiver<String>) {
    let (service, mut handle) = mock::pair::<Request<Body>, _>();
    let (received, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.expect("the body of a request");
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let path: Vec<_> = parts.uri.path().split('/').collect();
            let (namespace, resource) = (path[path.len().min(5) - 1], path[path.len().min(6) - 1]);
            if ["secrets", "configmaps"].contains(&resource) {
                let _ = received.send(format!("{} {namespace} {resource}", parts.method));
            }
            answer.send_response(match parts.method {
                Method::GET if resource == "configmaps" => {
                    let template = if namespace == "hostile" { ENDLESS } else { "{{ 1 }}" };
                    response(200, &json!({ "metadata": {}, "data": { "t": template } }))
                }
                Method::GET => status(404),
                _ => response(201, &body),
            });
        }
    });
    (Client::new(service, "default"), requests)
}

fn apply_store(controller: &ExternalSecretController, metadata: &Value, auth: &Value) {
    let aws = json!({ "service": "SecretsManager", "region": "eu-west-1", "auth": auth });
    let spec = read(&json!({ "provider": { "aws": aws } }));
    controller.stores.store_applied(Store::new(&read(metadata), spec, StoreStatus::default()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_object_is_in_sync_within_five_seconds_beside_64_costly_ones() {
    let limits = Limits { steps: u64::MAX, bytes: usize::MAX, ..Limits::default() };
    let templates =
        TemplateSettings { limits, time: Duration::from_secs(6), memory: Arc::default() };
    let (client, mut requests) = server();
    let queue = Arc::new(WorkQueue::new(16));
    let controller = Arc::new(controller_with(client, queue, PodIdentity::All, templates));
    let object = |namespace: &str, name: usize| {
        read(&json!({
            "metadata": { "namespace": namespace, "name": format!("s{name}"), "uid": "u",
                          "generation": 1 },
            "spec": {
                "refreshInterval": "1s",
                "secretStoreRef": { "name": "aws" },
                "target": { "deletionPolicy": "Merge", "template": { "templateFrom": [
                    { "configMap": { "name": "c", "items": [{ "key": "t" }] } },
                ] } },
            },
        }))
    };
    for namespace in ["hostile", "honest"] {
        let metadata = json!({ "namespace": namespace, "name": "aws", "uid": namespace });
        apply_store(&controller, &metadata, &json!({}));
    }
    for number in 0..64 {
        controller.object_applied(object("hostile", number));
    }
    let (mut tasks, (_stop, stopped)) = (JoinSet::new(), watch::channel(false));
    let metrics = ReconcileMetrics::register(&mut Registry::default());
    spawn_workers(&mut tasks, &controller, 16, &metrics, &stopped);
    // A quarter of the workers.
    for _ in 0..4 {
        assert_eq!(requests.recv().await.unwrap(), "GET hostile configmaps");
    }
    controller.object_applied(object("honest", 0));
    let in_sync = async { while requests.recv().await.unwrap() != "POST honest secrets" {} };
    let in_sync = tokio::time::timeout(Duration::from_secs(5), in_sync).await;
    in_sync.expect("the honest object is in sync");
}

/// The store reads the Secret `keys` of the namespace of each ExternalSecret.
#[tokio::test(start_paused = true)]
async fn credentials_of_one_namespace_wake_no_other_namespace() {
    let templates = TemplateSettings {
        limits: Limits::default(),
        time: Duration::from_secs(30),
        memory: Arc::default(),
    };
    let (client, _created) = server();
    let queue = Arc::new(WorkQueue::new(4));
    let controller = controller_with(client, queue.clone(), PodIdentity::All, templates);
    let keys = |key: &str| json!({ "name": "keys", "key": key });
    let auth = json!({ "secretRef": { "accessKeyIDSecretRef": keys("id"),
                                      "secretAccessKeySecretRef": keys("key") } });
    apply_store(&controller, &json!({ "name": "aws", "uid": "cluster" }), &auth);
    for namespace in ["a", "b"] {
        controller.object_applied(read(&json!({
            "metadata": { "namespace": namespace, "name": "s", "uid": namespace },
            "spec": { "secretStoreRef": { "kind": "ClusterSecretStore", "name": "aws" } },
        })));
    }
    let due = async || {
        let mut keys = Vec::new();
        while let Ok(key) = tokio::time::timeout(Duration::from_mins(5), queue.next()).await {
            queue.done(&key);
            keys.push(key.namespace);
        }
        BTreeSet::from_iter(keys)
    };
    assert_eq!(due().await.len(), 2, "both are new");
    let secret = ObjectKey { namespace: "a".into(), name: "keys".into() };
    controller.stores.credentials_changed(&secret, false);
    assert_eq!(due().await, ["a".to_owned()].into());

    // A loop of changes costs three wakes, and one more in ten seconds.
    let woken = Instant::now();
    for seconds in [0, 0, 0, 10] {
        for _ in 0..100 {
            controller.stores.credentials_changed(&secret, false);
            if seconds == 0 {
                break;
            }
        }
        queue.done(&queue.next().await);
        assert_eq!(woken.elapsed(), Duration::from_secs(seconds));
    }
    assert_eq!(queue.len(), 0);
}
