//! `/healthz` and `/readyz`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use crate::runtime::queue::WorkQueue;

/// When an object is due and no reconcile ends for this long, progress has stopped
/// (external-secrets#6053: a stalled controller looked healthy). One reconcile takes two minutes at most.
const STALLED_AFTER: Duration = Duration::from_mins(15);

/// Whether the initial sync is complete, and whether the queues progress.
pub(crate) struct Health {
    synced: AtomicBool,
    queues: Vec<Arc<WorkQueue>>,
}

impl Health {
    pub(crate) fn new(queues: Vec<Arc<WorkQueue>>) -> Self {
        Self { synced: AtomicBool::new(false), queues }
    }

    /// Call this when all watches have delivered their lists and the keys are loaded.
    pub(crate) fn set_synced(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    /// Overdue objects do not count: the certificate that this Service serves does not depend on them.
    fn is_ready(&self) -> bool {
        self.synced.load(Ordering::Relaxed)
    }

    /// Whether progress has stopped, so that a restart may help.
    fn is_stalled(&self) -> bool {
        self.is_ready() && self.queues.iter().any(|queue| queue.is_stalled(STALLED_AFTER))
    }
}

pub(super) async fn get_healthy(State(health): State<Arc<Health>>) -> Response {
    if health.is_stalled() {
        let message = "not healthy: no reconcile has ended for 15 minutes\n";
        return (StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    }
    "ok\n".into_response()
}

pub(super) async fn get_ready(State(health): State<Arc<Health>>) -> Response {
    if health.is_ready() {
        return "ok\n".into_response();
    }
    let message = "not ready: initial sync is not complete\n";
    (StatusCode::SERVICE_UNAVAILABLE, message).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ObjectKey, runtime::queue::Priority};

    #[tokio::test(start_paused = true)]
    async fn overdue_objects_end_liveness_only_without_progress() {
        let queue = Arc::new(WorkQueue::new(1));
        let health = Health::new(vec![queue.clone()]);
        let key = |name: &str| ObjectKey { namespace: "n".into(), name: name.into() };
        for name in ["a", "b"] {
            queue.add(key(name), Priority::Change, Duration::ZERO);
        }
        tokio::time::advance(2 * STALLED_AFTER).await;
        assert!(!health.is_ready() && !health.is_stalled(), "the start may take longer");
        health.set_synced();
        assert!(health.is_ready(), "the certificate stays available");
        assert!(health.is_stalled());
        let done = queue.next().await;
        queue.done(&done);
        assert!(!health.is_stalled(), "there is progress");
        tokio::time::advance(STALLED_AFTER + Duration::from_secs(1)).await;
        assert!(health.is_ready() && health.is_stalled());
    }
}
