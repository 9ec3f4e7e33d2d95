//! Metrics of ExternalSecrets and stores: External Secrets' own, under their names, and ours.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{paths::EventMode, store::StoreKey};
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::metrics::{FailureMetrics, register},
};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ObjectLabels {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ConditionLabels {
    #[prometheus(flatten)]
    object: ObjectLabels,
    condition: &'static str,
    status: &'static str,
}

#[derive(Clone)]
pub(crate) struct ExternalMetrics {
    /// The metrics labelled with the name of an ExternalSecret. A flag turns them off.
    objects: Option<ObjectMetrics>,
    errors: FailureMetrics,
    stores: KindMetrics,
    cluster_stores: KindMetrics,
    event_wakes: Counter,
    events_proved: Family<ObjectLabels, Gauge>,
}

#[derive(Clone)]
struct ObjectMetrics {
    kind: KindMetrics,
    calls: Family<ObjectLabels, Counter>,
    errors: Family<ObjectLabels, Gauge>,
    synced: Family<ObjectLabels, Gauge>,
}

#[derive(Clone)]
struct KindMetrics {
    conditions: Family<ConditionLabels, Gauge>,
    durations: Family<ObjectLabels, Gauge>,
}

impl ExternalMetrics {
    pub(crate) fn register(registry: &mut Registry, object_labels: bool) -> Self {
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        let errors = "Failed refreshes by reason and namespace";
        let errors = FailureMetrics::register(ours, "external_errors", errors);
        let wakes = "ExternalSecrets that an event of AWS woke";
        let event_wakes = register(ours, "external_event_wakes", wakes);
        let proved = "Whether events announce the changes of each store with a queue";
        let events_proved = register(ours, "external_store_events_proved", proved);
        let mut stores =
            |kind| KindMetrics::register(registry, kind, "store", "check of the store");
        let [stores, cluster_stores] = ["secretstore", "clustersecretstore"].map(&mut stores);
        let objects = object_labels.then(|| ObjectMetrics::register(registry));
        Self { objects, errors, stores, cluster_stores, event_wakes, events_proved }
    }

    pub(crate) fn set_events_proved(&self, key: &StoreKey, mode: &EventMode) {
        if *mode != EventMode::Off {
            let proved = self.events_proved.get_or_create_owned(&labels(&key.object_key()));
            proved.set((*mode == EventMode::Proved).into());
        }
    }

    pub(crate) fn woken(&self, objects: usize) {
        self.event_wakes.inc_by(objects as u64);
    }

    pub(crate) fn refreshed(&self, key: &ObjectKey, took: Duration, failed: Option<Reason>) {
        if let Some(reason) = failed {
            self.errors.failed(&key.namespace, reason);
        }
        let Some(objects) = &self.objects else { return };
        let labels = labels(key);
        objects.calls.get_or_create(&labels).inc();
        let errors = objects.errors.get_or_create_owned(&labels);
        if failed.is_some() {
            errors.inc();
        }
        objects.kind.set_duration(key, took);
        objects.kind.set_ready(key, failed.is_none());
    }

    pub(crate) fn synced(&self, key: &ObjectKey, at: Timestamp) {
        if let Some(objects) = &self.objects {
            objects.synced.get_or_create(&labels(key)).set(at.as_second());
            objects.kind.set_ready(key, true);
        }
    }

    /// Forgets a deleted object, and its namespace if that has no other.
    pub(crate) fn forget(&self, key: &ObjectKey, namespace_has_others: impl FnOnce() -> bool) {
        self.errors.forget(&key.namespace, namespace_has_others);
        let Some(objects) = &self.objects else { return };
        let labels = labels(key);
        objects.calls.remove(&labels);
        objects.errors.remove(&labels);
        objects.synced.remove(&labels);
        objects.kind.forget(key);
    }

    pub(crate) fn store_checked(&self, key: &StoreKey, is_ready: bool, took: Duration) {
        self.stores(key).set_duration(&key.object_key(), took);
        self.set_store_ready(key, is_ready);
    }

    pub(crate) fn set_store_ready(&self, key: &StoreKey, is_ready: bool) {
        self.stores(key).set_ready(&key.object_key(), is_ready);
    }

    pub(crate) fn forget_store(&self, key: &StoreKey) {
        self.stores(key).forget(&key.object_key());
        self.events_proved.remove(&labels(&key.object_key()));
    }

    fn stores(&self, key: &StoreKey) -> &KindMetrics {
        if key.is_cluster_store() { &self.cluster_stores } else { &self.stores }
    }
}

impl ObjectMetrics {
    fn register(registry: &mut Registry) -> Self {
        let kind = KindMetrics::register(registry, "externalsecret", "ExternalSecret", "refresh");
        let help = "Refreshes of each ExternalSecret";
        let calls = register(registry, "externalsecret_sync_calls", help);
        let help = "Failed refreshes of each ExternalSecret";
        let errors = register(registry, "externalsecret_sync_calls_error", help);
        let help =
            "Time when the values of each ExternalSecret were last read or seen to be unchanged";
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        let synced = register(ours, "external_last_sync_timestamp_seconds", help);
        Self { kind, calls, errors, synced }
    }
}

impl KindMetrics {
    fn register(registry: &mut Registry, prefix: &str, kind: &str, action: &str) -> Self {
        let help = format!("Conditions of each {kind}: 1 for the current status, 0 for the other");
        let conditions = register(registry, &format!("{prefix}_status_condition"), &help);
        let help = format!("Duration of the last {action} in nanoseconds");
        let durations = register(registry, &format!("{prefix}_reconcile_duration"), &help);
        Self { conditions, durations }
    }

    fn set_duration(&self, key: &ObjectKey, took: Duration) {
        let nanoseconds = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
        self.durations.get_or_create(&labels(key)).set(nanoseconds);
    }

    fn set_ready(&self, key: &ObjectKey, is_ready: bool) {
        for (status, is) in [("True", is_ready), ("False", !is_ready)] {
            self.conditions.get_or_create(&ready(key, status)).set(i64::from(is));
        }
    }

    fn forget(&self, key: &ObjectKey) {
        self.durations.remove(&labels(key));
        for status in ["True", "False"] {
            self.conditions.remove(&ready(key, status));
        }
    }
}

fn labels(key: &ObjectKey) -> ObjectLabels {
    ObjectLabels { name: key.name.clone(), namespace: key.namespace.clone() }
}

fn ready(key: &ObjectKey, status: &'static str) -> ConditionLabels {
    ConditionLabels { object: labels(key), condition: "Ready", status }
}
