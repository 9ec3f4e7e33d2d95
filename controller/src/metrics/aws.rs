//! What reading from AWS takes, and what it would have taken. External Secrets' name where the
//! meaning is the same, ours beside it.

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

use crate::reason::Reason;

/// What a request costs, in dollars (Secrets Manager's price of November 2026).
const PRICE: f64 = 0.05 / 10_000.0;
/// A month of 730 hours, in seconds.
const MONTH: f64 = 730.0 * 3600.0;
/// For how long calls are counted before they say something of a month, in seconds.
const ENOUGH: f64 = 60.0;

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// With an answer.
    Succeeded,
    /// Without.
    Failed(Reason),
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct PeerLabels {
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
pub struct AwsMetrics {
    // The peer's name has no `_total`, which this library gives to every counter.
    peers: Family<PeerLabels, Gauge>,
    calls: Family<CallLabels, Counter>,
    reads: Family<StoreLabels, Counter>,
    costs: Arc<Mutex<Costs>>,
}

struct Costs {
    since: Instant,
    calls: HashMap<String, u64>,
    /// What is counted by store, so that it can be forgotten.
    labels: HashMap<String, HashSet<CallLabels>>,
}

impl AwsMetrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let costs = Costs { since: Instant::now(), calls: HashMap::new(), labels: HashMap::new() };
        let metrics = Self {
            peers: Family::default(),
            calls: Family::default(),
            reads: Family::default(),
            costs: Arc::new(Mutex::new(costs)),
        };
        registry.register(
            "externalsecret_provider_api_calls_count",
            "Requests to providers by provider, call and status",
            metrics.peers.clone(),
        );
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        ours.register(
            "aws_calls",
            "Requests to AWS by store, call and outcome; STS and batches are among them",
            metrics.calls.clone(),
        );
        ours.register(
            "aws_reads",
            "Values that objects were given: without plan, each would be a request",
            metrics.reads.clone(),
        );
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts a request.
    pub fn call(&self, store: &str, provider: &'static str, call: &'static str, outcome: Outcome) {
        let (status, outcome) = match outcome {
            Outcome::Succeeded => ("success", "success"),
            Outcome::Failed(reason) => ("error", reason.as_str()),
        };
        self.peers.get_or_create(&PeerLabels { provider, call, status }).inc();
        let labels = CallLabels { store: store.to_owned(), provider, call, outcome };
        self.calls.get_or_create(&labels).inc();
        let mut costs = self.costs();
        if provider == "AWS/SecretsManager" {
            *costs.calls.entry(store.to_owned()).or_default() += 1;
        }
        costs.labels.entry(store.to_owned()).or_default().insert(labels);
    }

    /// Forgets a store that is no more.
    pub fn forget(&self, store: &str) {
        let mut costs = self.costs();
        costs.calls.remove(store);
        for labels in costs.labels.remove(store).into_iter().flatten() {
            self.calls.remove(&labels);
        }
        self.reads.remove(&StoreLabels { store: store.to_owned() });
    }

    /// Counts values that were given to objects.
    pub fn reads(&self, store: &str, count: usize) {
        let labels = StoreLabels { store: store.to_owned() };
        self.reads.get_or_create(&labels).inc_by(count as u64);
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
        if seconds < ENOUGH || costs.calls.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "mtk_controller_aws_estimated_monthly_cost_dollars",
            "What the store's requests to Secrets Manager would cost in a month at their rate so far",
            None,
            MetricType::Gauge,
        )?;
        for (store, calls) in &costs.calls {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let cost = *calls as f64 / seconds * MONTH * PRICE;
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
    async fn requests_are_counted_under_both_names_and_priced() {
        let mut registry = Registry::default();
        let metrics = AwsMetrics::register(&mut registry);
        for _ in 0..100 {
            metrics.call("S", "AWS/SecretsManager", "GetSecretValue", Outcome::Succeeded);
        }
        metrics.call("S", "AWS/STS", "AssumeRole", Outcome::Failed(Reason::AccessDenied));
        metrics.reads("S", 2000);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"externalsecret_provider_api_calls_count{provider="AWS/SecretsManager",call="GetSecretValue",status="success"} 100"#,
            r#"mtk_controller_aws_calls_total{store="S",provider="AWS/STS",call="AssumeRole",outcome="AccessDenied"} 1"#,
            r#"mtk_controller_aws_reads_total{store="S"} 2000"#,
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
