//! Metrics of SealedSecrets, under the names that Bitnami's controller uses.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::key_usage::KeyUsage;
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::metrics::{FailureMetrics, register},
};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct SealedSecretMetrics {
    pub(crate) unseal_requests: Counter,
    pub(super) key_usage: KeyUsage,
    unseal_errors: FailureMetrics,
    conditions: Option<Family<ConditionLabels, Gauge>>,
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
        let key_usage = KeyUsage::register(registry);
        let registry = registry.sub_registry_with_prefix("sealed_secrets_controller");
        let errors = "Failed reconciles by reason and namespace";
        let conditions = "The condition Synced of each SealedSecret: 1 true, -1 false";
        Self {
            key_usage,
            unseal_requests: register(registry, "unseal_requests", "SealedSecrets to decrypt"),
            unseal_errors: FailureMetrics::register(registry, "unseal_errors", errors),
            conditions: object_labels.then(|| register(registry, "condition_info", conditions)),
        }
    }

    pub(crate) fn synced(&self, key: &ObjectKey) {
        self.set_condition(key, 1);
    }

    pub(crate) fn failed(&self, key: &ObjectKey, reason: Reason) {
        self.unseal_errors.failed(&key.namespace, reason);
        self.set_condition(key, -1);
    }

    /// Forgets a deleted object, and its namespace if that has no other.
    pub(crate) fn forget(&self, key: &ObjectKey, namespace_has_others: impl FnOnce() -> bool) {
        self.unseal_errors.forget(&key.namespace, namespace_has_others);
        if let Some(conditions) = &self.conditions {
            conditions.remove(&labels(key));
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
