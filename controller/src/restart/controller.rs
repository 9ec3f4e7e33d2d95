//! The controller of workloads: observe, plan, apply at most one write, report.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    baseline::{self, Baseline, current_use},
    index::Index,
    kind::WorkloadKey,
    lookups::Lookups,
    metrics::{RestartMetrics, RestartOutcome},
    plan::{Action, Observed, Plan, Progress, RECORD_BACKOFF, Settings, View, WorkloadEntry, plan},
};
use crate::{
    context::Context,
    key::ObjectKey,
    reason::Failure,
    runtime::{
        backoff::Backoff,
        clock::Now,
        controller::{Controller, Outcome},
        events::Severity,
        queue::{Priority, WorkQueue},
    },
};

/// When to plan again after a conflict with another writer. A conflict is not a failure.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Transient failures are reported only after this many attempts.
const ATTEMPTS_BEFORE_EVENT: u32 = 3;
/// How long a target may be missing before that is reported: the objects of one release come one
/// after another.
const MISSING_TARGET_GRACE: Duration = Duration::from_mins(1);
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_mins(5) };
/// A reconcile makes few requests, so few workers suffice.
pub(crate) const WORKERS: usize = 8;

pub(crate) struct RestartController {
    /// Its index of Secrets keeps MACs of their items.
    pub(crate) context: Arc<Context>,
    pub(crate) index: Index,
    pub(crate) queue: WorkQueue<WorkloadKey>,
    pub(crate) metrics: RestartMetrics,
    settings: Settings,
    lookups: Lookups,
    pub(super) key_id: String,
}

/// A reconcile of one workload of the index.
pub(super) struct Attempt<'a> {
    pub(super) controller: &'a RestartController,
    pub(super) key: &'a WorkloadKey,
    pub(super) entry: &'a WorkloadEntry,
}

impl RestartController {
    pub(crate) fn new(context: Arc<Context>, metrics: RestartMetrics, settings: Settings) -> Self {
        let key_id = baseline::key_id(&context.mac_key);
        let (index, queue) = (Index::default(), WorkQueue::new(WORKERS));
        let lookups = Lookups::default();
        Self { context, index, queue, metrics, settings, lookups, key_id }
    }

    /// Reads a workload that the index does not have.
    async fn read_first(&self, key: &WorkloadKey, unread: &WorkloadKey) -> Outcome {
        if let Err(wait) = self.lookups.charge(&key.object.namespace, Instant::now()) {
            return Outcome::requeue(Priority::Retry, wait);
        }
        match self.read(unread).await {
            Ok(true) => Outcome::requeue(Priority::Change, Duration::ZERO),
            Ok(false) if unread == key => self.missing(key).await,
            // The watch reports it once it is created.
            Ok(false) => {
                debug!(workload = %key, "{unread} does not exist");
                Outcome::done()
            }
            Err(failure) => {
                self.metrics.count(RestartOutcome::Failed);
                warn!(workload = %key, %failure, "cannot read {unread}");
                Outcome::requeue(Priority::Retry, MISSING_TARGET_GRACE)
            }
        }
    }

    /// Reads a workload into the index. False if it does not exist.
    async fn read(&self, key: &WorkloadKey) -> Result<bool, Failure> {
        let Some(object) = self.get(key).await? else { return Ok(false) };
        let touched = self.index.upsert(key.kind, &object, true);
        self.enqueue(touched.into_iter().filter(|other| other != key));
        Ok(true)
    }

    async fn missing(&self, key: &WorkloadKey) -> Outcome {
        let now = Instant::now();
        let report_at = self.index.record_missing(key, now) + MISSING_TARGET_GRACE;
        if report_at > now {
            return Outcome::requeue(Priority::Retry, report_at - now);
        }
        self.report_missing(key).await;
        Outcome::done()
    }

    /// The namespace is selected from now on.
    pub(crate) fn enqueue_namespace(&self, namespace: &str) {
        let keys = self.index.keys().into_iter();
        self.enqueue(keys.filter(|key| key.object.namespace == namespace));
    }

    pub(super) fn enqueue(&self, keys: impl IntoIterator<Item = WorkloadKey>) {
        for key in keys {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }
}

impl Attempt<'_> {
    async fn follow(&self, Plan { action, baseline, pending }: Plan) -> Outcome {
        self.report_invalid().await;
        let after = pending.as_ref().map(|pending| pending.after.clone());
        self.update(|progress| {
            progress.baseline = baseline;
            progress.considered_annotation.clone_from(&self.entry.workload.baseline);
            progress.pending = pending;
            if after.is_none() {
                progress.reported_postponed = None;
            }
        });
        match action {
            Action::Nothing => {
                if let Some(other) = self.entry.other_restarter.filter(|_| self.entry.is_new) {
                    self.report_left(other, &[]).await;
                }
            }
            Action::Wait(at) => {
                let delay = at.saturating_duration_since(Instant::now());
                return Outcome::requeue(Priority::Retry, delay);
            }
            Action::Postpone(changed) => self.report_postponed(after, &changed).await,
            Action::Leave(other, changed) => {
                self.controller.metrics.count(RestartOutcome::Skipped);
                self.report_left(other, &changed).await;
            }
            Action::Record(baseline) => return self.write(baseline, &[]).await,
            Action::Restart { baseline, changed } => return self.write(baseline, &changed).await,
        }
        Outcome::done()
    }

    /// Writes the baseline, with a restart if Secrets changed, and brings the index up to date.
    async fn write(&self, baseline: Baseline, changed: &[String]) -> Outcome {
        let Attempt { controller, key, .. } = self;
        let restarts = !changed.is_empty();
        match self.patch(&baseline, restarts).await {
            Ok(object) => {
                drop(controller.index.upsert(key.kind, &object, false));
                self.written(baseline, restarts);
                if restarts {
                    self.report_restarted(changed).await;
                } else {
                    debug!(workload = %key, "baseline recorded");
                }
                Outcome::done()
            }
            Err(error) if error.is_conflict() => self.read_again().await,
            Err(error) if error.is_not_found() => {
                drop(controller.index.remove(key.kind, &key.object));
                Outcome::done()
            }
            Err(error) => {
                let what = if restarts { "restart" } else { "annotate" };
                let action = format!("{what} {key} (patch {})", key.kind.plural());
                self.retry(&error.failure(&action)).await
            }
        }
    }

    fn written(&self, baseline: Baseline, restarted: bool) {
        self.update(|progress| {
            progress.baseline = Some(baseline);
            progress.considered_annotation.clone_from(&self.entry.workload.baseline);
            progress.attempts = 0;
            progress.reported_failed = None;
            if restarted {
                progress.pending = None;
                progress.restarted = Some(Instant::now());
                progress.reported_postponed = None;
            } else {
                progress.records.record(RECORD_BACKOFF, Instant::now());
            }
        });
    }

    /// Reads a workload that changed since the watch reported it.
    async fn read_again(&self) -> Outcome {
        match self.controller.read(self.key).await {
            Ok(true) => Outcome::requeue(Priority::Change, CONFLICT_RETRY_DELAY),
            Ok(false) => {
                drop(self.controller.index.remove(self.key.kind, &self.key.object));
                Outcome::done()
            }
            Err(failure) => self.retry(&failure).await,
        }
    }

    /// Backs off, without a limit on retries.
    async fn retry(&self, failure: &Failure) -> Outcome {
        let Failure { reason, message } = failure;
        warn!(workload = %self.key, %reason, cause = message, "not restarted");
        self.controller.metrics.count(RestartOutcome::Failed);
        let Progress { reported_failed, attempts, .. } = &self.entry.progress;
        let delay = BACKOFF.delay(*attempts, rand::random());
        let attempts = attempts.saturating_add(1);
        let is_new = reported_failed.as_ref() != Some(message)
            && (!reason.passes() || attempts >= ATTEMPTS_BEFORE_EVENT);
        self.update(|progress| {
            progress.attempts = attempts;
            if is_new {
                progress.reported_failed = Some(message.clone());
            }
        });
        if is_new {
            self.publish(Severity::Warning, "RestartFailed", message).await;
        }
        Outcome::requeue(Priority::Retry, delay)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        let Attempt { controller, key, entry } = self;
        if controller.index.update(key, &entry.workload.uid, change) {
            controller.metrics.set_pending(controller.index.pending());
        }
    }
}

impl Controller for RestartController {
    type Key = WorkloadKey;
    type Observed = View<Observed>;
    type Action = Plan;

    const NAME: &'static str = "restart";

    fn queue(&self) -> &WorkQueue<WorkloadKey> {
        &self.queue
    }

    fn observe(&self, key: &WorkloadKey) -> Option<View<Observed>> {
        if !self.context.namespaces.is_selected(&key.object.namespace) {
            return None;
        }
        let entry = match self.index.view(key)? {
            View::Unread(unread) => return Some(View::Unread(unread)),
            View::Tracked(entry) => *entry,
        };
        let uses = entry.secrets.iter().map(|(name, used)| {
            let secret = ObjectKey { namespace: key.object.namespace.clone(), name: name.clone() };
            let snapshot = self.context.secrets.get(&secret);
            let items = snapshot.as_ref().and_then(|snapshot| snapshot.items.as_deref());
            (name.clone(), current_use(&self.context.mac_key, &secret, used, items))
        });
        let recorded = entry.workload.baseline.as_deref();
        Some(View::Tracked(Box::new(Observed {
            settings: self.settings,
            recorded: recorded.and_then(|text| Baseline::parse(text, &self.key_id)),
            uses: uses.collect(),
            entry,
        })))
    }

    fn plan(observed: &View<Observed>, now: Now) -> Plan {
        match observed {
            // No decision is possible before the read.
            View::Unread(_) => Plan::default(),
            View::Tracked(observed) => plan(observed, now.monotonic),
        }
    }

    async fn apply(&self, key: &WorkloadKey, observed: View<Observed>, plan: Plan) -> Outcome {
        match observed {
            View::Unread(unread) => self.read_first(key, &unread).await,
            View::Tracked(observed) => {
                Attempt { controller: self, key, entry: &observed.entry }.follow(plan).await
            }
        }
    }

    async fn fail(&self, key: &WorkloadKey, failure: Failure) -> Outcome {
        match self.index.view(key) {
            Some(View::Tracked(entry)) => {
                Attempt { controller: self, key, entry: &entry }.retry(&failure).await
            }
            Some(View::Unread(_)) => Outcome::requeue(Priority::Retry, MISSING_TARGET_GRACE),
            None => Outcome::done(),
        }
    }
}
