//! Metrics of ExternalSecrets and stores: External Secrets' own, under their names, and ours.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};

use super::{paths::EventMode, store::StoreKey};
use crate::{
    aws::VersionChecks,
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
    /// Held while a result is recorded, and while the series of a deleted object are removed.
    turn: Arc<Mutex<()>>,
    stores: KindMetrics,
    cluster_stores: KindMetrics,
    event_wakes: Counter,
    proofs: Proofs,
    events_proved: Family<ObjectLabels, Gauge>,
    version_checks: Family<ObjectLabels, Gauge>,
}

/// When the values of each object with an interval were last proved, by namespace. Cheap to clone.
#[derive(Clone, Debug, Default)]
struct Proofs(Arc<Mutex<HashMap<String, HashMap<String, Timestamp>>>>);

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct NamespaceLabels {
    namespace: String,
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
        let checks = "Whether AWS tells the versions of each store without the values";
        let version_checks = register(ours, "external_store_version_checks", checks);
        let mut stores =
            |kind| KindMetrics::register(registry, kind, "store", "check of the store");
        let [stores, cluster_stores] = ["secretstore", "clustersecretstore"].map(&mut stores);
        let objects = object_labels.then(|| ObjectMetrics::register(registry));
        let proofs = Proofs::default();
        registry.register_collector(Box::new(proofs.clone()));
        Self {
            objects,
            errors,
            turn: Arc::default(),
            stores,
            cluster_stores,
            event_wakes,
            proofs,
            events_proved,
            version_checks,
        }
    }

    /// Records results of an object or a store, unless it was deleted meanwhile: nothing would remove its series.
    pub(crate) fn record(&self, exists: impl FnOnce() -> bool, record: impl FnOnce(&Self)) {
        let _turn = self.turn();
        if exists() {
            record(self);
        }
    }

    pub(crate) fn set_events_proved(&self, key: &StoreKey, mode: &EventMode) {
        if *mode != EventMode::Off {
            let proved = self.events_proved.get_or_create_owned(&labels(&key.object_key()));
            proved.set((*mode == EventMode::Proved).into());
        }
    }

    pub(crate) fn set_version_checks(&self, key: &StoreKey, checks: VersionChecks) {
        if checks != VersionChecks::Unknown {
            let gauge = self.version_checks.get_or_create_owned(&labels(&key.object_key()));
            gauge.set((checks == VersionChecks::Work).into());
        }
    }

    pub(crate) fn woken(&self, objects: usize) {
        self.event_wakes.inc_by(objects as u64);
    }

    pub(crate) fn refreshed(&self, key: &ObjectKey, took: Duration, failed: Option<Reason>) {
        if let Some(reason) = failed {
            self.errors.failed(&key.namespace, reason, || true);
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

    /// Records when the values of an object were last proved. None if it has no interval.
    pub(crate) fn set_proof(&self, key: &ObjectKey, at: Option<Timestamp>) {
        self.proofs.set(key, at);
    }

    /// Forgets a deleted object, and its namespace if that has no other.
    pub(crate) fn forget(&self, key: &ObjectKey, namespace_has_others: impl FnOnce() -> bool) {
        let _turn = self.turn();
        self.errors.forget(&key.namespace, namespace_has_others);
        self.proofs.set(key, None);
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
        let _turn = self.turn();
        self.stores(key).forget(&key.object_key());
        self.events_proved.remove(&labels(&key.object_key()));
        self.version_checks.remove(&labels(&key.object_key()));
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().expect("no holder of the lock panics")
    }

    fn stores(&self, key: &StoreKey) -> &KindMetrics {
        if key.is_cluster_store() { &self.cluster_stores } else { &self.stores }
    }
}

impl Proofs {
    fn set(&self, key: &ObjectKey, at: Option<Timestamp>) {
        let mut all = self.lock();
        if let Some(at) = at {
            let proofs = all.entry(key.namespace.clone()).or_default();
            proofs.insert(key.name.clone(), at);
        } else if let Some(proofs) = all.get_mut(&key.namespace) {
            proofs.remove(&key.name);
            if proofs.is_empty() {
                all.remove(&key.namespace);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Timestamp>>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Collector for Proofs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (all, now) = (self.lock(), Timestamp::now());
        if all.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "mtk_controller_external_oldest_proof_age_seconds",
            "Time since the last proof of the ExternalSecret whose values were unproved for longest",
            None,
            MetricType::Gauge,
        )?;
        for (namespace, proofs) in &*all {
            let Some(oldest) = proofs.values().min() else { continue };
            let labels = NamespaceLabels { namespace: namespace.clone() };
            let age = now.duration_since(*oldest).as_secs();
            ConstGauge::new(age).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn oldest_proof_of_a_namespace_has_its_age() {
        let mut registry = Registry::default();
        let metrics = ExternalMetrics::register(&mut registry, false);
        let key = |namespace: &str, name: &str| ObjectKey {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let ago = |hours| Some(Timestamp::now() - SignedDuration::from_hours(hours));
        let age = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            let line = text.lines().find(|line| {
                line.starts_with(
                    "mtk_controller_external_oldest_proof_age_seconds{namespace=\"n\"}",
                )
            });
            line.and_then(|line| line.rsplit(' ').next()?.parse::<i64>().ok())
        };
        metrics.set_proof(&key("n", "old"), ago(3));
        metrics.set_proof(&key("n", "new"), ago(1));
        metrics.set_proof(&key("other", "older"), ago(9));
        assert!(age().unwrap().abs_diff(3 * 3600) < 60);
        metrics.forget(&key("n", "old"), || true);
        assert!(age().unwrap().abs_diff(3600) < 60);
        metrics.set_proof(&key("n", "new"), None);
        assert_eq!(age(), None);
    }

    #[test]
    fn late_result_of_a_deleted_object_adds_no_series() {
        let mut registry = Registry::default();
        let metrics = ExternalMetrics::register(&mut registry, true);
        let key = ObjectKey { namespace: "n".to_owned(), name: "s".to_owned() };
        let record = |exists: bool| {
            let took = Duration::from_secs(1);
            metrics.record(
                || exists,
                |metrics| {
                    metrics.refreshed(&key, took, Some(Reason::NotFound));
                    metrics.synced(&key, Timestamp::now());
                    metrics.set_proof(&key, Some(Timestamp::now()));
                },
            );
        };
        let series = || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text.matches("namespace=\"n\"").count()
        };
        record(true);
        assert!(series() > 5);
        metrics.forget(&key, || false);
        record(false);
        assert_eq!(series(), 0);
    }
}
