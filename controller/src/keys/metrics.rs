//! Metrics of sealing keys.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct KeyMetrics(Gauge);

impl KeyMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.sub_registry_with_prefix("mtk_controller").register(
            "sealing_keys",
            "Active sealing keys",
            metrics.0.clone(),
        );
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    pub(super) fn set_active(&self, count: usize) {
        self.0.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl Collector for KeyMetrics {
    /// Reads the count of `sealing` when it is scraped.
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = ConstCounter::new(sealing::private_key_operations());
        counter.encode(encoder.encode_descriptor(
            "mtk_controller_private_key_operations",
            "RSA operations with a private key",
            None,
            counter.metric_type(),
        )?)
    }
}
