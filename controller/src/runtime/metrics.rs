//! Metrics of requests and of the queue.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry,
};

use super::queue::WorkQueue;

/// Requests to the API server. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RequestMetrics(Family<RequestLabels, Counter>);

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct RequestLabels {
    /// `get`, `list`, `watch`, `create`, `patch` or another verb of the API.
    pub(crate) verb: &'static str,
    /// The plural, with the subresource: `sealedsecrets/status`.
    pub(crate) resource: String,
}

/// Reconciles, and those that exceeded their deadline. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ReconcileMetrics {
    total: Family<ControllerLabels, Counter>,
    timeouts: Family<ControllerLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ControllerLabels {
    controller: &'static str,
}

/// Measures the queue of SealedSecrets when it is scraped.
pub(crate) struct QueueMetrics(Arc<WorkQueue>);

impl RequestMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.sub_registry_with_prefix("mtk_controller").register(
            "api_requests",
            "Requests to the API server by verb and resource",
            metrics.0.clone(),
        );
        metrics
    }

    pub(crate) fn count(&self, labels: &RequestLabels) {
        self.0.get_or_create(labels).inc();
    }
}

impl ReconcileMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("mtk_controller");
        registry.register("reconcile", "Reconciles by controller", metrics.total.clone());
        registry.register(
            "reconcile_timeouts",
            "Reconciles stopped at their deadline, by controller",
            metrics.timeouts.clone(),
        );
        metrics
    }

    pub(crate) fn reconciled(&self, controller: &'static str) {
        self.total.get_or_create(&ControllerLabels { controller }).inc();
    }

    pub(crate) fn timed_out(&self, controller: &'static str) {
        self.timeouts.get_or_create(&ControllerLabels { controller }).inc();
    }
}

impl QueueMetrics {
    pub(crate) fn register(registry: &mut Registry, queue: Arc<WorkQueue>) {
        registry.register_collector(Box::new(Self(queue)));
    }
}

impl fmt::Debug for QueueMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueMetrics")
    }
}

impl Collector for QueueMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let length = ConstGauge::new(i64::try_from(self.0.len()).unwrap_or(i64::MAX));
        length.encode(encoder.encode_descriptor(
            "mtk_controller_queue_length",
            "Objects in the queue, including those not due yet",
            None,
            length.metric_type(),
        )?)?;
        let overdue = ConstGauge::new(self.0.oldest_due_age().as_secs_f64());
        overdue.encode(encoder.encode_descriptor(
            "mtk_controller_queue_overdue_seconds",
            "Age in seconds of the oldest due item in the queue",
            None,
            overdue.metric_type(),
        )?)
    }
}
