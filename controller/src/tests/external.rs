//! ExternalSecrets when the API server fails: an object that reads nothing from AWS is reconciled step by
//! step.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crds::StoreStatus;
use http::Request;
use kube::{Client, client::Body, core::Selector};
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use templates::Limits;
use tower_test::mock;

use super::api::{merge, response, status};
use crate::{
    aws::{Pool, identity::PodIdentity, metrics::AwsMetrics, rates::Rates, trust},
    context::{self, Context, TemplateSettings},
    external::{
        ExternalSecretController, Settings,
        metrics::ExternalMetrics,
        render::{Delimiters, Renderer},
        store::Store,
    },
    keys::{KeySettings, KeyStore},
    runtime::{controller::reconcile, mac::MacKey, queue::WorkQueue, scope::WatchScope},
    target::policy::Policy,
};

/// An API server with one ExternalSecret. The first responses to status writes are given.
pub(super) struct World {
    pub(super) controller: ExternalSecretController,
    queue: Arc<WorkQueue>,
    object: Arc<Mutex<Value>>,
}

impl World {
    pub(super) fn with(answers: &[u16]) -> Self {
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "namespace": "team", "name": "s", "uid": "u", "generation": 1 },
            "spec": { "secretStoreRef": { "name": "aws" }, "target": { "creationPolicy": "None" },
                      "data": [{ "secretKey": "A", "remoteRef": { "key": "a" } }] },
        });
        Self::of(object, StoreStatus::default(), answers)
    }

    /// With this object, and a store of this status.
    pub(super) fn of(object: Value, status: StoreStatus, answers: &[u16]) -> Self {
        let object = Arc::new(Mutex::new(object));
        let client = serve(object.clone(), answers.iter().copied().collect());
        let queue = Arc::new(WorkQueue::new(1));
        let controller = controller(client, queue.clone());
        let aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        let spec = read(&json!({ "provider": { "aws": aws } }));
        let metadata = read(&json!({ "namespace": "team", "name": "aws", "uid": "store" }));
        controller.stores.store_applied(Store::new(&metadata, spec, status));
        controller.object_applied(read(&lock(&object)));
        Self { controller, queue, object }
    }

    /// Reconciles the object, if it is due within this time.
    pub(super) async fn reconcile_within(&self, time: Duration) -> bool {
        let Ok(key) = tokio::time::timeout(time, self.queue.next()).await else {
            return false;
        };
        let outcome = Box::pin(reconcile(&self.controller, &key)).await;
        if let Some((priority, delay)) = outcome.requeue {
            self.queue.add(key.clone(), priority, delay);
        }
        self.queue.done(&key);
        true
    }

    pub(super) fn object(&self) -> Value {
        lock(&self.object).clone()
    }

    fn ready(&self) -> Value {
        lock(&self.object)["status"]["conditions"][0]["reason"].clone()
    }
}

fn lock(object: &Mutex<Value>) -> MutexGuard<'_, Value> {
    object.lock().expect("no holder of the lock panics")
}

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> T {
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

fn controller(client: Client, queue: Arc<WorkQueue>) -> ExternalSecretController {
    let templates = TemplateSettings {
        limits: Limits::default(),
        time: Duration::from_secs(30),
        memory: Arc::default(),
    };
    controller_with(client, queue, PodIdentity::All, templates)
}

pub(super) fn controller_with(
    client: Client,
    queue: Arc<WorkQueue>,
    pod_identity: PodIdentity,
    templates: TemplateSettings,
) -> ExternalSecretController {
    let mac_key = Arc::new(MacKey::from_bytes(&[7; MacKey::BYTES]).expect("a key"));
    let mut registry = Registry::default();
    let keys = KeyStore::new("kube-system", KeySettings::for_tests(), &mut registry);
    let settings = context::Settings {
        scope: WatchScope::All,
        namespace_selector: Selector::default(),
        label_selector: Selector::default(),
        resync_period: Duration::from_hours(1),
        copies_tool_metadata: false,
        instance: String::new(),
        keeps_items: false,
    };
    let policy = Policy::without_allowed_types();
    let context = Context::new(client.clone(), settings, Arc::new(keys), mac_key, policy);
    let delimiters = Delimiters { left: "{{".into(), right: "}}".into() };
    let settings = Settings {
        class: "default".into(),
        writes_data_hash: true,
        copies_metadata: true,
        requires_adopt_annotation: false,
        watches_cluster_stores: true,
        pod_identity,
        store_check_interval: Duration::from_mins(5),
        min_list_interval: Duration::from_mins(5),
        event_queues: 1,
        max_event_silence: Duration::from_hours(24),
    };
    let http_client = trust::http_client(None).unwrap();
    ExternalSecretController::new(
        &Arc::new(context),
        queue,
        Arc::new(Pool::new(
            client,
            AwsMetrics::register(&mut registry),
            http_client,
            Rates::new(50),
        )),
        Renderer::new(templates, &delimiters, 1),
        ExternalMetrics::register(&mut registry, true),
        settings,
    )
}

/// The object is in sync, and its next interval ends in an hour.
#[tokio::test(start_paused = true)]
async fn failed_status_write_is_retried_before_the_next_interval() {
    let world = World::with(&[500, 500, 503]);
    let soon = Duration::from_secs(10);
    for _ in 0..3 {
        assert!(world.reconcile_within(soon).await);
        assert!(world.ready().is_null());
    }
    assert!(world.reconcile_within(soon).await);
    assert_eq!(world.ready(), "SecretSynced");
    assert!(world.reconcile_within(soon).await, "it finds out when the next refresh is due");
    assert!(!world.reconcile_within(Duration::from_mins(50)).await);
}

#[tokio::test(start_paused = true)]
async fn store_without_auth_is_refused_the_identity_of_the_pod() {
    let stores = [
        json!({ "namespace": "team", "name": "aws", "uid": "own" }),
        json!({ "name": "aws", "uid": "cluster" }),
    ];
    for (pod_identity, expected) in [
        (PodIdentity::All, [true, true]),
        (PodIdentity::ClusterStores, [false, true]),
        (PodIdentity::None, [false, false]),
    ] {
        let client = serve(Arc::default(), VecDeque::new());
        let templates = TemplateSettings {
            limits: Limits::default(),
            time: Duration::ZERO,
            memory: Arc::default(),
        };
        let queue = Arc::new(WorkQueue::new(1));
        let controller = controller_with(client, queue, pod_identity, templates);
        let is_allowed = stores.clone().map(|metadata| {
            let aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
            let spec = read(&json!({ "provider": { "aws": aws } }));
            let store = Store::new(&read(&metadata), spec, StoreStatus::default());
            let identity = controller.stores.identity(&store, "team");
            if let Err(failure) = &identity {
                assert!(failure.message.contains("--pod-identity"), "{failure}");
            }
            identity.is_ok()
        });
        assert_eq!(is_allowed, expected, "{pod_identity:?}");
    }
}
