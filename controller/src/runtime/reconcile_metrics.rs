//! Metrics of controllers and their queues, with the names, labels and buckets of Kubernetes' controller-runtime, which
//! general dashboards and alerts use.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType, counter::ConstCounter, counter::Counter, family::Family, gauge::ConstGauge,
        gauge::Gauge, histogram::Histogram,
    },
    registry::Registry,
};

use super::{metrics::register, queue::QueueState};

const RECONCILE_SECONDS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9,
    1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0,
    25.0, 30.0, 40.0, 50.0, 60.0,
];
/// The label `result` of reconciles.
const RESULTS: [&str; 4] = ["success", "error", "requeue", "requeue_after"];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ControllerLabels {
    controller: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ResultLabels {
    controller: &'static str,
    result: &'static str,
}

type Counters = Family<ControllerLabels, Counter>;
type Gauges = Family<ControllerLabels, Gauge>;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReconcileMetrics {
    /// Ours: reconciles, and those that exceeded their deadline.
    total: Counters,
    stopped: Counters,
    results: Family<ResultLabels, Counter>,
    errors: Counters,
    terminal_errors: Counters,
    panics: Counters,
    timeouts: Counters,
    seconds: Family<ControllerLabels, Histogram, fn() -> Histogram>,
    active: Gauges,
    workers: Gauges,
    queues: Queues,
}

impl ReconcileMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let queues = Queues::default();
        registry.register_collector(Box::new(queues.clone()));
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        let total = register(ours, "reconcile", "Reconciles by controller");
        let help = "Reconciles stopped at their deadline, by controller";
        let stopped = register(ours, "reconcile_timeouts", help);
        let registry = registry.sub_registry_with_prefix("controller_runtime");
        let new = || Histogram::new(RECONCILE_SECONDS);
        let seconds = Family::new_with_constructor(new as fn() -> Histogram);
        let help = "Duration of reconciles by controller";
        registry.register("reconcile_time_seconds", help, seconds.clone());
        let terminal = "Reconciles that failed and are retried after a change only";
        Self {
            total,
            stopped,
            results: register(registry, "reconcile", "Reconciles by controller and result"),
            errors: register(registry, "reconcile_errors", "Reconciles that failed"),
            terminal_errors: register(registry, "terminal_reconcile_errors", terminal),
            panics: register(registry, "reconcile_panics", "Reconciles that panicked"),
            timeouts: register(registry, "reconcile_timeouts", "Reconciles stopped at a deadline"),
            active: register(registry, "active_workers", "Reconciles that run now"),
            workers: register(registry, "max_concurrent_reconciles", "Workers of a controller"),
            seconds,
            queues,
        }
    }

    /// Call this when a controller starts: its series then exist from the beginning.
    pub(crate) fn started(
        &self,
        controller: &'static str,
        workers: usize,
        queue: impl Fn() -> QueueState + Send + Sync + 'static,
    ) {
        let labels = ControllerLabels { controller };
        for result in RESULTS {
            drop(self.results.get_or_create(&ResultLabels { controller, result }));
        }
        for counters in [&self.errors, &self.terminal_errors, &self.panics, &self.timeouts] {
            drop(counters.get_or_create(&labels));
        }
        drop(self.seconds.get_or_create(&labels));
        drop(self.active.get_or_create(&labels));
        self.workers.get_or_create(&labels).set(i64::try_from(workers).unwrap_or(i64::MAX));
        self.queues.add(controller, Box::new(queue));
    }

    pub(crate) fn began(&self, controller: &'static str) {
        self.active.get_or_create(&ControllerLabels { controller }).inc();
    }

    pub(crate) fn panicked(&self, controller: &'static str) {
        self.panics.get_or_create(&ControllerLabels { controller }).inc();
    }

    pub(crate) fn timed_out(&self, controller: &'static str) {
        for counters in [&self.stopped, &self.timeouts] {
            counters.get_or_create(&ControllerLabels { controller }).inc();
        }
    }

    pub(crate) fn ended(&self, controller: &'static str, took: Duration, result: ReconcileResult) {
        let labels = ControllerLabels { controller };
        self.total.get_or_create(&labels).inc();
        self.active.get_or_create(&labels).dec();
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
        let ReconcileResult { has_failed, requeue } = result;
        let result = match requeue {
            _ if has_failed => "error",
            None => "success",
            Some(Duration::ZERO) => "requeue",
            Some(_) => "requeue_after",
        };
        self.results.get_or_create(&ResultLabels { controller, result }).inc();
        if has_failed {
            self.errors.get_or_create(&labels).inc();
            if requeue.is_none() {
                self.terminal_errors.get_or_create(&labels).inc();
            }
        }
    }
}

/// How a reconcile ended.
#[derive(Clone, Copy)]
pub(crate) struct ReconcileResult {
    pub(crate) has_failed: bool,
    /// When the object is reconciled again without an event.
    pub(crate) requeue: Option<Duration>,
}

/// The queues of all controllers, measured at each scrape.
#[derive(Clone, Default)]
struct Queues(Arc<Mutex<BTreeMap<&'static str, Measure>>>);

/// Reads one metric of a queue.
type Value = fn(&QueueState) -> Box<dyn EncodeMetric>;

type Measure = Box<dyn Fn() -> QueueState + Send + Sync>;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct QueueLabels {
    name: &'static str,
    controller: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DepthLabels {
    name: &'static str,
    controller: &'static str,
    /// Only controller-runtime's own priority queue has one.
    priority: &'static str,
}

impl Queues {
    fn add(&self, controller: &'static str, measure: Measure) {
        self.0.lock().expect("no holder of the lock panics").insert(controller, measure);
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}

impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let queues = self.0.lock().expect("no holder of the lock panics");
        let states: Vec<_> = queues.iter().map(|(name, measure)| (*name, measure())).collect();
        drop(queues);
        let help = "Objects in the queue that are due";
        let mut depth =
            encoder.encode_descriptor("workqueue_depth", help, None, MetricType::Gauge)?;
        for (name, state) in &states {
            let labels = DepthLabels { name, controller: name, priority: "" };
            let due = ConstGauge::new(i64::try_from(state.due).unwrap_or(i64::MAX));
            due.encode(depth.encode_family(&labels)?)?;
        }
        let families: [(&str, &str, MetricType, Value); 6] = [
            ("adds", "Objects added to the queue", MetricType::Counter, |state| {
                Box::new(ConstCounter::new(state.adds))
            }),
            ("retries", "Objects added after a failure", MetricType::Counter, |state| {
                Box::new(ConstCounter::new(state.retries))
            }),
            (
                "queue_duration_seconds",
                "How long due objects waited for a worker",
                MetricType::Histogram,
                |state| Box::new(state.waited.clone()),
            ),
            (
                "work_duration_seconds",
                "How long a worker held an object",
                MetricType::Histogram,
                |state| Box::new(state.worked.clone()),
            ),
            (
                "unfinished_work_seconds",
                "Sum of the ages of running reconciles",
                MetricType::Gauge,
                |state| Box::new(ConstGauge::new(state.unfinished.as_secs_f64())),
            ),
            (
                "longest_running_processor_seconds",
                "Age of the longest running reconcile",
                MetricType::Gauge,
                |state| Box::new(ConstGauge::new(state.longest.as_secs_f64())),
            ),
        ];
        for (name, help, type_, value) in families {
            let name = format!("workqueue_{name}");
            let mut family = encoder.encode_descriptor(&name, help, None, type_)?;
            for (controller, state) in &states {
                let labels = QueueLabels { name: controller, controller };
                value(state).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::{
        key::ObjectKey,
        runtime::queue::{Priority, WorkQueue},
    };

    #[tokio::test(start_paused = true)]
    async fn series_have_the_names_of_controller_runtime() {
        let mut registry = Registry::default();
        let metrics = ReconcileMetrics::register(&mut registry);
        let queue = Arc::new(WorkQueue::new(4));
        let measured = queue.clone();
        metrics.started("sealedsecret", 4, move || measured.state());
        let key = |name: &str| ObjectKey { namespace: "n".into(), name: name.into() };
        queue.add(key("a"), Priority::Change, Duration::ZERO);
        queue.add(key("b"), Priority::Retry, Duration::ZERO);
        queue.add(key("c"), Priority::Resync, Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(2)).await;
        let running = queue.next().await;
        tokio::time::advance(Duration::from_secs(3)).await;
        metrics.began("sealedsecret");
        let second = Some(Duration::from_secs(1));
        for (has_failed, requeue) in [(false, None), (true, None), (true, second), (false, second)]
        {
            metrics.began("sealedsecret");
            let result = ReconcileResult { has_failed, requeue };
            metrics.ended("sealedsecret", Duration::from_millis(30), result);
        }
        let text = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text
        };
        let found = text();
        let queue_labels = r#"{name="sealedsecret",controller="sealedsecret""#;
        for line in [
            r#"mtk_controller_reconcile_total{controller="sealedsecret"} 4"#,
            r#"controller_runtime_reconcile_total{controller="sealedsecret",result="success"} 1"#,
            r#"controller_runtime_reconcile_total{controller="sealedsecret",result="error"} 2"#,
            r#"controller_runtime_reconcile_total{controller="sealedsecret",result="requeue"} 0"#,
            r#"controller_runtime_reconcile_total{controller="sealedsecret",result="requeue_after"} 1"#,
            r#"controller_runtime_reconcile_errors_total{controller="sealedsecret"} 2"#,
            r#"controller_runtime_terminal_reconcile_errors_total{controller="sealedsecret"} 1"#,
            r#"controller_runtime_reconcile_panics_total{controller="sealedsecret"} 0"#,
            r#"controller_runtime_active_workers{controller="sealedsecret"} 1"#,
            r#"controller_runtime_max_concurrent_reconciles{controller="sealedsecret"} 4"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{le="0.05",controller="sealedsecret"} 4"#,
            &format!(r#"workqueue_depth{queue_labels},priority=""}} 1"#),
            &format!("workqueue_adds_total{queue_labels}}} 3"),
            &format!("workqueue_retries_total{queue_labels}}} 1"),
            &format!("workqueue_queue_duration_seconds_sum{queue_labels}}} 2.0"),
            &format!("workqueue_unfinished_work_seconds{queue_labels}}} 3.0"),
            &format!("workqueue_longest_running_processor_seconds{queue_labels}}} 3.0"),
        ] {
            assert!(found.lines().any(|found| found == line), "{line}\n{found}");
        }
        queue.done(&running);
        let line = format!("workqueue_work_duration_seconds_sum{queue_labels}}} 3.0");
        assert!(text().lines().any(|found| found == line), "{}", text());
    }
}
