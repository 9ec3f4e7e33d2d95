//! Metrics of failures and of the queue of SealedSecrets.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge},
    registry::{Metric, Registry},
};

use super::queue::WorkQueue;
use crate::reason::Reason;

/// Failures of the objects of one kind, by reason and namespace. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FailureMetrics {
    total: Family<FailureLabels, Counter>,
    /// The reasons by namespace: labels of `total`, which cannot list them.
    reasons: Arc<Mutex<HashMap<String, BTreeSet<&'static str>>>>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct FailureLabels {
    reason: &'static str,
    namespace: String,
}

/// Measures the queue of SealedSecrets at each scrape.
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

/// Writes a metric that is measured at each scrape.
pub(crate) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

impl FailureMetrics {
    pub(crate) fn register(registry: &mut Registry, name: &str, help: &str) -> Self {
        Self { total: register(registry, name, help), reasons: Arc::default() }
    }

    /// Counts a failure, unless the namespace has no objects of the kind: an object may be deleted while its
    /// reconcile runs, and nothing would remove its series.
    pub(crate) fn failed(
        &self,
        namespace: &str,
        reason: Reason,
        has_objects: impl FnOnce() -> bool,
    ) {
        let mut reasons = self.reasons();
        if !has_objects() {
            return;
        }
        let reason = reason.as_str();
        reasons.entry(namespace.to_owned()).or_default().insert(reason);
        self.total.get_or_create(&FailureLabels { reason, namespace: namespace.to_owned() }).inc();
    }

    /// Removes the series of a namespace that has no objects of the kind. Otherwise each deleted namespace
    /// would leave series behind.
    pub(crate) fn forget(&self, namespace: &str, has_objects: impl FnOnce() -> bool) {
        // Holds the lock to the end: a failure that is counted meanwhile sees that the objects are gone.
        let mut reasons = self.reasons();
        if !reasons.contains_key(namespace) || has_objects() {
            return;
        }
        for reason in reasons.remove(namespace).into_iter().flatten() {
            self.total.remove(&FailureLabels { reason, namespace: namespace.to_owned() });
        }
    }

    fn reasons(&self) -> MutexGuard<'_, HashMap<String, BTreeSet<&'static str>>> {
        self.reasons.lock().expect("no holder of the lock panics")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_a_namespace_without_objects_are_forgotten() {
        let mut registry = Registry::default();
        let metrics = FailureMetrics::register(&mut registry, "errors", "Failures");
        let shown = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            ["a", "b"].map(|name| text.matches(&format!(r#"namespace="{name}""#)).count())
        };
        for namespace in ["a", "b"] {
            metrics.failed(namespace, Reason::NotFound, || true);
            metrics.failed(namespace, Reason::Malformed, || true);
        }
        metrics.forget("a", || true);
        assert_eq!(shown(), [2, 2]);
        metrics.forget("a", || false);
        assert_eq!(shown(), [0, 2]);
        metrics.forget("a", || panic!("it has no series"));
        // Its reconcile was still running.
        metrics.failed("a", Reason::NotFound, || false);
        assert_eq!(shown(), [0, 2]);
    }
}
