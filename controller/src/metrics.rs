//! What the controller counts. Bitnami's names where the meaning is the same, ours beside them.

pub mod external;

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

use crate::{key::ObjectKey, reason::Reason, runtime::queue::WorkQueue};

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

/// Labels of `workload_restarts_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct RestartLabels {
    outcome: &'static str,
}

/// What became of a change that a workload is to be restarted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RestartOutcome {
    /// It could not be written, and is tried again.
    Failed,
    /// The workload is paused.
    Postponed,
    /// Other software restarts it.
    Skipped,
    /// Its Pods are being replaced.
    Triggered,
}

/// Labels of `workload_watch_forbidden`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct WorkloadLabels {
    resource: &'static str,
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
    restarts: Family<RestartLabels, Counter>,
    restarts_pending: Gauge,
    workloads_forbidden: Family<WorkloadLabels, Gauge>,
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
            restarts: Family::default(),
            restarts_pending: Gauge::default(),
            workloads_forbidden: Family::default(),
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
        ours.register(
            "workload_restarts",
            "What became of changes that a workload is to be restarted for",
            metrics.restarts.clone(),
        );
        ours.register(
            "workload_restarts_pending",
            "Workloads that are to be restarted, and are not yet",
            metrics.restarts_pending.clone(),
        );
        ours.register(
            "workload_watch_forbidden",
            "Whether the controller lacks the right to watch these workloads",
            metrics.workloads_forbidden.clone(),
        );
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

    /// Counts what became of a change.
    pub fn restart(&self, outcome: RestartOutcome) {
        let outcome = match outcome {
            RestartOutcome::Failed => "failed",
            RestartOutcome::Postponed => "postponed",
            RestartOutcome::Skipped => "skipped",
            RestartOutcome::Triggered => "triggered",
        };
        self.restarts.get_or_create(&RestartLabels { outcome }).inc();
    }

    /// How many changes are not acted upon yet.
    pub fn restarts_pending(&self, count: usize) {
        self.restarts_pending.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether the controller may not watch a kind of workloads.
    pub fn workloads_forbidden(&self, resource: &'static str, forbidden: bool) {
        let labels = WorkloadLabels { resource };
        self.workloads_forbidden.get_or_create(&labels).set(i64::from(forbidden));
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
pub struct Readings(pub Arc<WorkQueue>);

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
