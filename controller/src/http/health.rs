//! `/healthz`: the process answers. `/readyz`: it knows the cluster, and work gets done.

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

use super::Endpoints;
use crate::runtime::queue::WorkQueue;

/// An object that is due for longer means that progress has stopped (external-secrets#6053: a
/// controller that stood still looked healthy). A full start with 50,000 objects takes less.
const STALLED_AFTER: Duration = Duration::from_mins(10);

/// What readiness depends on.
pub struct Health {
    synced: AtomicBool,
    queues: Vec<Arc<WorkQueue>>,
}

impl Health {
    /// Not ready yet.
    pub fn new(queues: Vec<Arc<WorkQueue>>) -> Self {
        Self { synced: AtomicBool::new(false), queues }
    }

    /// All watches have seen everything once, and the keys are loaded.
    pub fn set_synced(&self) {
        self.synced.store(true, Ordering::Relaxed);
    }

    /// Why it is not ready.
    fn complaint(&self) -> Option<&'static str> {
        if !self.synced.load(Ordering::Relaxed) {
            Some("not ready: the cluster was not seen in full yet\n")
        } else if self.queues.iter().any(|queue| queue.overdue() > STALLED_AFTER) {
            Some("not ready: objects wait and none is worked on\n")
        } else {
            None
        }
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(endpoints): State<Endpoints>) -> Response {
    match endpoints.health.complaint() {
        None => "ok\n".into_response(),
        Some(complaint) => (StatusCode::SERVICE_UNAVAILABLE, complaint).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::ObjectKey, runtime::queue::Priority};

    #[tokio::test(start_paused = true)]
    async fn readiness_ends_when_progress_stops() {
        let queue = Arc::new(WorkQueue::default());
        let health = Health::new(vec![queue.clone()]);
        assert!(health.complaint().is_some());
        health.set_synced();
        assert_eq!(health.complaint(), None);
        let key = ObjectKey { namespace: "n".into(), name: "s".into() };
        queue.add(key, Priority::Change, Duration::ZERO);
        tokio::time::advance(STALLED_AFTER).await;
        assert_eq!(health.complaint(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(health.complaint().is_some());
    }
}
