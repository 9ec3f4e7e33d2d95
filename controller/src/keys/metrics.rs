//! Metrics of the sealing keys, measured at each scrape.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::{
    by_secret::ActiveKeys,
    ring::{KeyId, KeyOrder, KeyRing, LoadedKey},
};
use crate::runtime::metrics;

/// Keys that have metrics of their own: the newest ones. A key a month is sixteen years.
pub(crate) const MAX_KEYS: usize = 200;

/// The label of a key.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct KeyLabels {
    pub(crate) key: String,
}

/// Reads the counter of `sealing`.
#[derive(Debug)]
pub(super) struct PrivateKeyOperations;

/// Reads the keys of the store.
pub(super) struct KeyCollector {
    keys: Arc<Mutex<ActiveKeys>>,
    order: KeyOrder,
}

/// The metrics of one key, as seconds.
struct KeyTimes {
    labels: KeyLabels,
    age: Option<f64>,
    expires_at: Option<i64>,
    backup_age: Option<i64>,
}

impl KeyCollector {
    pub(super) fn new(keys: &Arc<Mutex<ActiveKeys>>, order: KeyOrder) -> Self {
        Self { keys: keys.clone(), order }
    }

    /// The number of keys, the number of unusable Secrets, and the times of the newest keys.
    fn measure(&self, now: Timestamp) -> (usize, usize, Vec<KeyTimes>) {
        let keys = self.keys.lock().expect("no holder of the lock panics");
        let by_secret = &keys.by_secret;
        let ring = KeyRing::new(by_secret.values().flatten(), self.order);
        let unusable = by_secret.values().filter(|key| key.is_none()).count();
        let mut secrets = BTreeMap::<KeyId, Vec<&LoadedKey>>::new();
        for key in by_secret.values().flatten() {
            secrets.entry(key.id()).or_default().push(key);
        }
        let times = ring.ids().take(MAX_KEYS).map(|id| KeyTimes::of(id, &secrets[id], now));
        (ring.len(), unusable, times.collect())
    }
}

impl KeyTimes {
    /// Of several Secrets with the same key, the newest certificate and the last backup count.
    fn of(id: &KeyId, secrets: &[&LoadedKey], now: Timestamp) -> Self {
        let certificates = || secrets.iter().filter_map(|secret| secret.key.certificate());
        let started_at = certificates().map(sealing::Certificate::not_before).max();
        let expires_at = certificates().map(sealing::Certificate::not_after).max();
        let backed_up_at = secrets.iter().filter_map(|secret| secret.backed_up_at).max();
        Self {
            labels: KeyLabels { key: id.as_str().to_owned() },
            age: started_at.map(|at| now.duration_since(at).as_secs_f64()),
            expires_at: expires_at.map(Timestamp::as_second),
            backup_age: backed_up_at.map(|at| now.duration_since(at).as_secs()),
        }
    }
}

impl Collector for KeyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (active, unusable, keys) = self.measure(Timestamp::now());
        let count = |count: usize| ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
        let help = "Active sealing keys";
        metrics::encode(&mut encoder, "mtk_controller_sealing_keys", help, &count(active))?;
        let help = "Active key Secrets without a usable key";
        let name = "mtk_controller_sealing_keys_unusable";
        metrics::encode(&mut encoder, name, help, &count(unusable))?;
        let help = "Age in seconds of each sealing key, by the start of its certificate";
        let name = "mtk_controller_sealing_key_age_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        gauges(&mut family, keys.iter().map(|key| (&key.labels, key.age)))?;
        let help = "When the certificate of each sealing key expires";
        let name = "mtk_controller_sealing_key_expiration_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        gauges(&mut family, keys.iter().map(|key| (&key.labels, key.expires_at)))?;
        let help = "Time in seconds since the last backup of each sealing key";
        let name = "mtk_controller_sealing_key_backup_age_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        gauges(&mut family, keys.iter().map(|key| (&key.labels, key.backup_age)))
    }
}

fn gauges<'k, N: prometheus_client::encoding::EncodeGaugeValue>(
    family: &mut MetricEncoder<'_>,
    values: impl Iterator<Item = (&'k KeyLabels, Option<N>)>,
) -> fmt::Result {
    for (labels, value) in values {
        if let Some(value) = value {
            ConstGauge::new(value).encode(family.encode_family(labels)?)?;
        }
    }
    Ok(())
}

impl fmt::Debug for KeyCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCollector")
    }
}

impl Collector for PrivateKeyOperations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let count = ConstCounter::new(sealing::private_key_operations());
        let name = "mtk_controller_private_key_operations";
        metrics::encode(&mut encoder, name, "RSA operations with a private key", &count)
    }
}
