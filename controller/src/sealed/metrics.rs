//! Metrics of SealedSecrets, under the names that Bitnami's controller uses.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};

use super::key_usage::KeyUsage;
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::metrics::{FailureMetrics, register},
};

const PREFIX: &str = "sealed_secrets_controller";

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct SealedSecretMetrics {
    pub(crate) unseal_requests: Counter,
    pub(super) key_usage: KeyUsage,
    unseal_errors: FailureMetrics,
    conditions: Option<Conditions>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct BuildLabels {
    revision: &'static str,
}

/// The condition `Synced` of each SealedSecret.
#[derive(Clone, Default)]
struct Conditions(Arc<Mutex<HashMap<ObjectKey, State>>>);

#[derive(Default)]
struct State {
    /// The label `app.kubernetes.io/instance` of the object.
    instance: Box<str>,
    /// 1 true, -1 false. None before the first result.
    value: Option<i64>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ConditionLabels {
    namespace: String,
    name: String,
    condition: &'static str,
    ss_app_kubernetes_io_instance: String,
}

impl SealedSecretMetrics {
    /// Without `object_labels` no metric has the name of an object.
    pub(crate) fn register(registry: &mut Registry, object_labels: bool) -> Self {
        let key_usage = KeyUsage::register(registry);
        let conditions = object_labels.then(Conditions::default);
        if let Some(conditions) = &conditions {
            registry.register_collector(Box::new(conditions.clone()));
        }
        let registry = registry.sub_registry_with_prefix(PREFIX);
        let errors = "Failed reconciles by reason and namespace";
        let build: Family<BuildLabels, Gauge> = register(
            registry,
            "build_info",
            "The version; the value is 0, as in Bitnami's controller",
        );
        build.get_or_create(&BuildLabels { revision: env!("CARGO_PKG_VERSION") }).set(0);
        Self {
            key_usage,
            unseal_requests: register(registry, "unseal_requests", "SealedSecrets to decrypt"),
            unseal_errors: FailureMetrics::register(registry, "unseal_errors", errors),
            conditions,
        }
    }

    /// Call this for each SealedSecret that the watch reports.
    pub(crate) fn observed(&self, key: &ObjectKey, instance: Option<&String>) {
        if let Some(conditions) = &self.conditions {
            let instance = instance.map(String::as_str).unwrap_or_default();
            conditions.lock().entry(key.clone()).or_default().instance = instance.into();
        }
    }

    pub(crate) fn synced(&self, key: &ObjectKey) {
        self.set_condition(key, 1);
    }

    pub(crate) fn failed(
        &self,
        key: &ObjectKey,
        reason: Reason,
        namespace_has_objects: impl FnOnce() -> bool,
    ) {
        self.unseal_errors.failed(&key.namespace, reason, namespace_has_objects);
        self.set_condition(key, -1);
    }

    /// Forgets a deleted object, and its namespace if that has no other.
    pub(crate) fn forget(&self, key: &ObjectKey, namespace_has_others: impl FnOnce() -> bool) {
        self.unseal_errors.forget(&key.namespace, namespace_has_others);
        if let Some(conditions) = &self.conditions {
            conditions.lock().remove(key);
        }
    }

    /// A result of an object that was deleted meanwhile adds no series.
    fn set_condition(&self, key: &ObjectKey, value: i64) {
        if let Some(conditions) = &self.conditions
            && let Some(state) = conditions.lock().get_mut(key)
        {
            state.value = Some(value);
        }
    }
}

impl Conditions {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, State>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Conditions")
    }
}

impl Collector for Conditions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let name = "sealed_secrets_controller_condition_info";
        let help = "The condition Synced of each SealedSecret: 1 true, -1 false";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (key, state) in &*self.lock() {
            let Some(value) = state.value else { continue };
            let labels = ConditionLabels {
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                condition: "Synced",
                ss_app_kubernetes_io_instance: state.instance.to_string(),
            };
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn condition_has_the_labels_of_bitnamis_controller() {
        let mut registry = Registry::default();
        let metrics = SealedSecretMetrics::register(&mut registry, true);
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        let shown = || {
            let mut shown = String::new();
            text::encode(&mut shown, &registry).unwrap();
            let lines = shown.lines().filter(|line| line.starts_with(PREFIX));
            lines.filter(|line| line.contains("_info{")).map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let build = format!("{PREFIX}_build_info{{revision=\"{}\"}} 0", env!("CARGO_PKG_VERSION"));
        let condition = |instance: &str, value: i64| {
            format!(
                "{PREFIX}_condition_info{{namespace=\"n\",name=\"s\",condition=\"Synced\",\
                 ss_app_kubernetes_io_instance=\"{instance}\"}} {value}"
            )
        };
        let has = |line: String| shown().contains(&line);
        metrics.synced(&key);
        assert_eq!(shown(), std::slice::from_ref(&build), "no object was reported");
        metrics.observed(&key, None);
        assert_eq!(shown(), std::slice::from_ref(&build), "no result");
        metrics.synced(&key);
        assert!(has(condition("", 1)), "{:?}", shown());
        metrics.observed(&key, Some(&"app".to_owned()));
        metrics.failed(&key, Reason::NotOwned, || true);
        assert!(has(condition("app", -1)), "{:?}", shown());
        assert_eq!(shown().len(), 2, "the series with the old label is gone");
        metrics.forget(&key, || false);
        assert_eq!(shown(), [build]);
    }
}
