//! What the controller counts. Bitnami's names where the meaning is the same, ours beside them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        counter::ConstCounter, counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge,
    },
    registry::Registry,
};
use tracing::warn;

use crate::{key::ObjectKey, queue::Queue, reason::Reason};

/// Labels of `unseal_errors_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct ErrorLabels {
    reason: &'static str,
    namespace: String,
}

/// Labels of `condition_info`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct ConditionLabels {
    namespace: String,
    name: String,
    condition: &'static str,
}

/// Labels of `api_requests_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct RequestLabels {
    /// `get`, `list`, `watch`, `create`, `patch` or another verb of the API.
    pub verb: &'static str,
    /// The plural, with the subresource: `sealedsecrets/status`.
    pub resource: String,
}

/// All metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Full works begun.
    pub unseal_requests: Counter,
    unseal_errors: Family<ErrorLabels, Counter>,
    conditions: Option<Family<ConditionLabels, Gauge>>,
    /// Requests to the API server.
    pub requests: Family<RequestLabels, Counter>,
    keys: Gauge,
    warned_of_pruning: Arc<AtomicBool>,
}

impl Metrics {
    /// Registers all metrics. Without `object_labels` none has the name of an object.
    pub fn register(registry: &mut Registry, object_labels: bool) -> Self {
        let metrics = Self {
            unseal_requests: Counter::default(),
            unseal_errors: Family::default(),
            conditions: object_labels.then(Family::default),
            requests: Family::default(),
            keys: Gauge::default(),
            warned_of_pruning: Arc::default(),
        };
        let peers = registry.sub_registry_with_prefix("sealed_secrets_controller");
        peers.register(
            "unseal_requests",
            "SealedSecrets whose items were to be opened",
            metrics.unseal_requests.clone(),
        );
        peers.register(
            "unseal_errors",
            "Failed passes by reason and namespace",
            metrics.unseal_errors.clone(),
        );
        if let Some(conditions) = &metrics.conditions {
            peers.register(
                "condition_info",
                "The condition Synced of each SealedSecret: 1 true, -1 false",
                conditions.clone(),
            );
        }
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        ours.register(
            "api_requests",
            "Requests to the API server by verb and resource",
            metrics.requests.clone(),
        );
        ours.register("sealing_keys", "Active sealing keys", metrics.keys.clone());
        metrics
    }

    /// An object is in sync.
    pub fn synced(&self, key: &ObjectKey) {
        self.condition(key, 1);
    }

    /// An object is not in sync.
    pub fn failed(&self, key: &ObjectKey, reason: Reason) {
        let labels = ErrorLabels { reason: reason.as_str(), namespace: key.namespace.clone() };
        self.unseal_errors.get_or_create(&labels).inc();
        self.condition(key, -1);
    }

    /// An object is no more.
    pub fn forget(&self, key: &ObjectKey) {
        if let Some(conditions) = &self.conditions {
            conditions.remove(&labels(key));
        }
    }

    /// How many sealing keys there are.
    pub fn keys(&self, count: usize) {
        self.keys.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Says once that the CRD in the cluster drops the records.
    pub fn note_pruned_record(&self) {
        if !self.warned_of_pruning.swap(true, Ordering::Relaxed) {
            warn!(
                "the CRD of SealedSecrets in this cluster has no field status.fingerprint: each \
                 restart opens every item again; apply our CRD to end that"
            );
        }
    }

    fn condition(&self, key: &ObjectKey, value: i64) {
        if let Some(conditions) = &self.conditions {
            conditions.get_or_create(&labels(key)).set(value);
        }
    }
}

fn labels(key: &ObjectKey) -> ConditionLabels {
    ConditionLabels {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        condition: "Synced",
    }
}

/// What is counted elsewhere and read when asked for.
pub struct Readings(pub Arc<Queue>);

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings")
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = ConstCounter::new(sealing::private_key_operations());
        counter.encode(encoder.encode_descriptor(
            "mtk_controller_private_key_operations",
            "RSA operations with a private key",
            None,
            counter.metric_type(),
        )?)?;
        let length = ConstGauge::new(i64::try_from(self.0.len()).unwrap_or(i64::MAX));
        length.encode(encoder.encode_descriptor(
            "mtk_controller_queue_length",
            "Objects that wait to be looked at, those not due yet included",
            None,
            length.metric_type(),
        )?)?;
        let overdue = ConstGauge::new(self.0.overdue().as_secs_f64());
        overdue.encode(encoder.encode_descriptor(
            "mtk_controller_queue_overdue_seconds",
            "For how long the object that waits longest has been due",
            None,
            overdue.metric_type(),
        )?)
    }
}
