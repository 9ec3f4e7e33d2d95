//! The loop that every controller runs: take an object from the queue, reconcile it, requeue it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tracing::{error, warn};

use super::{
    controller::{Controller, Outcome, reconcile},
    metrics::ReconcileMetrics,
    queue::{Priority, WorkQueue},
};
use crate::{
    key::QueueKey,
    reason::{Failure, Reason},
};

/// A reconcile that takes longer is stopped, so that it cannot hold a worker for good.
pub(crate) const RECONCILE_TIMEOUT: Duration = Duration::from_mins(2);
/// When an object whose reconcile panicked is retried.
const PANIC_RETRY_DELAY: Duration = Duration::from_mins(1);

/// Starts the workers of a controller. After `stop` turns true, each ends its reconcile and
/// returns.
pub(crate) fn spawn_workers<C: Controller>(
    tasks: &mut JoinSet<()>,
    controller: &Arc<C>,
    workers: usize,
    metrics: &ReconcileMetrics,
    stop: &watch::Receiver<bool>,
) {
    for _ in 0..workers {
        let (controller, metrics) = (controller.clone(), metrics.clone());
        let mut stop = stop.clone();
        tasks.spawn(async move {
            loop {
                let key = tokio::select! {
                    biased;
                    // An error means that the sender is gone, which stops as well.
                    _ = stop.wait_for(|stop| *stop) => return,
                    key = controller.queue().next() => key,
                };
                // In a task of its own: a panic costs this object a retry, and others nothing.
                let reconcile = run(controller.clone(), key.clone(), metrics.clone());
                let outcome = tokio::spawn(reconcile).await.unwrap_or_else(|_| {
                    let controller = C::NAME;
                    error!(controller, object = %key, "reconcile panicked; please report this bug");
                    Outcome::requeue(Priority::Retry, PANIC_RETRY_DELAY)
                });
                let queue = controller.queue();
                if let Some((priority, delay)) = outcome.requeue {
                    queue.add(key.clone(), priority, delay);
                }
                queue.done(&key);
            }
        });
    }
}

async fn run<C: Controller>(controller: Arc<C>, key: C::Key, metrics: ReconcileMetrics) -> Outcome {
    let outcome = tokio::time::timeout(RECONCILE_TIMEOUT, reconcile(&*controller, &key)).await;
    metrics.reconciled(C::NAME);
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
