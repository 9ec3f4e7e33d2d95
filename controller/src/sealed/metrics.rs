//! Metrics of SealedSecrets, under the names that Bitnami's controller uses.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tracing::warn;

use crate::{key::ObjectKey, reason::Reason};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct SealedSecretMetrics {
    pub(crate) unseal_requests: Counter,
    unseal_errors: Family<ErrorLabels, Counter>,
    conditions: Option<Family<ConditionLabels, Gauge>>,
    warned_of_pruning: Arc<AtomicBool>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ErrorLabels {
    reason: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ConditionLabels {
    namespace: String,
    name: String,
    condition: &'static str,
}

impl SealedSecretMetrics {
    /// Without `object_labels` no metric has the name of an object.
    pub(crate) fn register(registry: &mut Registry, object_labels: bool) -> Self {
        let metrics = Self {
            unseal_requests: Counter::default(),
            unseal_errors: Family::default(),
            conditions: object_labels.then(Family::default),
            warned_of_pruning: Arc::default(),
        };
        let registry = registry.sub_registry_with_prefix("sealed_secrets_controller");
        registry.register(
            "unseal_requests",
            "SealedSecrets to decrypt",
            metrics.unseal_requests.clone(),
        );
        registry.register(
            "unseal_errors",
            "Failed reconciles by reason and namespace",
            metrics.unseal_errors.clone(),
        );
        if let Some(conditions) = &metrics.conditions {
            registry.register(
                "condition_info",
                "The condition Synced of each SealedSecret: 1 true, -1 false",
                conditions.clone(),
            );
        }
        metrics
    }

    pub(crate) fn synced(&self, key: &ObjectKey) {
        self.set_condition(key, 1);
    }

    pub(crate) fn failed(&self, key: &ObjectKey, reason: Reason) {
        let labels = ErrorLabels { reason: reason.as_str(), namespace: key.namespace.clone() };
        self.unseal_errors.get_or_create(&labels).inc();
        self.set_condition(key, -1);
    }

    /// Drops the condition of a deleted object.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        if let Some(conditions) = &self.conditions {
            conditions.remove(&labels(key));
        }
    }

    /// Warns once that the CRD in the cluster drops the records.
    pub(crate) fn note_pruned_record(&self) {
        if !self.warned_of_pruning.swap(true, Ordering::Relaxed) {
            warn!(
                "the CRD of SealedSecrets in this cluster has no field status.fingerprint, so each \
                 restart decrypts every item again. Apply the controller's CRD to avoid that"
            );
        }
    }

    fn set_condition(&self, key: &ObjectKey, value: i64) {
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
