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

#[cfg(test)]
mod tests {
    use crds::SealedSecret;
    use sealing::SealingKey;

    use super::*;
    use crate::{reason::Reason, runtime::MacKey, sealed::record::Record};

    const KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");

    #[test]
    fn only_objects_in_sync_and_active_keys_count() {
        let ring = KeyRing::of_one(SealingKey::from_pem(KEY, None).unwrap());
        let id = ring.ids().next().cloned().unwrap();
        let mac_key = MacKey::from_bytes(&[7; MacKey::BYTES]).unwrap();
        let mac = || mac_key.mac("test", [[0].as_slice()]);
        // The user who may write the status may name any key there.
        let keys = vec![id.clone(), KeyId::from_text("forged")];
        let record = || Record { keys: keys.clone(), inputs: mac(), content: mac() };
        let object: SealedSecret = serde_json::from_str(r#"{"metadata":{},"spec":{}}"#).unwrap();
        let objects = ObjectIndex::default();
        let names = [("synced", None), ("other", None), ("failed", Some(Reason::UnknownKey))];
        for (name, failed) in names {
            let applied = Some(record());
            let entry =
                SealedSecretEntry { applied, failed, ..SealedSecretEntry::of(&mac_key, &object) };
            objects.insert(ObjectKey { namespace: "n".to_owned(), name: name.to_owned() }, entry);
        }
        assert_eq!(objects_by_key(&ring, &objects), BTreeMap::from([(id, 2)]));
    }
}
