//! Metrics of requests, under the names that Bitnami's controller uses.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// The upper bounds of buckets, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const METHODS: [&str; 10] =
    ["connect", "delete", "get", "head", "notify", "options", "patch", "post", "put", "trace"];

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    path: &'static str,
    code: u16,
    method: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DurationLabels {
    path: &'static str,
    method: &'static str,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("sealed_secrets_controller");
        let requests = Family::default();
        registry.register(
            "http_requests",
            "HTTP requests by path, code and method",
            requests.clone(),
        );
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let help = "Duration of HTTP requests in seconds";
        registry.register("http_request_duration_seconds", help, durations.clone());
        Self { requests, durations }
    }
}

/// Measures the requests of one path.
pub(super) async fn measure(
    State((metrics, path)): State<(HttpMetrics, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let sent = request.method().as_str().to_ascii_lowercase();
    let method = METHODS.into_iter().find(|known| *known == sent).unwrap_or("unknown");
    let started = Instant::now();
    let response = next.run(request).await;
    let took = started.elapsed().as_secs_f64();
    metrics.durations.get_or_create(&DurationLabels { path, method }).observe(took);
    let code = response.status().as_u16();
    metrics.requests.get_or_create(&RequestLabels { path, code, method }).inc();
    response
}
