//! The HTTP endpoints: the certificate, checks and rotation of SealedSecrets, health, and metrics. They
//! cannot reach the template engine. A client never learns why an item does not open.

mod body;
mod caller;
mod certificate;
mod connections;
mod health;
mod listener;
mod manifest;
mod measure;
mod opening;
mod rate_limit;
mod rotate;
mod slots;
mod verify;
mod work;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::sync::watch;
use tracing::info;

pub(crate) use self::{
    caller::Network, connections::Timeouts, health::Health, measure::HttpMetrics,
    rate_limit::RateLimit, work::Settings,
};
use self::{
    certificate::get_certificate,
    connections::accept,
    health::{get_healthy, get_ready},
    listener::listen,
    measure::measure,
    rotate::rotate,
    verify::verify,
    work::Workshop,
};
use crate::keys::KeyStore;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/v1/cert.pem`, `/v1/verify`, `/v1/rotate`, `/healthz` and `/readyz`. As in Bitnami's controller, the
/// method of a request does not matter.
pub(crate) fn api(
    keys: Arc<KeyStore>,
    health: Arc<Health>,
    settings: Settings,
    metrics: &HttpMetrics,
) -> Router {
    let workshop = Workshop::new(keys.clone(), settings);
    let (verifying, rotating) = (workshop.endpoint(verify), workshop.endpoint(rotate));
    Router::new()
        .route(
            "/v1/cert.pem",
            measured(metrics, "/v1/cert.pem", any(get_certificate).with_state(keys)),
        )
        .route(
            "/v1/verify",
            measured(metrics, "/v1/verify", any(move |request| verifying.answer(request))),
        )
        .route(
            "/v1/rotate",
            measured(metrics, "/v1/rotate", any(move |request| rotating.answer(request))),
        )
        .route("/healthz", any(get_healthy).with_state(health.clone()))
        .route("/readyz", any(get_ready).with_state(health))
        .fallback((StatusCode::NOT_FOUND, "404 page not found\n"))
}

pub(crate) fn metrics(registry: Registry) -> Router {
    Router::new().route("/metrics", get(get_metrics)).with_state(Arc::new(registry))
}

/// Serves a router until `stop` turns true, and then answers the requests that it has received.
pub(crate) async fn serve(
    address: SocketAddr,
    purpose: &'static str,
    router: Router,
    timeouts: Timeouts,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listener = listen(address)?;
    info!(purpose, address = %listener.local_addr()?, "listening");
    accept(listener, router, timeouts, stop).await;
    Ok(())
}

fn measured(metrics: &HttpMetrics, path: &'static str, route: MethodRouter) -> MethodRouter {
    route.layer(from_fn_with_state((metrics.clone(), path), measure))
}

async fn get_metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
