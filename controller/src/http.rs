//! The HTTP endpoints, one route per file. None takes a body, and none reaches a private key.

mod cert;
mod health;
mod metrics;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tracing::info;

pub(crate) use health::Health;

use crate::keys::KeyStore;

pub(crate) struct Endpoints {
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) health: Arc<Health>,
}

/// Serves `/v1/cert.pem`, `/healthz` and `/readyz` until `stop` ends.
///
/// # Errors
/// When it cannot listen on the address.
pub(crate) async fn serve(
    address: SocketAddr,
    endpoints: Endpoints,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/v1/cert.pem", get(cert::get).with_state(endpoints.keys))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready).with_state(endpoints.health));
    listen(address, "api", router, stop).await
}

/// Serves `/metrics` until `stop` ends.
///
/// # Errors
/// When it cannot listen on the address.
pub(crate) async fn serve_metrics(
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(metrics::get)).with_state(registry);
    listen(address, "metrics", router, stop).await
}

async fn listen(
    address: SocketAddr,
    purpose: &'static str,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    info!(purpose, address = %listener.local_addr()?, "listening");
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
