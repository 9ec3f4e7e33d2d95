//! Metrics of ExternalSecrets and stores: External Secrets' own, under their names, and ours.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::store::StoreKey;
use crate::{key::ObjectKey, reason::Reason};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ObjectLabels {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ConditionLabels {
    name: String,
    namespace: String,
    condition: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ErrorLabels {
    reason: &'static str,
    namespace: String,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct ExternalMetrics {
    /// The metrics labelled with the name of an ExternalSecret. A flag turns them off.
    objects: Option<Objects>,
    errors: Family<ErrorLabels, Counter>,
    stores: [Family<ConditionLabels, Gauge>; 2],
    store_durations: [Family<ObjectLabels, Gauge>; 2],
}

#[derive(Clone, Default)]
struct Objects {
    calls: Family<ObjectLabels, Counter>,
    errors: Family<ObjectLabels, Gauge>,
    conditions: Family<ConditionLabels, Gauge>,
    durations: Family<ObjectLabels, Gauge>,
    synced: Family<ObjectLabels, Gauge>,
}

impl ExternalMetrics {
    /// Without `object_labels`, no metric is labelled with the name of an ExternalSecret.
    pub(crate) fn register(registry: &mut Registry, object_labels: bool) -> Self {
        let metrics = Self {
            objects: object_labels.then(Objects::default),
            errors: Family::default(),
            stores: Default::default(),
            store_durations: Default::default(),
        };
        if let Some(objects) = &metrics.objects {
            registry.register(
                "externalsecret_sync_calls",
                "Refreshes of each ExternalSecret",
                objects.calls.clone(),
            );
            registry.register(
                "externalsecret_sync_calls_error",
                "Failed refreshes of each ExternalSecret",
                objects.errors.clone(),
            );
            registry.register(
                "externalsecret_status_condition",
                "Conditions of each ExternalSecret: 1 for the current status, 0 for the other",
                objects.conditions.clone(),
            );
            registry.register(
                "externalsecret_reconcile_duration",
                "Duration of the last refresh in nanoseconds",
                objects.durations.clone(),
            );
        }
        let kinds = ["secretstore", "clustersecretstore"].into_iter();
        for (name, (conditions, durations)) in
            kinds.zip(metrics.stores.iter().zip(&metrics.store_durations))
        {
            registry.register(
                format!("{name}_status_condition"),
                "Conditions of each store: 1 for the current status, 0 for the other",
                conditions.clone(),
            );
            registry.register(
                format!("{name}_reconcile_duration"),
                "Duration of the last check of the store in nanoseconds",
                durations.clone(),
            );
        }
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        ours.register(
            "external_errors",
            "Failed refreshes by reason and namespace",
            metrics.errors.clone(),
        );
        if let Some(objects) = &metrics.objects {
            ours.register(
                "external_last_sync_timestamp_seconds",
                "Time of the last successful refresh of each ExternalSecret",
                objects.synced.clone(),
            );
        }
        metrics
    }

    pub(crate) fn refreshed(&self, key: &ObjectKey, took: Duration, failed: Option<Reason>) {
        if let Some(reason) = failed {
            let labels = ErrorLabels { reason: reason.as_str(), namespace: key.namespace.clone() };
            self.errors.get_or_create(&labels).inc();
        }
        let Some(objects) = &self.objects else { return };
        let labels = labels(key);
        objects.calls.get_or_create(&labels).inc();
        let errors = objects.errors.get_or_create_owned(&labels);
        if failed.is_some() {
            errors.inc();
        }
        let nanoseconds = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        objects.durations.get_or_create(&labels).set(nanoseconds);
        set(&objects.conditions, key, failed.is_none());
    }

    pub(crate) fn synced(&self, key: &ObjectKey, at: Timestamp) {
        if let Some(objects) = &self.objects {
            objects.synced.get_or_create(&labels(key)).set(at.as_second());
            set(&objects.conditions, key, true);
        }
    }

    pub(crate) fn forget(&self, key: &ObjectKey) {
        let Some(objects) = &self.objects else { return };
        let labels = labels(key);
        objects.calls.remove(&labels);
        objects.errors.remove(&labels);
        objects.durations.remove(&labels);
        objects.synced.remove(&labels);
        unset(&objects.conditions, key);
    }

    pub(crate) fn store_checked(&self, key: &StoreKey, took: Duration) {
        let nanoseconds = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        let durations = &self.store_durations[usize::from(key.namespace.is_none())];
        durations.get_or_create(&labels(&key.object_key())).set(nanoseconds);
    }

    pub(crate) fn store(&self, key: &StoreKey, ready: bool) {
        set(self.stores(key), &key.object_key(), ready);
    }

    pub(crate) fn forget_store(&self, key: &StoreKey) {
        self.store_durations[usize::from(key.namespace.is_none())]
            .remove(&labels(&key.object_key()));
        unset(self.stores(key), &key.object_key());
    }

    fn stores(&self, key: &StoreKey) -> &Family<ConditionLabels, Gauge> {
        &self.stores[usize::from(key.namespace.is_none())]
    }
}

fn labels(key: &ObjectKey) -> ObjectLabels {
    ObjectLabels { name: key.name.clone(), namespace: key.namespace.clone() }
}

fn condition(key: &ObjectKey, status: &'static str) -> ConditionLabels {
    let ObjectLabels { name, namespace } = labels(key);
    ConditionLabels { name, namespace, condition: "Ready", status }
}

fn set(family: &Family<ConditionLabels, Gauge>, key: &ObjectKey, ready: bool) {
    for (status, is) in [("True", ready), ("False", !ready)] {
        family.get_or_create(&condition(key, status)).set(i64::from(is));
    }
}

fn unset(family: &Family<ConditionLabels, Gauge>, key: &ObjectKey) {
    for status in ["True", "False"] {
        family.remove(&condition(key, status));
    }
}
