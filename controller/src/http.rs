//! The HTTP endpoints. None takes a body, and none reaches a private key.

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
use tokio::net::TcpListener;
use tracing::info;

use crate::{keys::KeyStore, runtime::queue::WorkQueue};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// If an object has been due for longer, progress has stopped (external-secrets#6053: a stalled
/// controller looked healthy). A full start with 50,000 objects takes less.
const STALLED_AFTER: Duration = Duration::from_mins(10);

/// Whether the initial sync is complete, and the queues progress.
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

    fn not_ready_reason(&self) -> Option<&'static str> {
        if !self.synced.load(Ordering::Relaxed) {
            Some("not ready: initial sync is not complete\n")
        } else if self.queues.iter().any(|queue| queue.oldest_due_age() > STALLED_AFTER) {
            Some("not ready: work queue is stalled\n")
        } else {
            None
        }
    }
}

/// `/v1/cert.pem`, `/healthz` and `/readyz`.
pub(crate) fn api(keys: Arc<KeyStore>, health: Arc<Health>) -> Router {
    Router::new()
        .route("/v1/cert.pem", get(get_certificate).with_state(keys))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(get_ready).with_state(health))
}

pub(crate) fn metrics(registry: Registry) -> Router {
    Router::new().route("/metrics", get(get_metrics)).with_state(Arc::new(registry))
}

/// Serves a router until `stop` ends.
pub(crate) async fn serve(
    address: SocketAddr,
    purpose: &'static str,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    info!(purpose, address = %listener.local_addr()?, "listening");
    axum::serve(listener, router).with_graceful_shutdown(stop).await
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

async fn get_ready(State(health): State<Arc<Health>>) -> Response {
    match health.not_ready_reason() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ObjectKey, runtime::queue::Priority};

    #[tokio::test(start_paused = true)]
    async fn readiness_ends_when_progress_stops() {
        let queue = Arc::new(WorkQueue::new(1));
        let health = Health::new(vec![queue.clone()]);
        assert!(health.not_ready_reason().is_some());
        health.set_synced();
        assert_eq!(health.not_ready_reason(), None);
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        queue.add(key, Priority::Change, Duration::ZERO);
        tokio::time::advance(STALLED_AFTER).await;
        assert_eq!(health.not_ready_reason(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.not_ready_reason().is_some());
    }
}
