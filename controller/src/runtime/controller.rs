//! The shape of a controller.
//!
//! ```text
//!  watches, time ─▶ WorkQueue ─▶ worker ─▶ observe ─▶ plan ─▶ apply ─▶ Outcome
//!                       ▲                  indexes    pure    writes      │
//!                       └──────────── requeue after a delay ◀─────────────┘
//! ```
//!
//! `plan` is an associated function, so that it has no client, clock or metric at hand. `apply` is one
//! `match` on the action, and the only step that writes.

use std::{future::Future, time::Duration};

use super::{
    clock::Now,
    queue::{Priority, WorkQueue},
};
use crate::{key::QueueKey, reason::Failure};

/// The result of a reconcile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub(crate) struct Outcome {
    /// When to reconcile again, if not only on the next event.
    pub(crate) requeue: Option<(Priority, Duration)>,
}

impl Outcome {
    /// Waits for the next event.
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// Reconciles again after `delay`.
    pub(crate) fn requeue(priority: Priority, delay: Duration) -> Self {
        Self { requeue: Some((priority, delay)) }
    }
}

/// Reconciles the objects of one kind.
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

    /// Reports a failure that the reconcile could not report itself, such as its timeout.
    fn fail(&self, key: &Self::Key, failure: Failure) -> impl Future<Output = Outcome> + Send;
}

/// One reconcile: observe, plan, apply.
pub(crate) async fn reconcile<C: Controller>(controller: &C, key: &C::Key) -> Outcome {
    let Some(observed) = controller.observe(key) else { return Outcome::done() };
    let action = C::plan(&observed, Now::read());
    controller.apply(key, observed, action).await
}
