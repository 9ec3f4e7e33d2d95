//! Metrics of requests to AWS. Where External Secrets has a metric with the same meaning, its name
//! is used, next to ours.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::Counter, family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry,
};
use tokio::time::Instant;

use crate::{reason::Reason, runtime::metrics::register};

/// The price of a request to Secrets Manager in November 2026.
const DOLLARS_PER_REQUEST: f64 = 0.05 / 10_000.0;
/// The same of SQS, without the free first million.
const DOLLARS_PER_POLL: f64 = 0.4 / 1_000_000.0;
const SECONDS_PER_MONTH: f64 = 730.0 * 3600.0;
/// How long requests are counted before their rate is extrapolated.
const MIN_SAMPLE_SECONDS: f64 = 60.0;

const SECRETS_MANAGER: &str = "AWS/SecretsManager";
const SQS: &str = "AWS/SQS";

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
#[derive(Clone, Debug)]
pub(crate) struct AwsMetrics {
    // A gauge, because this library appends `_total` to every counter, and External Secrets' name
    // has no suffix.
    provider_calls: Family<ProviderCallLabels, Gauge>,
    calls: Family<CallLabels, Counter>,
    served: Family<StoreLabels, Counter>,
    /// The labels of `calls`, which cannot list them.
    labels: Arc<Mutex<HashSet<CallLabels>>>,
    since: Instant,
}

impl AwsMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let provider_calls = register(
            registry,
            "externalsecret_provider_api_calls_count",
            "Requests to providers by provider, call and status",
        );
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        let calls = "Requests to AWS by store, call and outcome, including STS and batches";
        let served = "Values served to objects; without batching, each would be one request";
        let metrics = Self {
            provider_calls,
            calls: register(ours, "aws_calls", calls),
            served: register(ours, "aws_values_served", served),
            labels: Arc::default(),
            since: Instant::now(),
        };
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts a request with this action of IAM, and why it failed.
    pub(super) fn call(&self, store: &str, action: &'static str, failure: Option<Reason>) {
        let (provider, call) = provider_and_call(action);
        let status = if failure.is_none() { "success" } else { "error" };
        self.provider_calls.get_or_create(&ProviderCallLabels { provider, call, status }).inc();
        let outcome = failure.map_or("success", Reason::as_str);
        let labels = CallLabels { store: store.to_owned(), provider, call, outcome };
        self.calls.get_or_create(&labels).inc();
        self.labels().insert(labels);
    }

    /// Removes the series of a deleted store.
    pub(super) fn forget(&self, store: &str) {
        for labels in self.labels().extract_if(|labels| labels.store == store) {
            self.calls.remove(&labels);
        }
        self.served.remove(&StoreLabels { store: store.to_owned() });
    }

    /// Counts values that objects got.
    pub(super) fn values_served(&self, store: &str, count: usize) {
        let labels = StoreLabels { store: store.to_owned() };
        self.served.get_or_create(&labels).inc_by(count as u64);
    }

    fn labels(&self) -> MutexGuard<'_, HashSet<CallLabels>> {
        self.labels.lock().expect("no holder of the lock panics")
    }
}

impl Collector for AwsMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut costs: BTreeMap<String, f64> = BTreeMap::new();
        for labels in &*self.labels() {
            let price = match labels.provider {
                SECRETS_MANAGER => DOLLARS_PER_REQUEST,
                SQS => DOLLARS_PER_POLL,
                _ => continue,
            };
            let count = self.calls.get(labels).map_or(0, |counter| counter.get());
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let cost = count as f64 * price;
            *costs.entry(labels.store.clone()).or_default() += cost;
        }
        let seconds = self.since.elapsed().as_secs_f64();
        if seconds < MIN_SAMPLE_SECONDS || costs.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "mtk_controller_aws_estimated_monthly_cost_dollars",
            "Monthly cost of requests to Secrets Manager and SQS at the average rate since the start",
            None,
            MetricType::Gauge,
        )?;
        for (store, cost) in costs {
            ConstGauge::new(cost / seconds * SECONDS_PER_MONTH)
                .encode(family.encode_family(&StoreLabels { store })?)?;
        }
        Ok(())
    }
}

/// The names of an action in External Secrets' metrics.
fn provider_and_call(action: &'static str) -> (&'static str, &'static str) {
    match action.split_once(':').unwrap_or_default() {
        ("secretsmanager", call) => (SECRETS_MANAGER, call),
        ("ssm", "DescribeParameters") => ("AWS/ParameterStore", "DescribeParameter"),
        ("sqs", call) => (SQS, call),
        ("ssm", call) => ("AWS/ParameterStore", call),
        (_, call) => ("AWS/STS", call),
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
            metrics.call("S", "secretsmanager:GetSecretValue", None);
        }
        metrics.call("S", "sts:AssumeRole", Some(Reason::AccessDenied));
        (0..180).for_each(|_| metrics.call("Q", "sqs:ReceiveMessage", None));
        metrics.values_served("S", 2000);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"externalsecret_provider_api_calls_count{provider="AWS/SecretsManager",call="GetSecretValue",status="success"} 100"#,
            r#"mtk_controller_aws_calls_total{store="S",provider="AWS/STS",call="AssumeRole",outcome="AccessDenied"} 1"#,
            r#"mtk_controller_aws_values_served_total{store="S"} 2000"#,
            r#"mtk_controller_aws_estimated_monthly_cost_dollars{store="S"} 0.365"#,
            r#"mtk_controller_aws_estimated_monthly_cost_dollars{store="Q"} 0.05"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        metrics.forget("S");
        text.clear();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(!text.contains(r#"store="S""#), "{text}");
    }
}
