//! Creates sealing keys: the first one, and new ones by time or on request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use kube::{Client, ResourceExt as _};
use sealing::Certificate;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{
    key_secret::{create, generate},
    plan::{Action, Cause, RenewalSettings, plan},
    store::KeyStore,
};
use crate::runtime::Backoff;

/// When to retry after a failure. Also the pause after a new key that does not become the newest, so
/// that such keys do not pile up.
const RETRY: Backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_mins(5) };
/// Looks at the clock this often, because a timer does not count the time of a suspended machine.
const MAX_SLEEP: Duration = Duration::from_hours(1);

/// The only creator of sealing keys.
pub(crate) struct KeyRenewal {
    store: Arc<KeyStore>,
    client: Client,
    settings: RenewalSettings,
    requests: Notify,
    is_leading: AtomicBool,
}

/// Resets the mark that this process creates keys.
struct Leading<'a>(&'a AtomicBool);

impl KeyRenewal {
    pub(crate) fn new(store: Arc<KeyStore>, client: Client, settings: RenewalSettings) -> Self {
        let (requests, is_leading) = (Notify::new(), AtomicBool::new(false));
        Self { store, client, settings, requests, is_leading }
    }

    /// Asks for a new key, if this process creates keys.
    pub(crate) fn request(&self) {
        if self.is_leading.load(Ordering::Relaxed) {
            self.requests.notify_one();
        } else {
            warn!("no new sealing key: this replica is not the leader; send SIGUSR1 to the leader");
        }
    }

    /// Waits until there are keys, or until it is certain that the controller creates none.
    pub(crate) async fn wait_first(&self) {
        let mut changes = self.store.changes();
        let creates = || {
            let action = plan(self.store.known(), &self.settings, false, Timestamp::now());
            action == Action::Create(Cause::First)
        };
        while creates() && changes.changed().await.is_ok() {}
    }

    /// Creates keys when they are due. Only the leader runs this, so that no two processes create a key
    /// for the same reason.
    pub(crate) async fn run(self: Arc<Self>) {
        self.is_leading.store(true, Ordering::Relaxed);
        let _leading = Leading(&self.is_leading);
        let mut changes = self.store.changes();
        let (mut is_requested, mut failures) = (false, 0);
        loop {
            let now = Timestamp::now();
            let sleep = match plan(self.store.known(), &self.settings, is_requested, now) {
                Action::Nothing => MAX_SLEEP,
                Action::WaitUntil(at) => at.duration_since(now).unsigned_abs().min(MAX_SLEEP),
                Action::Create(cause) => match self.create(cause, is_requested).await {
                    Ok(()) => {
                        is_requested = false;
                        if !self.is_due() {
                            failures = 0;
                            continue;
                        }
                        warn!("the new sealing key is not the newest one");
                        retry_delay(&mut failures)
                    }
                    Err(error) => {
                        warn!(%error, "cannot create a sealing key; retrying");
                        retry_delay(&mut failures)
                    }
                },
            };
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.requests.notified() => is_requested = true,
                // While failures are retried, changes of keys do not shorten the pause.
                _ = changes.changed(), if failures == 0 => {}
            }
        }
    }

    fn is_due(&self) -> bool {
        let action = plan(self.store.known(), &self.settings, false, Timestamp::now());
        matches!(action, Action::Create(_))
    }

    /// Creates a key unless another client has created one since the plan was made.
    async fn create(&self, cause: Cause, is_requested: bool) -> anyhow::Result<()> {
        let store = &self.store;
        let key = generate(&store.settings).await?;
        // Right before the write, because the key took a while and the watch may lag.
        let known = store.refresh(&self.client).await?;
        let action = plan(known, &self.settings, is_requested, Timestamp::now());
        if !matches!(action, Action::Create(_)) {
            info!("another client created a sealing key");
            return Ok(());
        }
        let before = store.removals();
        let secret = create(&self.client, &store.namespace, &store.settings, &key).await?;
        store.created(&secret, before);
        let certificate = key.certificate().map(Certificate::to_pem).unwrap_or_default();
        let (namespace, secret) = (&store.namespace, secret.name_any());
        info!(namespace, secret, reason = cause.as_str(), certificate, "created a new sealing key");
        Ok(())
    }
}

fn retry_delay(failures: &mut u32) -> Duration {
    let delay = RETRY.delay(*failures, u32::MAX);
    *failures = failures.saturating_add(1);
    delay
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use http::{Method, Request, Response};
    use kube::client::Body;
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};
    use tokio::time::Instant;
    use tower_test::mock;

    use super::*;
    use crate::{keys::KeySettings, runtime::KEY_LABEL};

    /// An API server that only has key Secrets, and fails this many creations.
    #[derive(Clone, Default)]
    struct Api {
        secrets: Arc<Mutex<Vec<Value>>>,
        failures: Arc<Mutex<usize>>,
    }

    impl Api {
        fn start(&self) -> Client {
            let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
            let this = self.clone();
            tokio::spawn(async move {
                while let Some((request, answer)) = handle.next_request().await {
                    let (parts, body) = request.into_parts();
                    let body = body.collect_bytes().await.unwrap();
                    let (code, json) = this.answer(&parts.method, &parts.uri.to_string(), &body);
                    let body = Body::from(json.to_string().into_bytes());
                    answer.send_response(Response::builder().status(code).body(body).unwrap());
                }
            });
            Client::new(service, "default")
        }

        fn answer(&self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
            let failed = |code: u16, reason: &str| {
                (
                    code,
                    json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason }),
                )
            };
            let mut failures = self.failures.lock().unwrap();
            if *method == Method::POST && *failures > 0 {
                *failures -= 1;
                return failed(500, "InternalError");
            }
            let mut secrets = self.secrets.lock().unwrap();
            if *method == Method::POST {
                let mut secret: Value = serde_json::from_slice(body).unwrap();
                secret["metadata"]["name"] = json!(format!("key-{}", secrets.len()));
                secrets.push(secret.clone());
                (201, secret)
            } else if path.contains("labelSelector") {
                (200, json!({ "metadata": {}, "items": *secrets }))
            } else {
                failed(404, "NotFound")
            }
        }

        /// Adds a key as another process.
        fn add_key(&self) {
            let key = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
            let certificate = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.crt");
            self.secrets.lock().unwrap().push(json!({
                "metadata": { "name": "theirs", "labels": { KEY_LABEL: "active" } },
                "data": { "tls.key": BASE64_STANDARD.encode(key),
                          "tls.crt": BASE64_STANDARD.encode(certificate) },
            }));
        }

        fn len(&self) -> usize {
            self.secrets.lock().unwrap().len()
        }
    }

    fn renewal(client: Client) -> Arc<KeyRenewal> {
        let store = KeyStore::new("n", KeySettings::for_tests(), &mut Registry::default());
        let settings = RenewalSettings { creates_first_key: true, ..RenewalSettings::default() };
        Arc::new(KeyRenewal::new(Arc::new(store), client, settings))
    }

    #[tokio::test(start_paused = true)]
    async fn failed_creation_is_retried_with_back_off() {
        let api = Api::default();
        *api.failures.lock().unwrap() = 2;
        let renewal = renewal(api.start());
        let started = Instant::now();
        let running = tokio::spawn(renewal.clone().run());
        renewal.wait_first().await;
        assert_eq!((api.len(), renewal.store.ring().len()), (1, 1));
        assert_eq!(started.elapsed().as_secs(), 2 + 4);
        tokio::time::sleep(Duration::from_hours(24)).await;
        assert_eq!(api.len(), 1);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn key_of_another_process_prevents_a_second_one() {
        let api = Api::default();
        let renewal = renewal(api.start());
        // The watch of this process has not reported it yet.
        api.add_key();
        let running = tokio::spawn(renewal.clone().run());
        renewal.wait_first().await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!((api.len(), renewal.store.ring().len()), (1, 1));
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn first_key_is_created_once_the_only_key_secret_which_is_broken_is_gone() {
        let api = Api::default();
        api.add_key();
        api.secrets.lock().unwrap()[0]["data"]["tls.key"] = json!(BASE64_STANDARD.encode("broken"));
        let client = api.start();
        let renewal = renewal(client.clone());
        let running = tokio::spawn(renewal.clone().run());
        let waited = tokio::time::timeout(Duration::from_mins(1), renewal.wait_first()).await;
        waited.expect("the controller creates no key, so it is ready");
        assert_eq!((api.len(), renewal.store.ring().len()), (1, 0));
        api.secrets.lock().unwrap().clear();
        renewal.store.load(&client).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!((api.len(), renewal.store.ring().len()), (1, 1));
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_leader_takes_requests() {
        let api = Api::default();
        api.add_key();
        let client = api.start();
        let renewal = renewal(client.clone());
        renewal.store.load(&client).await.unwrap();
        renewal.request();
        let running = tokio::spawn(renewal.clone().run());
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(api.len(), 1, "the request before the leadership does not count");
        renewal.request();
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(api.len(), 2);
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        renewal.request();
        let running = tokio::spawn(renewal.clone().run());
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(api.len(), 2);
        running.abort();
    }
}
