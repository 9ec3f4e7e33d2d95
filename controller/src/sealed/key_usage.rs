//! The number of SealedSecrets that each sealing key opened, measured at each scrape.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};

use super::index::SealedSecretEntry;
use crate::{
    key::ObjectKey,
    keys::{KeyId, KeyLabels, KeyRing, MAX_KEYS},
    runtime::ObjectIndex,
};

type Count = dyn Fn() -> BTreeMap<KeyId, i64> + Send + Sync;

/// Counts objects once there is a controller. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct KeyUsage(Arc<OnceLock<Box<Count>>>);

impl KeyUsage {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let usage = Self::default();
        registry.register_collector(Box::new(usage.clone()));
        usage
    }

    /// Only the first call has an effect.
    pub(crate) fn measure(&self, count: impl Fn() -> BTreeMap<KeyId, i64> + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(count));
    }
}

/// The objects in sync that each of the newest keys opened. A status may name any key, so keys that are
/// not in the ring do not count.
pub(super) fn objects_by_key(
    ring: &KeyRing,
    objects: &ObjectIndex<ObjectKey, SealedSecretEntry>,
) -> BTreeMap<KeyId, i64> {
    let mut counts: BTreeMap<_, _> = ring.ids().take(MAX_KEYS).map(|id| (id.clone(), 0)).collect();
    objects.for_each(|_, entry| {
        let record = entry.applied.as_ref().filter(|_| entry.failed.is_none());
        for id in record.into_iter().flat_map(|record| &record.keys) {
            if let Some(count) = counts.get_mut(id) {
                *count += 1;
            }
        }
    });
    counts
}

impl Collector for KeyUsage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(count) = self.0.get() else { return Ok(()) };
        let name = "mtk_controller_sealing_key_objects";
        let help = "SealedSecrets in sync with items of each sealing key";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (id, count) in count() {
            let labels = KeyLabels { key: id.as_str().to_owned() };
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyUsage")
    }
}
