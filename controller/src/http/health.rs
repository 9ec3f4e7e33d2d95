//! `/healthz`: the process responds. `/readyz`: the initial sync is complete, and the queues progress.

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
    response::{IntoResponse, Response},
};

use crate::runtime::queue::WorkQueue;

/// If an object has been due for longer, progress has stopped (external-secrets#6053: a stalled
/// controller looked healthy). A full start with 50,000 objects takes less.
const STALLED_AFTER: Duration = Duration::from_mins(10);

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

    fn not_ready_reason(&self) -> Option<&'static str> {
        if !self.synced.load(Ordering::Relaxed) {
            Some("not ready: initial sync is not complete\n")
        } else if self.queues.iter().any(|queue| queue.oldest_due_age() > STALLED_AFTER) {
            Some("not ready: work queue is stalled\n")
        } else {
            None
        }
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(health): State<Arc<Health>>) -> Response {
    match health.not_ready_reason() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ObjectKey, runtime::queue::Priority};

    #[tokio::test(start_paused = true)]
    async fn readiness_ends_when_progress_stops() {
        let queue = Arc::new(WorkQueue::new(1));
        let health = Health::new(vec![queue.clone()]);
        assert!(health.not_ready_reason().is_some());
        health.set_synced();
        assert_eq!(health.not_ready_reason(), None);
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        queue.add(key, Priority::Change, Duration::ZERO);
        tokio::time::advance(STALLED_AFTER).await;
        assert_eq!(health.not_ready_reason(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.not_ready_reason().is_some());
    }
}
