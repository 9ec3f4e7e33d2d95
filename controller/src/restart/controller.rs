//! The controller of workloads: observe, plan, apply at most one write, report.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Client;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    apply::{self, Restart, Write, Written},
    baseline::{self, Baseline, CurrentUse, current_use},
    entry::{Progress, View, WorkloadEntry},
    index::Index,
    kind::WorkloadKey,
    metrics::{RestartMetrics, RestartOutcome},
    plan::{Action, Delays, Observed, Plan, RECORD_BACKOFF, plan},
};
use crate::{
    key::ObjectKey,
    reason::Failure,
    runtime::{
        backoff::Backoff,
        clock::Now,
        controller::{Controller, Outcome},
        events::EventPublisher,
        mac::MacKey,
        queue::{Priority, WorkQueue},
    },
    target::SecretIndex,
};

/// When to plan again if others wrote at the same moment. That is no failure.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Failures that usually pass are reported only after this many attempts.
const ATTEMPTS_BEFORE_EVENT: u32 = 3;
/// How long a target may be missing before that is reported: the objects of one release come one
/// after another.
const MISSING_TARGET_GRACE: Duration = Duration::from_mins(1);
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_mins(5) };
/// A reconcile makes few requests, so these suffice.
pub(crate) const WORKERS: usize = 8;
/// The longest wait for a Secret that keeps changing.
const MAX_DELAY: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long to wait after the last change.
    pub(crate) delay: Duration,
    /// The least time between two restarts of one workload.
    pub(crate) min_interval: Duration,
}

/// Restarts workloads when Secrets that they use change.
pub(crate) struct RestartController {
    pub(crate) client: Client,
    pub(crate) index: Index,
    /// Keeps the items of the Secrets.
    pub(crate) secrets: Arc<SecretIndex>,
    pub(crate) mac_key: Arc<MacKey>,
    pub(crate) queue: WorkQueue<WorkloadKey>,
    pub(crate) events: EventPublisher,
    pub(crate) metrics: RestartMetrics,
    delays: Delays,
    key_id: String,
}

/// The state of a workload in the indexes.
pub(crate) enum Observation {
    /// This workload must be read first: itself, or the one whose template it uses.
    Unread(WorkloadKey),
    Tracked {
        entry: Box<WorkloadEntry>,
        delays: Delays,
        recorded: Option<Baseline>,
        uses: BTreeMap<String, CurrentUse>,
    },
}

/// The action of a reconcile.
pub(crate) enum Step {
    Read(WorkloadKey),
    Follow(Box<Plan>),
}

/// The result of reading a workload by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Read {
    Found,
    Missing,
}

impl RestartController {
    /// The index of the Secrets must keep their items.
    pub(crate) fn new(
        client: Client,
        secrets: Arc<SecretIndex>,
        mac_key: Arc<MacKey>,
        events: EventPublisher,
        metrics: RestartMetrics,
        settings: Settings,
    ) -> Self {
        let key_id = baseline::key_id(&mac_key);
        let delays = Delays {
            quiet: settings.delay,
            longest: MAX_DELAY.max(settings.delay),
            between: settings.min_interval,
        };
        let (index, queue) = (Index::default(), WorkQueue::new(WORKERS));
        Self { client, index, secrets, mac_key, queue, events, metrics, delays, key_id }
    }

    /// Reads a workload that the index does not have.
    async fn read_first(&self, key: &WorkloadKey, unread: &WorkloadKey) -> Outcome {
        match self.read(unread).await {
            Ok(Read::Found) => Outcome::requeue(Priority::Change, Duration::ZERO),
            Ok(Read::Missing) if unread == key => self.missing(key).await,
            // The watch reports it when somebody creates it.
            Ok(Read::Missing) => {
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

    /// Reads a workload that changed since the watch reported it.
    async fn read_again(&self, key: &WorkloadKey, entry: &WorkloadEntry) -> Outcome {
        match self.read(key).await {
            Ok(Read::Found) => Outcome::requeue(Priority::Change, CONFLICT_RETRY_DELAY),
            Ok(Read::Missing) => {
                drop(self.index.remove(key.kind, &key.object));
                Outcome::done()
            }
            Err(failure) => self.retry(key, entry, &failure).await,
        }
    }

    async fn follow(&self, key: &WorkloadKey, entry: &WorkloadEntry, plan: Plan) -> Outcome {
        self.report_invalid(key, entry).await;
        let Plan { action, baseline, pending } = plan;
        let digest = pending.as_ref().map(|pending| pending.digest.clone());
        self.update(key, &entry.workload.uid, |progress| {
            progress.memory.baseline = baseline;
            progress.memory.considered_annotation.clone_from(&entry.workload.baseline);
            progress.memory.pending = pending;
            if digest.is_none() {
                progress.reported.postponed = None;
            }
        });
        let written = match action {
            Action::Nothing => {
                if let Some(other) = entry.other_restarter.filter(|_| entry.is_new) {
                    self.report_left(key, entry, other, &[]).await;
                }
                return Outcome::done();
            }
            Action::Wait(at) => {
                let delay = at.saturating_duration_since(Instant::now());
                return Outcome::requeue(Priority::Retry, delay);
            }
            Action::Postpone(changed) => {
                if entry.progress.reported.postponed != digest {
                    self.report_postponed(key, entry, digest, &changed).await;
                }
                return Outcome::done();
            }
            Action::Leave(other, changed) => {
                self.metrics.count(RestartOutcome::Skipped);
                self.report_left(key, entry, other, &changed).await;
                return Outcome::done();
            }
            Action::Record(baseline) => self.record(key, entry, baseline).await,
            Action::Restart { baseline, changed } => {
                self.restart(key, entry, baseline, &changed).await
            }
        };
        match written {
            Ok(Written::Done(_) | Written::Gone) => Outcome::done(),
            Ok(Written::Outdated) => self.read_again(key, entry).await,
            Err(failure) => self.retry(key, entry, &failure).await,
        }
    }

    fn current_uses(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
    ) -> BTreeMap<String, CurrentUse> {
        let uses = entry.secrets.iter().map(|(name, used)| {
            let namespace = key.object.namespace.clone();
            let secret = ObjectKey { namespace, name: name.clone() };
            let snapshot = self.secrets.get(&secret);
            let items = snapshot.as_ref().and_then(|snapshot| snapshot.items.as_deref());
            (name.clone(), current_use(&self.mac_key, &secret, used, items))
        });
        uses.collect()
    }

    async fn record(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        baseline: Baseline,
    ) -> Result<Written, Failure> {
        let write = Write { baseline: baseline.text(&self.key_id), restart: None };
        let written = apply::write(&self.client, key, &entry.workload, &write).await?;
        self.written(key, entry, &written, |progress| {
            progress.memory.baseline = Some(baseline);
            progress.memory.records.record(RECORD_BACKOFF, Instant::now());
        });
        debug!(workload = %key, ?written, "baseline recorded");
        Ok(written)
    }

    async fn restart(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        baseline: Baseline,
        changed: &[String],
    ) -> Result<Written, Failure> {
        let workload = &entry.workload;
        let before = workload.template_annotation.as_deref();
        let template = baseline::template_mac(&self.mac_key, &baseline, before);
        let restart = Restart { template, at: Timestamp::now() };
        let write = Write { baseline: baseline.text(&self.key_id), restart: Some(restart) };
        let written = apply::write(&self.client, key, workload, &write).await?;
        self.written(key, entry, &written, |progress| {
            progress.memory.baseline = Some(baseline);
            progress.memory.pending = None;
            progress.memory.restarted = Some(Instant::now());
            progress.reported.postponed = None;
        });
        if matches!(written, Written::Done(_)) {
            self.report_restarted(key, workload, changed).await;
        }
        Ok(written)
    }

    /// Brings the index up to date with a write.
    fn written(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        written: &Written,
        change: impl FnOnce(&mut Progress),
    ) {
        match written {
            Written::Done(object) => {
                drop(self.index.upsert(key.kind, object, false));
                let workload = &entry.workload;
                self.update(key, &workload.uid, |progress| {
                    progress.memory.considered_annotation.clone_from(&workload.baseline);
                    progress.attempts = 0;
                    progress.reported.failed = None;
                    change(progress);
                });
            }
            Written::Outdated => {}
            Written::Gone => drop(self.index.remove(key.kind, &key.object)),
        }
    }

    async fn read(&self, key: &WorkloadKey) -> Result<Read, Failure> {
        let Some(object) = apply::read(&self.client, key).await? else {
            return Ok(Read::Missing);
        };
        for other in self.index.upsert(key.kind, &object, true) {
            if other != *key {
                self.queue.add(other, Priority::Change, Duration::ZERO);
            }
        }
        Ok(Read::Found)
    }

    async fn missing(&self, key: &WorkloadKey) -> Outcome {
        let now = Instant::now();
        let (since, is_reported) = self.index.record_missing(key, now);
        let left = (since + MISSING_TARGET_GRACE).saturating_duration_since(now);
        if !left.is_zero() {
            return Outcome::requeue(Priority::Retry, left);
        }
        if !is_reported {
            self.report_missing(key).await;
        }
        Outcome::done()
    }

    /// Backs off, without a limit on retries.
    async fn retry(&self, key: &WorkloadKey, entry: &WorkloadEntry, failure: &Failure) -> Outcome {
        warn!(workload = %key, reason = %failure.reason, message = failure.message, "not restarted");
        self.metrics.count(RestartOutcome::Failed);
        let Progress { reported, attempts, .. } = &entry.progress;
        let delay = BACKOFF.delay(*attempts, rand::random());
        let attempts = attempts.saturating_add(1);
        let is_new = reported.failed.as_ref() != Some(&failure.message)
            && (!failure.reason.passes() || attempts >= ATTEMPTS_BEFORE_EVENT);
        self.update(key, &entry.workload.uid, |progress| {
            progress.attempts = attempts;
            if is_new {
                progress.reported.failed = Some(failure.message.clone());
            }
        });
        if is_new {
            self.report_failed(key, &entry.workload, failure).await;
        }
        Outcome::requeue(Priority::Retry, delay)
    }

    pub(super) fn update(&self, key: &WorkloadKey, uid: &str, change: impl FnOnce(&mut Progress)) {
        if self.index.update(key, uid, change) {
            self.metrics.set_pending(self.index.pending());
        }
    }
}

impl Controller for RestartController {
    type Key = WorkloadKey;
    type Observed = Observation;
    type Action = Step;

    const NAME: &'static str = "restart";

    fn queue(&self) -> &WorkQueue<WorkloadKey> {
        &self.queue
    }

    fn observe(&self, key: &WorkloadKey) -> Option<Observation> {
        let entry = match self.index.view(key) {
            View::Untracked => return None,
            View::Unread(unread) => return Some(Observation::Unread(unread)),
            View::Tracked(entry) => entry,
        };
        let recorded = entry.workload.baseline.as_deref();
        Some(Observation::Tracked {
            delays: self.delays,
            recorded: recorded.and_then(|text| Baseline::parse(text, &self.key_id)),
            uses: self.current_uses(key, &entry),
            entry,
        })
    }

    fn plan(observation: &Observation, now: Now) -> Step {
        match observation {
            Observation::Unread(unread) => Step::Read(unread.clone()),
            Observation::Tracked { entry, delays, recorded, uses } => {
                let observed = Observed {
                    delays: *delays,
                    workload: &entry.workload,
                    other_restarter: entry.other_restarter,
                    recorded: recorded.as_ref(),
                    uses,
                    memory: &entry.progress.memory,
                };
                Step::Follow(Box::new(plan(&observed, now.monotonic)))
            }
        }
    }

    async fn apply(&self, key: &WorkloadKey, observation: Observation, step: Step) -> Outcome {
        match (step, observation) {
            (Step::Read(unread), _) => self.read_first(key, &unread).await,
            (Step::Follow(plan), Observation::Tracked { entry, .. }) => {
                self.follow(key, &entry, *plan).await
            }
            (Step::Follow(_), Observation::Unread(_)) => Outcome::done(),
        }
    }

    async fn fail(&self, key: &WorkloadKey, failure: Failure) -> Outcome {
        match self.index.view(key) {
            View::Tracked(entry) => self.retry(key, &entry, &failure).await,
            View::Unread(_) => Outcome::requeue(Priority::Retry, MISSING_TARGET_GRACE),
            View::Untracked => Outcome::done(),
        }
    }
}
