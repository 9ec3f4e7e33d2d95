//! Metrics of requests to AWS. Where External Secrets has a metric with the same meaning, its name
//! is used, next to ours.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};
use tokio::time::Instant;

use crate::{aws::error::ReadError, reason::Reason};

/// The price of a request to Secrets Manager in November 2026.
const DOLLARS_PER_REQUEST: f64 = 0.05 / 10_000.0;
const SECONDS_PER_MONTH: f64 = 730.0 * 3600.0;
/// How long requests are counted before their rate is extrapolated.
const MIN_SAMPLE_SECONDS: f64 = 60.0;

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallOutcome {
    Succeeded,
    Failed(Reason),
}

impl CallOutcome {
    pub(crate) fn of<T>(result: &Result<T, ReadError>) -> Self {
        match result {
            Ok(_) => Self::Succeeded,
            Err(error) => Self::Failed(error.reason),
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ProviderCallLabels {
    provider: &'static str,
    call: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct CallLabels {
    store: String,
    provider: &'static str,
    call: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StoreLabels {
    store: String,
}

/// Counts requests to AWS. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AwsMetrics {
    // A gauge, because this library appends `_total` to every counter, and External Secrets' name
    // has no suffix.
    provider_calls: Family<ProviderCallLabels, Gauge>,
    calls: Family<CallLabels, Counter>,
    served: Family<StoreLabels, Counter>,
    costs: Arc<Mutex<Costs>>,
}

struct Costs {
    since: Instant,
    calls: HashMap<String, u64>,
    /// The labels in use by store, so that a deleted store's series can be removed.
    labels: HashMap<String, HashSet<CallLabels>>,
}

impl AwsMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let costs = Costs { since: Instant::now(), calls: HashMap::new(), labels: HashMap::new() };
        let metrics = Self {
            provider_calls: Family::default(),
            calls: Family::default(),
            served: Family::default(),
            costs: Arc::new(Mutex::new(costs)),
        };
        registry.register(
            "externalsecret_provider_api_calls_count",
            "Requests to providers by provider, call and status",
            metrics.provider_calls.clone(),
        );
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        ours.register(
            "aws_calls",
            "Requests to AWS by store, call and outcome, including STS and batches",
            metrics.calls.clone(),
        );
        ours.register(
            "aws_values_served",
            "Values served to objects; without batching, each would be one request",
            metrics.served.clone(),
        );
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    pub(crate) fn call(
        &self,
        store: &str,
        provider: &'static str,
        call: &'static str,
        outcome: CallOutcome,
    ) {
        let (status, outcome) = match outcome {
            CallOutcome::Succeeded => ("success", "success"),
            CallOutcome::Failed(reason) => ("error", reason.as_str()),
        };
        self.provider_calls.get_or_create(&ProviderCallLabels { provider, call, status }).inc();
        let labels = CallLabels { store: store.to_owned(), provider, call, outcome };
        self.calls.get_or_create(&labels).inc();
        let mut costs = self.costs();
        if provider == "AWS/SecretsManager" {
            *costs.calls.entry(store.to_owned()).or_default() += 1;
        }
        costs.labels.entry(store.to_owned()).or_default().insert(labels);
    }

    /// Removes the series of a deleted store.
    pub(crate) fn forget(&self, store: &str) {
        let mut costs = self.costs();
        costs.calls.remove(store);
        for labels in costs.labels.remove(store).into_iter().flatten() {
            self.calls.remove(&labels);
        }
        self.served.remove(&StoreLabels { store: store.to_owned() });
    }

    /// Counts values that objects got.
    pub(crate) fn values_served(&self, store: &str, count: usize) {
        let labels = StoreLabels { store: store.to_owned() };
        self.served.get_or_create(&labels).inc_by(count as u64);
    }

    fn costs(&self) -> std::sync::MutexGuard<'_, Costs> {
        self.costs.lock().expect("no holder of the lock panics")
    }
}

impl fmt::Debug for AwsMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsMetrics")
    }
}

impl Collector for AwsMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let costs = self.costs();
        let seconds = costs.since.elapsed().as_secs_f64();
        if seconds < MIN_SAMPLE_SECONDS || costs.calls.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "mtk_controller_aws_estimated_monthly_cost_dollars",
            "Monthly cost of the store's requests to Secrets Manager at the average rate since the start",
            None,
            MetricType::Gauge,
        )?;
        for (store, calls) in &costs.calls {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let cost = *calls as f64 / seconds * SECONDS_PER_MONTH * DOLLARS_PER_REQUEST;
            let labels = StoreLabels { store: store.clone() };
            ConstGauge::new(cost).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_counted_under_both_names_and_their_cost_is_estimated() {
        let mut registry = Registry::default();
        let metrics = AwsMetrics::register(&mut registry);
        for _ in 0..100 {
            metrics.call("S", "AWS/SecretsManager", "GetSecretValue", CallOutcome::Succeeded);
        }
        metrics.call("S", "AWS/STS", "AssumeRole", CallOutcome::Failed(Reason::AccessDenied));
        metrics.values_served("S", 2000);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"externalsecret_provider_api_calls_count{provider="AWS/SecretsManager",call="GetSecretValue",status="success"} 100"#,
            r#"mtk_controller_aws_calls_total{store="S",provider="AWS/STS",call="AssumeRole",outcome="AccessDenied"} 1"#,
            r#"mtk_controller_aws_values_served_total{store="S"} 2000"#,
            r#"mtk_controller_aws_estimated_monthly_cost_dollars{store="S"} 0.365"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.forget("S");
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(!text.contains(r#"store="S""#), "{text}");
    }
}
