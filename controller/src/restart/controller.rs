//! One reconcile of one workload: observe, plan, apply at most one write, report.

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
    plan::{Action, Delays, Observed, Plan, plan},
};
use crate::{
    key::ObjectKey,
    reason::Failure,
    runtime::{
        events::EventPublisher,
        mac::MacKey,
        queue::{Priority, WorkQueue},
    },
    target::SecretIndex,
};

/// How often one reconcile plans again when others write at the same moment.
const MAX_ATTEMPTS: usize = 5;
/// Failures that usually pass are reported only after this many attempts.
const ATTEMPTS_BEFORE_EVENT: u32 = 3;
/// How long a target may be missing before that is reported: the objects of one release come one
/// after another.
const MISSING_TARGET_GRACE: Duration = Duration::from_mins(1);
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(5);
/// The longest wait for a Secret that keeps changing.
const MAX_DELAY: Duration = Duration::from_secs(15);

/// What the operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long to wait after the last change.
    pub delay: Duration,
    /// The least time between two restarts of one workload.
    pub min_interval: Duration,
}

/// Restarts workloads when Secrets that they use change.
pub struct RestartController {
    pub client: Client,
    pub index: Index,
    /// Keeps the items of the Secrets.
    pub secrets: Arc<SecretIndex>,
    pub mac_key: Arc<MacKey>,
    pub queue: WorkQueue<WorkloadKey>,
    pub events: EventPublisher,
    pub metrics: RestartMetrics,
    delays: Delays,
    key_id: String,
}

/// What a reconcile does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Done,
    /// View and plan again.
    Repeat,
    /// Read the workload first: it has changed since the watch reported it.
    ReadAgain,
}

/// What the API server has under a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Read {
    Found,
    Missing,
}

impl RestartController {
    /// The index of the Secrets must keep their items.
    pub fn new(
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
        let (index, queue) = (Index::default(), WorkQueue::default());
        Self { client, index, secrets, mac_key, queue, events, metrics, delays, key_id }
    }

    pub async fn reconcile(&self, key: &WorkloadKey) {
        for _ in 0..MAX_ATTEMPTS {
            let step = match self.index.view(key) {
                View::Untracked => Step::Done,
                View::Unread(unread) => self.read_first(key, &unread).await,
                View::Tracked(entry) => match self.plan_and_apply(key, &entry).await {
                    Ok(Step::ReadAgain) => self.read_again(key, &entry).await,
                    Ok(step) => step,
                    Err(failure) => self.retry(key, &entry, &failure).await,
                },
            };
            if step == Step::Done {
                return;
            }
        }
        // Others keep writing. That is no failure: let them finish.
        self.queue.add(key.clone(), Priority::Retry, BACKOFF_MIN);
    }

    /// Reads a workload that the index does not have: this one, or the one whose template it uses.
    async fn read_first(&self, key: &WorkloadKey, unread: &WorkloadKey) -> Step {
        match self.read(unread).await {
            Ok(Read::Found) => return Step::Repeat,
            Ok(Read::Missing) if unread == key => self.missing(key).await,
            // The watch reports it when somebody creates it.
            Ok(Read::Missing) => debug!(workload = %key, "{unread} does not exist"),
            Err(failure) => {
                self.metrics.count(RestartOutcome::Failed);
                warn!(workload = %key, %failure, "cannot read {unread}");
                self.queue.add(key.clone(), Priority::Retry, MISSING_TARGET_GRACE);
            }
        }
        Step::Done
    }

    async fn read_again(&self, key: &WorkloadKey, entry: &WorkloadEntry) -> Step {
        match self.read(key).await {
            Ok(Read::Found) => Step::Repeat,
            Ok(Read::Missing) => {
                drop(self.index.remove(key.kind, &key.object));
                Step::Done
            }
            Err(failure) => self.retry(key, entry, &failure).await,
        }
    }

    async fn plan_and_apply(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
    ) -> Result<Step, Failure> {
        self.report_invalid(key, entry).await;
        let workload = &entry.workload;
        let recorded = workload.baseline.as_deref();
        let recorded = recorded.and_then(|text| Baseline::parse(text, &self.key_id));
        let now = Instant::now();
        let observed = Observed {
            delays: self.delays,
            workload,
            other_restarter: entry.other_restarter,
            recorded: recorded.as_ref(),
            uses: &self.current_uses(key, entry),
            memory: &entry.progress.memory,
        };
        let Plan { action, baseline, pending } = plan(&observed, now);
        let digest = pending.as_ref().map(|pending| pending.digest.clone());
        self.update(key, &workload.uid, |progress| {
            progress.memory.baseline = baseline;
            progress.memory.considered_annotation.clone_from(&workload.baseline);
            progress.memory.pending = pending;
            if digest.is_none() {
                progress.reported.postponed = None;
            }
        });
        self.perform(key, entry, action, digest, now).await
    }

    async fn perform(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        action: Action,
        digest: Option<String>,
        now: Instant,
    ) -> Result<Step, Failure> {
        match action {
            Action::Nothing => {
                if let Some(other) = entry.other_restarter.filter(|_| entry.is_new) {
                    self.report_left(key, entry, other, &[]).await;
                }
            }
            Action::Wait(at) => {
                self.queue.add(key.clone(), Priority::Retry, at.saturating_duration_since(now));
            }
            Action::Postpone(changed) => {
                if entry.progress.reported.postponed != digest {
                    self.report_postponed(key, entry, digest, &changed).await;
                }
            }
            Action::Leave(other, changed) => {
                self.metrics.count(RestartOutcome::Skipped);
                self.report_left(key, entry, other, &changed).await;
            }
            Action::Record(baseline) => return self.record(key, entry, baseline).await,
            Action::Restart { baseline, changed } => {
                return self.restart(key, entry, baseline, &changed).await;
            }
        }
        Ok(Step::Done)
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
    ) -> Result<Step, Failure> {
        let write = Write { baseline: baseline.text(&self.key_id), restart: None };
        let written = apply::write(&self.client, key, &entry.workload, &write).await?;
        self.written(key, entry, &written, |progress| {
            progress.memory.baseline = Some(baseline);
            progress.memory.records.count(Instant::now());
        });
        debug!(workload = %key, ?written, "baseline recorded");
        Ok(next_step(&written))
    }

    async fn restart(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        baseline: Baseline,
        changed: &[String],
    ) -> Result<Step, Failure> {
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
        Ok(next_step(&written))
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

    async fn missing(&self, key: &WorkloadKey) {
        let now = Instant::now();
        let (since, is_reported) = self.index.record_missing(key, now);
        let left = (since + MISSING_TARGET_GRACE).saturating_duration_since(now);
        if !left.is_zero() {
            self.queue.add(key.clone(), Priority::Retry, left);
        } else if !is_reported {
            self.report_missing(key).await;
        }
    }

    /// Backs off, without a limit on retries.
    async fn retry(&self, key: &WorkloadKey, entry: &WorkloadEntry, failure: &Failure) -> Step {
        warn!(workload = %key, reason = %failure.reason, message = failure.message, "not restarted");
        self.metrics.count(RestartOutcome::Failed);
        let Progress { reported, attempts, .. } = &entry.progress;
        self.queue.add(key.clone(), Priority::Retry, back_off(*attempts, rand::random()));
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
        Step::Done
    }

    pub(super) fn update(&self, key: &WorkloadKey, uid: &str, change: impl FnOnce(&mut Progress)) {
        if self.index.update(key, uid, change) {
            self.metrics.set_pending(self.index.pending());
        }
    }
}

fn next_step(written: &Written) -> Step {
    match written {
        Written::Done(_) | Written::Gone => Step::Done,
        Written::Outdated => Step::ReadAgain,
    }
}

/// Exponential; `noise` spreads what failed together.
fn back_off(attempts: u32, noise: u32) -> Duration {
    let full = BACKOFF_MIN.saturating_mul(1 << attempts.min(16)).min(BACKOFF_MAX);
    let share = f64::from(noise) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_limit() {
        assert_eq!(back_off(0, u32::MAX), BACKOFF_MIN);
        assert_eq!(back_off(0, 0), BACKOFF_MIN / 2);
        assert_eq!(back_off(u32::MAX, u32::MAX), BACKOFF_MAX);
    }
}
