//! The HTTP endpoints. They accept no body and cannot reach a private key.

mod connections;
mod listener;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use sealing::Certificate;
use tokio::sync::watch;
use tracing::info;

use self::{connections::accept, listener::listen};
use crate::{keys::KeyStore, runtime::queue::WorkQueue};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// When an object is due and no reconcile ends for this long, progress has stopped
/// (external-secrets#6053: a stalled controller looked healthy). One reconcile takes two minutes at most.
const STALLED_AFTER: Duration = Duration::from_mins(15);

/// Whether the initial sync is complete, and whether the queues progress.
pub(crate) struct Health {
    synced: AtomicBool,
    queues: Vec<Arc<WorkQueue>>,
}

impl Health {
    pub(crate) fn new(queues: Vec<Arc<WorkQueue>>) -> Self {
        Self { synced: AtomicBool::new(false), queues }
    }

    /// Call this when all watches have delivered their lists and the keys are loaded.
    pub(crate) fn set_synced(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    /// Overdue objects do not count: the certificate that this Service serves does not depend on them.
    fn is_ready(&self) -> bool {
        self.synced.load(Ordering::Relaxed)
    }

    /// Whether progress has stopped, so that a restart may help.
    fn is_stalled(&self) -> bool {
        self.is_ready() && self.queues.iter().any(|queue| queue.is_stalled(STALLED_AFTER))
    }
}

/// `/v1/cert.pem`, `/healthz` and `/readyz`.
pub(crate) fn api(keys: Arc<KeyStore>, health: Arc<Health>) -> Router {
    Router::new()
        .route("/v1/cert.pem", get(get_certificate).with_state(keys))
        .route("/healthz", get(get_healthy).with_state(health.clone()))
        .route("/readyz", get(get_ready).with_state(health))
}

pub(crate) fn metrics(registry: Registry) -> Router {
    Router::new().route("/metrics", get(get_metrics)).with_state(Arc::new(registry))
}

/// Serves a router until `stop` turns true, and then answers the requests that it has received.
pub(crate) async fn serve(
    address: SocketAddr,
    purpose: &'static str,
    router: Router,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = listen(address)?;
    info!(purpose, address = %listener.local_addr()?, "listening");
    accept(listener, router, stop).await;
    Ok(())
}

/// The newest key's certificate as PEM, or 503 before the first key exists.
async fn get_certificate(State(keys): State<Arc<KeyStore>>) -> Response {
    match keys.ring().certificate().map(Certificate::to_pem) {
        Some(pem) => ([(CONTENT_TYPE, "application/x-pem-file")], pem).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no sealing key yet\n").into_response(),
    }
}

async fn get_metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn get_healthy(State(health): State<Arc<Health>>) -> Response {
    if health.is_stalled() {
        let message = "not healthy: no reconcile has ended for 15 minutes\n";
        return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    }
    "ok\n".into_response()
}

async fn get_ready(State(health): State<Arc<Health>>) -> Response {
    if health.is_ready() {
        return "ok\n".into_response();
    }
    let message = "not ready: initial sync is not complete\n";
    (StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ObjectKey, runtime::queue::Priority};

    #[tokio::test(start_paused = true)]
    async fn overdue_objects_end_liveness_only_without_progress() {
        let queue = Arc::new(WorkQueue::new(1));
        let health = Health::new(vec![queue.clone()]);
        let key = |name: &str| ObjectKey { namespace: "n".into(), name: name.into() };
        for name in ["a", "b"] {
            queue.add(key(name), Priority::Change, Duration::ZERO);
        }
        tokio::time::advance(2 * STALLED_AFTER).await;
        assert!(!health.is_ready() && !health.is_stalled(), "the start may take longer");
        health.set_synced();
        assert!(health.is_ready(), "the certificate stays available");
        assert!(health.is_stalled());
        let done = queue.next().await;
        queue.done(&done);
        assert!(!health.is_stalled(), "there is progress");
        tokio::time::advance(STALLED_AFTER + Duration::from_secs(1)).await;
        assert!(health.is_ready() && health.is_stalled());
    }
}
