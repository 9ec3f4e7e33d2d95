//! Metrics of SealedSecrets, under the names that Bitnami's controller uses.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{key::ObjectKey, reason::Reason, runtime::metrics::register};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct SealedSecretMetrics {
    pub(crate) unseal_requests: Counter,
    unseal_errors: Family<ErrorLabels, Counter>,
    conditions: Option<Family<ConditionLabels, Gauge>>,
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
        let registry = registry.sub_registry_with_prefix("sealed_secrets_controller");
        let errors = "Failed reconciles by reason and namespace";
        let conditions = "The condition Synced of each SealedSecret: 1 true, -1 false";
        Self {
            unseal_requests: register(registry, "unseal_requests", "SealedSecrets to decrypt"),
            unseal_errors: register(registry, "unseal_errors", errors),
            conditions: object_labels.then(|| register(registry, "condition_info", conditions)),
        }
    }

    pub(crate) fn synced(&self, key: &ObjectKey) {
        self.set_condition(key, 1);
    }

    pub(crate) fn failed(&self, key: &ObjectKey, reason: Reason) {
        let labels = ErrorLabels { reason: reason.as_str(), namespace: key.namespace.clone() };
        self.unseal_errors.get_or_create(&labels).inc();
        self.set_condition(key, -1);
    }

    pub(crate) fn forget(&self, key: &ObjectKey) {
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
