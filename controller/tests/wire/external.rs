//! ExternalSecrets when the API server fails: single passes over one that asks AWS for nothing.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crds::StoreStatus;
use http::Request;
use kube::{Client, client::Body};
use mtk_controller::{
    aws::{Pool, metrics::AwsMetrics},
    external::{
        ExternalSecretController,
        controller::Settings,
        render::{Delimiters, Renderer},
        store::Store,
    },
    key::ObjectKey,
    metrics::external::ExternalMetrics,
    runtime::events::EventPublisher,
    runtime::queue::{Priority, WorkQueue},
    sealed::render,
    target::{SecretIndex, Writer, fingerprint::MacKey, policy::Policy},
};
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_test::mock;

use crate::api::{merge, response, status};

/// An API server with one ExternalSecret, which gives its status these answers first.
struct World {
    externals: ExternalSecretController,
    key: ObjectKey,
    object: Arc<Mutex<Value>>,
}

impl World {
    fn with(answers: &[u16]) -> Self {
        let object = Arc::new(Mutex::new(json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "namespace": "team", "name": "s", "uid": "u", "generation": 1 },
            "spec": { "secretStoreRef": { "name": "aws" }, "target": { "creationPolicy": "None" },
                      "data": [{ "secretKey": "A", "remoteRef": { "key": "a" } }] },
        })));
        let client = serve(object.clone(), answers.iter().copied().collect());
        let externals = externals(client);
        externals.objects.note(read(&lock(&object)));
        let aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        let spec = read(&json!({ "provider": { "aws": aws } }));
        let metadata = read(&json!({ "namespace": "team", "name": "aws", "uid": "store" }));
        externals.stores.note(Store::new(&metadata, spec, StoreStatus::default()));
        let key = ObjectKey { namespace: "team".into(), name: "s".into() };
        externals.queue.add(key.clone(), Priority::Change, Duration::ZERO);
        Self { externals, key, object }
    }

    /// One pass, when the queue gives the object within this time.
    async fn pass_within(&self, time: Duration) -> bool {
        let Ok(key) = tokio::time::timeout(time, self.externals.queue.next()).await else {
            return false;
        };
        self.externals.reconcile(&key).await;
        self.externals.queue.done(&self.key);
        true
    }

    fn ready(&self) -> Value {
        lock(&self.object)["status"]["conditions"][0]["reason"].clone()
    }
}

fn lock(object: &Mutex<Value>) -> MutexGuard<'_, Value> {
    object.lock().expect("no holder of the lock panics")
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("an object of its type")
}

fn serve(object: Arc<Mutex<Value>>, mut answers: VecDeque<u16>) -> Client {
    let (service, mut handle) = mock::pair::<Request<Body>, _>();
    tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.expect("the body of a request");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            if parts.uri.path().contains("/events") {
                answer.send_response(response(201, &body));
                continue;
            }
            assert!(parts.uri.path().ends_with("/externalsecrets/s/status"), "{}", parts.uri);
            if let Some(code) = answers.pop_front() {
                answer.send_response(status(code));
                continue;
            }
            let mut object = lock(&object);
            merge(&mut object["status"], &body["status"]);
            answer.send_response(response(200, &object));
        }
    });
    Client::new(service, "default")
}

fn externals(client: Client) -> ExternalSecretController {
    let mac_key = Arc::new(MacKey::from_bytes(&[7; MacKey::BYTES]).expect("a key"));
    let secrets = Arc::new(SecretIndex::new(mac_key));
    let mut registry = Registry::default();
    let delimiters = Delimiters { left: "{{".into(), right: "}}".into() };
    ExternalSecretController {
        objects: Arc::default(),
        writer: Writer::new(client.clone(), secrets.clone()),
        secrets,
        stores: Arc::default(),
        namespaces: Arc::default(),
        pool: Arc::new(Pool::new(client.clone(), AwsMetrics::register(&mut registry))),
        renderer: Renderer::new(render::Settings::default(), delimiters, 1),
        policy: Policy {
            namespace: "kube-system".into(),
            key_prefix: "sealed-secrets-key".into(),
            allowed_types: BTreeSet::new(),
        },
        settings: Settings {
            class: "default".into(),
            has_hash: true,
            copies_labels: true,
            needs_consent: false,
            has_cluster_stores: true,
        },
        upstream_crd: mtk_controller::external::upstream_crd::UpstreamCrd::default(),
        queue: Arc::new(WorkQueue::default()),
        store_queue: Arc::new(WorkQueue::default()),
        store_interval: Duration::from_mins(5),
        events: EventPublisher::new(client.clone(), String::new()),
        metrics: ExternalMetrics::register(&mut registry, true),
        client,
    }
}

/// Otherwise nobody would know for an hour that it is in sync.
#[tokio::test(start_paused = true)]
async fn a_status_that_could_not_be_written_is_written_soon_and_not_at_the_next_interval() {
    let world = World::with(&[500, 500, 503]);
    let soon = Duration::from_secs(10);
    for _ in 0..3 {
        assert!(world.pass_within(soon).await);
        assert!(world.ready().is_null());
    }
    assert!(world.pass_within(soon).await);
    assert_eq!(world.ready(), "SecretSynced");
    // It looks when the next refresh is due, and then there is nothing to do.
    assert!(world.pass_within(soon).await);
    assert!(!world.pass_within(Duration::from_mins(50)).await);
}
