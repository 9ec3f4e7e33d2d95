//! The shape of a controller, and the loop that every controller runs.
//!
//! ```text
//!  watches, time ─▶ WorkQueue ─▶ worker ─▶ observe ─▶ plan ─▶ apply ─▶ Outcome
//!                       ▲                  indexes    pure    writes      │
//!                       └──────────── requeue after a delay ◀─────────────┘
//! ```
//!
//! `plan` is an associated function, so it cannot use a client, a clock or a metric. `apply` is one
//! `match` on the action, and the only step that writes.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tracing::{error, warn};

use super::{
    clock::Now,
    queue::{Priority, WorkQueue},
    reconcile_metrics::{ReconcileMetrics, ReconcileResult},
    stop::stopped,
};
use crate::{
    key::QueueKey,
    reason::{Failure, Reason},
};

/// The controller stops a reconcile that takes longer, so it cannot hold a worker for good.
pub(crate) const RECONCILE_TIMEOUT: Duration = Duration::from_mins(2);
/// When to retry an object whose reconcile panicked.
const PANIC_RETRY_DELAY: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub(crate) struct Outcome {
    /// When to reconcile again, in addition to the next event.
    pub(crate) requeue: Option<(Priority, Duration)>,
    /// For metrics.
    pub(crate) has_failed: bool,
}

impl Outcome {
    /// Waits for the next event.
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// Waits for the next event after a failure.
    pub(crate) fn failed() -> Self {
        Self { requeue: None, has_failed: true }
    }

    /// A retry follows a failure.
    pub(crate) fn requeue(priority: Priority, delay: Duration) -> Self {
        Self { requeue: Some((priority, delay)), has_failed: priority == Priority::Retry }
    }
}

pub(crate) trait Controller: Send + Sync + 'static {
    type Key: QueueKey;
    type Observed: Send + Sync;
    type Action: Send;

    /// The label `controller` of metrics.
    const NAME: &'static str;

    fn queue(&self) -> &WorkQueue<Self::Key>;

    /// Collects the state of the object. None when there is nothing to reconcile.
    fn observe(&self, key: &Self::Key) -> Option<Self::Observed>;

    fn plan(observed: &Self::Observed, now: Now) -> Self::Action;

    fn apply(
        &self,
        key: &Self::Key,
        observed: Self::Observed,
        action: Self::Action,
    ) -> impl Future<Output = Outcome> + Send;

    /// Reports a failure that the reconcile itself could not report, such as its timeout.
    fn fail(&self, key: &Self::Key, failure: Failure) -> impl Future<Output = Outcome> + Send;
}

pub(crate) async fn reconcile<C: Controller>(controller: &C, key: &C::Key) -> Outcome {
    let Some(observed) = controller.observe(key) else { return Outcome::done() };
    let action = C::plan(&observed, Now::read());
    controller.apply(key, observed, action).await
}

/// Starts the workers of a controller. After `stop` turns true, each ends its reconcile and
/// returns.
pub(crate) fn spawn_workers<C: Controller>(
    tasks: &mut JoinSet<()>,
    controller: &Arc<C>,
    workers: usize,
    metrics: &ReconcileMetrics,
    stop: &watch::Receiver<bool>,
) {
    let queue = controller.clone();
    queue.queue().begin();
    metrics.started(C::NAME, workers, move || queue.queue().state());
    for _ in 0..workers {
        let (controller, metrics) = (controller.clone(), metrics.clone());
        let stop = stop.clone();
        tasks.spawn(async move {
            loop {
                let key = tokio::select! {
                    biased;
                    () = stopped(stop.clone()) => return,
                    key = controller.queue().next() => key,
                };
                let outcome = measured(&controller, &key, &metrics).await;
                let queue = controller.queue();
                if let Some((priority, delay)) = outcome.requeue {
                    queue.add(key.clone(), priority, delay);
                }
                queue.done(&key);
            }
        });
    }
}

/// Runs in a separate task: a panic causes a retry of this object, and does not affect others.
async fn measured<C: Controller>(
    controller: &Arc<C>,
    key: &C::Key,
    metrics: &ReconcileMetrics,
) -> Outcome {
    let began = Instant::now();
    metrics.began(C::NAME);
    let reconcile = run(controller.clone(), key.clone(), metrics.clone());
    let outcome = tokio::spawn(reconcile).await.unwrap_or_else(|_| {
        let controller = C::NAME;
        error!(controller, object = %key, "reconcile panicked; please report this bug");
        metrics.panicked(controller);
        Outcome::requeue(Priority::Retry, PANIC_RETRY_DELAY)
    });
    let requeue = outcome.requeue.map(|(_, delay)| delay);
    let result = ReconcileResult { has_failed: outcome.has_failed, requeue };
    metrics.ended(C::NAME, began.elapsed(), result);
    outcome
}

async fn run<C: Controller>(controller: Arc<C>, key: C::Key, metrics: ReconcileMetrics) -> Outcome {
    let outcome = tokio::time::timeout(RECONCILE_TIMEOUT, reconcile(&*controller, &key)).await;
    if let Ok(outcome) = outcome {
        return outcome;
    }
    warn!(controller = C::NAME, object = %key, "reconcile timed out");
    metrics.timed_out(C::NAME);
    let message = format!("the reconcile took longer than {} s", RECONCILE_TIMEOUT.as_secs());
    controller.fail(&key, Failure::new(Reason::Timeout, message)).await
}

/// Adds all objects to the queue once in a period. Objects that are in sync cost no request.
pub(crate) async fn resync<K: QueueKey>(
    queue: &WorkQueue<K>,
    period: Duration,
    keys: impl Fn() -> Vec<K>,
) {
    let mut ticks = tokio::time::interval(period);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        for key in keys() {
            queue.add(key, Priority::Resync, Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests;
