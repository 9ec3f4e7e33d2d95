//! The HTTP endpoints: the certificate, checks and rotation of SealedSecrets, health, and metrics. They
//! cannot reach the template engine. A client never learns why an item does not open.

mod access;
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
mod tls;
mod verify;
mod work;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get},
};
use kube::Client;
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::sync::watch;
use tracing::info;

use self::{
    access::{Access, authorize},
    certificate::get_certificate,
    connections::accept,
    health::{get_healthy, get_ready},
    listener::listen,
    measure::measure,
    rotate::rotate,
    verify::verify,
    work::Workshop,
};
pub(crate) use self::{
    caller::Network, connections::Timeouts, health::Health, measure::HttpMetrics,
    rate_limit::RateLimit, tls::Certificate, work::Settings,
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

/// How an endpoint is protected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Protection {
    None,
    Tls {
        certificate: Certificate,
        /// Whether the API server decides who may read.
        authorizes: bool,
    },
}

impl Protection {
    fn authorizes(&self) -> bool {
        matches!(self, Self::Tls { authorizes: true, .. })
    }
}

pub(crate) fn metrics(registry: Registry, protection: &Protection, client: &Client) -> Router {
    let route = get(get_metrics).with_state(Arc::new(registry));
    let router = Router::new();
    if !protection.authorizes() {
        return router.route("/metrics", route);
    }
    let access = Arc::new(Access::new(client.clone()));
    router.route("/metrics", route.layer(from_fn_with_state(access, authorize)))
}

/// Serves a router until `stop` turns true, and then answers the requests that it has received.
pub(crate) async fn serve(
    address: SocketAddr,
    purpose: &'static str,
    router: Router,
    protection: Protection,
    timeouts: Timeouts,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let acceptor = match protection {
        Protection::None => None,
        Protection::Tls { certificate, .. } => Some(tls::acceptor(certificate)?),
    };
    let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
    info!(purpose, address = %listener.local_addr()?, tls = acceptor.is_some(), "listening");
    accept(listener, router, acceptor, timeouts, stop).await;
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
