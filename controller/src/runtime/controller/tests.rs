use std::sync::Mutex;

use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::*;
use crate::{key::ObjectKey, runtime::clock::Now};

/// The behaviour of the reconcile of an object, by its name.
enum Act {
    Succeed,
    RetryIn(Duration),
    Hang,
    Panic,
}

struct Scripted {
    queue: WorkQueue,
    /// Each reconcile with its time, and each failure.
    log: Mutex<Vec<(String, Duration)>>,
    start: Instant,
}

impl Scripted {
    fn record(&self, what: &str) {
        self.log.lock().unwrap().push((what.to_owned(), self.start.elapsed()));
    }

    fn recorded(&self, what: &str) -> Vec<Duration> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(recorded, _)| recorded == what).map(|(_, at)| *at).collect()
    }
}

impl Controller for Scripted {
    type Key = ObjectKey;
    type Observed = String;
    type Action = Act;

    const NAME: &'static str = "scripted";

    fn queue(&self) -> &WorkQueue {
        &self.queue
    }

    fn observe(&self, key: &ObjectKey) -> Option<String> {
        (key.name != "missing").then(|| key.name.clone())
    }

    fn plan(name: &String, _: Now) -> Act {
        match name.as_str() {
            "hangs" => Act::Hang,
            "panics" => Act::Panic,
            "retries" => Act::RetryIn(Duration::from_secs(7)),
            _ => Act::Succeed,
        }
    }

    async fn apply(&self, _: &ObjectKey, name: String, act: Act) -> Outcome {
        self.record(&name);
        match act {
            Act::Succeed => Outcome::done(),
            Act::RetryIn(delay) => Outcome::requeue(Priority::Retry, delay),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("scripted"),
        }
    }

    async fn fail(&self, key: &ObjectKey, failure: Failure) -> Outcome {
        self.record(&format!("{}: {failure}", key.name));
        Outcome::requeue(Priority::Retry, Duration::from_secs(5))
    }
}

struct Running {
    controller: Arc<Scripted>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    registry: Registry,
}

fn run_with(workers: usize, names: &[&str]) -> Running {
    let mut registry = Registry::default();
    let metrics = ReconcileMetrics::register(&mut registry);
    let queue = WorkQueue::new(workers);
    for name in names {
        let key = ObjectKey { namespace: (*name).to_owned(), name: (*name).to_owned() };
        queue.add(key, Priority::Change, Duration::ZERO);
    }
    let controller = Arc::new(Scripted { queue, log: Mutex::default(), start: Instant::now() });
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    spawn_workers(&mut tasks, &controller, workers, &metrics, &stopped);
    Running { controller, tasks, stop, registry }
}

#[tokio::test(start_paused = true)]
async fn outcome_requeues_the_object() {
    let running = run_with(1, &["retries", "missing", "succeeds"]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let seconds = [0, 7, 14].map(Duration::from_secs);
    assert_eq!(running.controller.recorded("retries").len(), seconds.len());
    assert_eq!(running.controller.recorded("succeeds").len(), 1);
    assert!(running.controller.recorded("missing").is_empty());
}

#[tokio::test(start_paused = true)]
async fn hanging_reconcile_is_stopped_reported_and_retried() {
    let running = run_with(1, &["hangs"]);
    tokio::time::sleep(RECONCILE_TIMEOUT + Duration::from_secs(9)).await;
    let controller = &running.controller;
    let failure = "hangs: Timeout: the reconcile took longer than 120 s";
    let failed = controller.recorded(failure);
    assert_eq!(failed.len(), 1, "{:?}", controller.log.lock().unwrap());
    assert!(failed[0] >= RECONCILE_TIMEOUT);
    assert_eq!(controller.recorded("hangs").len(), 2);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &running.registry).unwrap();
    let counted = "mtk_controller_reconcile_timeouts_total{controller=\"scripted\"} 1";
    assert!(text.contains(counted), "{text}");
}

#[tokio::test(start_paused = true)]
async fn hanging_reconcile_does_not_delay_other_objects() {
    let running = run_with(2, &["hangs", "succeeds"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.controller.recorded("succeeds").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn panicking_reconcile_is_retried_after_a_minute() {
    let running = run_with(1, &["panics", "succeeds"]);
    tokio::time::sleep(Duration::from_secs(75)).await;
    let times = running.controller.recorded("panics");
    assert_eq!(times.len(), 2, "{times:?}");
    assert!(times[1] >= times[0] + PANIC_RETRY_DELAY);
    assert_eq!(running.controller.recorded("succeeds").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stopped_workers_end_the_reconcile_they_began() {
    let mut running = run_with(1, &["hangs"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    running.stop.send_replace(true);
    while running.tasks.join_next().await.is_some() {}
    assert_eq!(running.controller.recorded("hangs").len(), 1);
    assert!(running.controller.start.elapsed() >= RECONCILE_TIMEOUT);
}
