//! Metrics of reconciles and of the queue.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge},
    registry::{Metric, Registry},
};

use super::queue::WorkQueue;

/// Reconciles, and those that exceeded their deadline. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReconcileMetrics {
    total: Family<ControllerLabels, Counter>,
    timeouts: Family<ControllerLabels, Counter>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ControllerLabels {
    controller: &'static str,
}

/// Measures the queue of SealedSecrets when it is scraped.
pub(crate) struct QueueMetrics(pub(crate) Arc<WorkQueue>);

/// A new metric, and its place in the registry.
pub(crate) fn register<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &str,
    help: &str,
) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Writes a metric that is measured when it is scraped.
pub(crate) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

impl ReconcileMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("mtk_controller");
        let timeouts = "Reconciles stopped at their deadline, by controller";
        Self {
            total: register(registry, "reconcile", "Reconciles by controller"),
            timeouts: register(registry, "reconcile_timeouts", timeouts),
        }
    }

    pub(crate) fn reconciled(&self, controller: &'static str) {
        self.total.get_or_create(&ControllerLabels { controller }).inc();
    }

    pub(crate) fn timed_out(&self, controller: &'static str) {
        self.timeouts.get_or_create(&ControllerLabels { controller }).inc();
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
        let help = "Objects in the queue, including those not due yet";
        encode(&mut encoder, "mtk_controller_queue_length", help, &length)?;
        let overdue = ConstGauge::new(self.0.oldest_due_age().as_secs_f64());
        let help = "Age in seconds of the oldest due item in the queue";
        encode(&mut encoder, "mtk_controller_queue_overdue_seconds", help, &overdue)
    }
}
