//! Restarts when the API server fails: single reconciles of one Deployment that uses one Secret.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use http::{Method, Request, Response};
use kube::{Client, client::Body};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_test::mock::{self, SendResponse};

use super::{
    api::{Fault, merge, response, status},
    fixtures::keyless_context,
};
use crate::{
    key::ObjectKey,
    restart::{
        RestartController, RestartMetrics, Settings,
        annotations::{RESTART_ON, RESTART_STATE, TEMPLATE_SECRETS},
        kind::{WorkloadKey, WorkloadKind},
    },
    runtime::{controller::reconcile, queue::Priority},
    target::watch::{SecretChange, SecretSubscriber as _},
};

#[tokio::test(start_paused = true)]
async fn restart_with_a_lost_answer_is_not_repeated() {
    let world = World::adopted().await;
    world.break_next(Fault::AnswerLost);
    world.set_secret("2");
    world.work().await;
    assert_eq!(world.take_requests(), ["patch: lost", "patch: 409", "get: 200"]);
    let restarted = world.deployment();
    assert!(template(&restarted).is_string());
    world.reconcile().await;
    assert!(world.take_requests().is_empty());
    assert_eq!(world.deployment(), restarted);
}

#[tokio::test(start_paused = true)]
async fn concurrent_edit_is_kept_and_the_restart_is_planned_again() {
    let world = World::adopted().await;
    world.break_next(Fault::ChangedBefore(json!({ "metadata": { "labels": { "theirs": "1" } } })));
    world.set_secret("2");
    world.work().await;
    assert_eq!(world.take_requests(), ["patch: 409", "get: 200", "patch: 200"]);
    let restarted = world.deployment();
    assert!(template(&restarted).is_string());
    assert_eq!(restarted["metadata"]["labels"]["theirs"], "1");
}

#[tokio::test(start_paused = true)]
async fn concurrent_pause_postpones_the_restart() {
    let world = World::adopted().await;
    world.break_next(Fault::ChangedBefore(json!({ "spec": { "paused": true } })));
    world.set_secret("2");
    world.work().await;
    assert_eq!(world.take_requests(), ["patch: 409", "get: 200"]);
    assert!(template(&world.deployment()).is_null());
    assert_eq!(world.take_events(), ["RestartPostponed"]);
}

#[tokio::test(start_paused = true)]
async fn concurrently_deleted_workload_is_removed_from_the_index() {
    let world = World::adopted().await;
    world.break_next(Fault::DeletedBefore);
    world.set_secret("2");
    world.work().await;
    assert_eq!(world.take_requests(), ["patch: 404"]);
    assert_eq!(world.restarts.index.len(), 0);
    assert!(world.take_events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn refused_restart_is_reported_once_and_retried_with_backoff() {
    let world = World::adopted().await;
    for _ in 0..6 {
        world.break_next(Fault::Status(403));
    }
    let started = Instant::now();
    world.set_secret("2");
    world.work().await;
    assert!(started.elapsed() > Duration::from_secs(16), "{:?}", started.elapsed());
    assert_eq!(world.take_requests(), [&["patch: 403"; 6][..], &["patch: 200"]].concat());
    assert_eq!(world.take_events(), ["RestartFailed", "RestartTriggered"]);
}

#[tokio::test(start_paused = true)]
async fn single_server_error_causes_no_event() {
    let world = World::adopted().await;
    world.break_next(Fault::Status(500));
    world.set_secret("2");
    world.work().await;
    assert_eq!(world.take_requests(), ["patch: 500", "patch: 200"]);
    assert_eq!(world.take_events(), ["RestartTriggered"]);
}

#[tokio::test(start_paused = true)]
async fn stale_watch_event_after_own_write_changes_nothing() {
    let world = World::adopted().await;
    let before = world.deployment();
    world.set_secret("2");
    world.work().await;
    world.take_requests();
    let stale = serde_json::from_value(before).unwrap();
    assert_eq!(world.restarts.index.upsert(WorkloadKind::Deployment, &stale, true), []);
    world.reconcile().await;
    assert!(world.take_requests().is_empty());
}

/// A controller without watches: the tests deliver their events.
struct World {
    restarts: RestartController,
    server: Arc<Mutex<Server>>,
}

#[derive(Default)]
struct Server {
    version: u64,
    deployment: Value,
    faults: VecDeque<Fault>,
    requests: Vec<String>,
    events: Vec<String>,
}

impl World {
    /// The Deployment is indexed, and its baseline is recorded.
    async fn adopted() -> Self {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let container = json!({ "envFrom": [{ "secretRef": { "name": "s" } }] });
        let deployment = json!({
            "metadata": { "namespace": "team", "name": "app", "uid": "u", "resourceVersion": "1",
                          "annotations": { RESTART_ON: "*" } },
            "spec": { "template": { "spec": { "containers": [container] } } },
        });
        let server = Server { version: 1, deployment, ..Server::default() };
        let server = Arc::new(Mutex::new(server));
        let serving = server.clone();
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.expect("the body of a request");
                let body = serde_json::from_slice(&body).unwrap_or_default();
                lock(&serving).serve(&parts.method, parts.uri.path(), &body, answer);
            }
        });
        let client = Client::new(service, "default");
        let restarts = RestartController::new(
            keyless_context(client),
            RestartMetrics::register(&mut Registry::default()),
            Settings { delay: Duration::from_secs(2), min_interval: Duration::from_secs(60) },
        );
        let world = Self { restarts, server };
        world.set_secret("1");
        let object = serde_json::from_value(world.deployment()).expect("a Deployment");
        world.restarts.index.upsert(WorkloadKind::Deployment, &object, false);
        world.reconcile().await;
        assert_eq!(world.take_requests(), ["patch: 200"]);
        let adopted = world.deployment();
        assert!(adopted["metadata"]["annotations"][RESTART_STATE].is_string());
        assert!(template(&adopted).is_null());
        world
    }

    fn break_next(&self, fault: Fault) {
        lock(&self.server).faults.push_back(fault);
    }

    /// Delivers an event of the watch of Secrets.
    fn set_secret(&self, value: &str) {
        let version = {
            let mut server = lock(&self.server);
            server.version += 1;
            server.version
        };
        let secret = json!({
            "metadata": { "namespace": "team", "name": "s", "resourceVersion": version.to_string() },
            "data": { "A": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, value) },
        });
        self.restarts.context.secrets.upsert(&serde_json::from_value(secret).expect("a Secret"));
        let key = &ObjectKey { namespace: "team".into(), name: "s".into() };
        let change = SecretChange { key, before: None, after: None, is_listed: false };
        self.restarts.secret_changed(&change);
    }

    async fn reconcile(&self) {
        self.restarts.queue.add(key(), Priority::Change, Duration::ZERO);
        self.work().await;
    }

    /// All reconciles that are due within the hour.
    async fn work(&self) {
        let hour = Duration::from_hours(1);
        while let Ok(key) = tokio::time::timeout(hour, self.restarts.queue.next()).await {
            let outcome = reconcile(&self.restarts, &key).await;
            if let Some((priority, delay)) = outcome.requeue {
                self.restarts.queue.add(key.clone(), priority, delay);
            }
            self.restarts.queue.done(&key);
        }
    }

    fn deployment(&self) -> Value {
        lock(&self.server).deployment.clone()
    }

    fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.server).requests)
    }

    fn take_events(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.server).events)
    }
}

impl Server {
    fn serve(
        &mut self,
        method: &Method,
        path: &str,
        body: &Value,
        answer: SendResponse<Response<Body>>,
    ) {
        if path.ends_with("/events") {
            self.events.push(body["reason"].as_str().unwrap_or_default().to_owned());
            return answer.send_response(response(201, body));
        }
        assert_eq!(path, "/apis/apps/v1/namespaces/team/deployments/app");
        let verb = method.as_str().to_lowercase();
        let fault = if verb == "patch" { self.faults.pop_front() } else { None };
        let answered = match &fault {
            Some(Fault::Status(code)) => status(*code),
            Some(Fault::ChangedBefore(edit)) => {
                self.edit(edit);
                self.carry_out(&verb, body)
            }
            Some(Fault::DeletedBefore) => {
                self.deployment = Value::Null;
                self.carry_out(&verb, body)
            }
            _ => self.carry_out(&verb, body),
        };
        if matches!(fault, Some(Fault::AnswerLost)) {
            self.requests.push(format!("{verb}: lost"));
            answer.send_error("the connection broke");
        } else {
            self.requests.push(format!("{verb}: {}", answered.status().as_u16()));
            answer.send_response(answered);
        }
    }

    fn carry_out(&mut self, verb: &str, body: &Value) -> Response<Body> {
        if self.deployment.is_null() {
            return status(404);
        }
        if verb == "patch" {
            let guard = |field: &str| body["metadata"][field] == self.deployment["metadata"][field];
            if !guard("uid") || !guard("resourceVersion") {
                return status(409);
            }
            self.edit(body);
        }
        response(200, &self.deployment)
    }

    fn edit(&mut self, patch: &Value) {
        merge(&mut self.deployment, patch);
        self.version += 1;
        self.deployment["metadata"]["resourceVersion"] = json!(self.version.to_string());
    }
}

fn lock(server: &Mutex<Server>) -> MutexGuard<'_, Server> {
    server.lock().expect("no holder of the lock panics")
}

fn key() -> WorkloadKey {
    let object = ObjectKey { namespace: "team".into(), name: "app".into() };
    WorkloadKey { kind: WorkloadKind::Deployment, object }
}

fn template(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["metadata"]["annotations"][TEMPLATE_SECRETS]
}
