//! One pass over one workload: observe, decide, write at most once, say what came of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Client;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    apply::{self, Restart, Write, Written},
    events::listed,
    index::{Index, View, WorkloadEntry},
    plan::{Decision, Delays, Inputs, Plan, plan},
    state::{self, Observed, State, observe},
    workload::WorkloadKey,
};
use crate::{
    key::ObjectKey,
    metrics::{Metrics, RestartOutcome},
    reason::Failure,
    runtime::events::EventPublisher,
    runtime::queue::{Priority, WorkQueue},
    target::{SecretIndex, fingerprint::MacKey},
};

/// How often a pass decides anew when others write at the same moment.
const ATTEMPTS: usize = 5;
/// What usually passes by itself is said only after this many attempts.
const PATIENCE: u32 = 3;
/// A target that comes in this time, as the objects of one release do, was not missing.
const GRACE: Duration = Duration::from_mins(1);
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
const BACK_OFF_MOST: Duration = Duration::from_mins(5);

/// What the operator sets.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long to wait after the last change.
    pub delay: Duration,
    /// How long to wait between two restarts of one workload.
    pub min_interval: Duration,
}

/// Everything a pass needs.
pub struct RestartController {
    /// The API server.
    pub client: Client,
    /// What is known of the workloads.
    pub index: Index,
    /// What is known of the Secrets: each item by itself.
    pub secrets: Arc<SecretIndex>,
    /// The key of the MACs.
    pub mac_key: Arc<MacKey>,
    /// What comes next.
    pub queue: WorkQueue<WorkloadKey>,
    /// For people.
    pub events: EventPublisher,
    /// For programs.
    pub metrics: Metrics,
    delays: Delays,
    key_id: String,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Noted {
    Done,
    Outdated,
    Gone,
}

impl RestartController {
    /// Knows nothing yet. The index of the Secrets must keep their items.
    pub fn new(
        client: Client,
        secrets: Arc<SecretIndex>,
        mac_key: Arc<MacKey>,
        events: EventPublisher,
        metrics: Metrics,
        settings: Settings,
    ) -> Self {
        let key_id = state::key_id(&mac_key);
        let longest = Duration::from_secs(15).max(settings.delay);
        let (quiet, between) = (settings.delay, settings.min_interval);
        let delays = Delays { quiet, longest, between };
        let (index, queue) = (Index::default(), WorkQueue::default());
        Self { client, index, secrets, mac_key, queue, events, metrics, delays, key_id }
    }

    /// Looks at one workload.
    pub async fn pass(&self, key: &WorkloadKey) {
        for _ in 0..ATTEMPTS {
            match self.index.view(key) {
                View::Unwanted => return,
                View::Unknown(unknown) => match self.read(&unknown).await {
                    Ok(true) => {}
                    Ok(false) if unknown == *key => return self.missing(key).await,
                    // The watch tells when it comes.
                    Ok(false) => return debug!(workload = %key, "{unknown} does not exist"),
                    Err(failure) => {
                        self.metrics.restart(RestartOutcome::Failed);
                        warn!(workload = %key, %failure, "cannot be read");
                        return self.queue.add(key.clone(), Priority::Retry, GRACE);
                    }
                },
                View::WorkloadEntry(known) => match self.decide(key, &known).await {
                    Ok(true) => return,
                    Ok(false) => match self.read(key).await {
                        Ok(true) => {}
                        Ok(false) => return drop(self.index.forget(key.kind, &key.object)),
                        Err(failure) => return self.failed(key, &known, &failure).await,
                    },
                    Err(failure) => return self.failed(key, &known, &failure).await,
                },
            }
        }
        // Others keep writing. It is no failure to let them finish.
        self.queue.add(key.clone(), Priority::Retry, BACK_OFF_FIRST);
    }

    /// True when that is done, false when the workload is another one than was known.
    async fn decide(&self, key: &WorkloadKey, known: &WorkloadEntry) -> Result<bool, Failure> {
        self.tell_invalid(key, known).await;
        let workload = &known.workload;
        let now = Instant::now();
        let recorded = workload.state.as_deref();
        let recorded = recorded.and_then(|text| State::parse(text, &self.key_id));
        let Plan { decision, baseline, pending } = plan(&Inputs {
            now,
            delays: self.delays,
            workload,
            left_to: known.left_to,
            recorded: recorded.as_ref(),
            observed: &self.observe(key, known),
            memory: &known.memory,
        });
        let mark = pending.as_ref().map(|pending| pending.mark.clone());
        self.remember(key, &workload.uid, |known| {
            known.memory.baseline = baseline;
            known.memory.considered.clone_from(&known.workload.state);
            known.memory.pending = pending;
            if mark.is_none() {
                known.told.postponed = None;
            }
        });
        match decision {
            Decision::Nothing => {
                if let Some(other) = known.left_to.filter(|_| known.is_new) {
                    self.tell_left(key, known, other, &[]).await;
                }
                Ok(true)
            }
            Decision::Wait(at) => {
                self.queue.add(key.clone(), Priority::Retry, at.saturating_duration_since(now));
                Ok(true)
            }
            Decision::Postpone(changed) => {
                if known.told.postponed != mark {
                    self.tell_postponed(key, known, mark, &changed).await;
                }
                Ok(true)
            }
            Decision::Leave(other, changed) => {
                self.metrics.restart(RestartOutcome::Skipped);
                self.tell_left(key, known, other, &changed).await;
                Ok(true)
            }
            Decision::Record(state) => self.record(key, known, state).await,
            Decision::Restart { state, changed } => self.restart(key, known, state, &changed).await,
        }
    }

    fn observe(&self, key: &WorkloadKey, known: &WorkloadEntry) -> BTreeMap<String, Observed> {
        let observed = known.secrets.iter().map(|(name, used)| {
            let namespace = key.object.namespace.clone();
            let secret = ObjectKey { namespace, name: name.clone() };
            let seen = self.secrets.get(&secret);
            let items = seen.as_ref().and_then(|seen| seen.items.as_deref());
            (name.clone(), observe(&self.mac_key, &secret, used, items))
        });
        observed.collect()
    }

    async fn record(
        &self,
        key: &WorkloadKey,
        known: &WorkloadEntry,
        state: State,
    ) -> Result<bool, Failure> {
        let write = Write { state: state.text(&self.key_id), restart: None };
        let written = apply::write(&self.client, key, &known.workload, &write).await?;
        let noted = self.note_write(key, known, written, |known| {
            known.memory.baseline = Some(state);
            known.memory.records.note(Instant::now());
        });
        if noted != Noted::Done {
            return Ok(noted == Noted::Gone);
        }
        debug!(workload = %key, "the baseline is recorded");
        Ok(true)
    }

    async fn restart(
        &self,
        key: &WorkloadKey,
        known: &WorkloadEntry,
        state: State,
        changed: &[String],
    ) -> Result<bool, Failure> {
        let workload = &known.workload;
        let template = state::template_mac(&self.mac_key, &state, workload.template.as_deref());
        let restart = Restart { template, at: Timestamp::now() };
        let write = Write { state: state.text(&self.key_id), restart: Some(restart) };
        let written = apply::write(&self.client, key, workload, &write).await?;
        let noted = self.note_write(key, known, written, |known| {
            known.memory.baseline = Some(state);
            known.memory.pending = None;
            known.memory.restarted = Some(Instant::now());
            known.told.postponed = None;
        });
        if noted != Noted::Done {
            return Ok(noted == Noted::Gone);
        }
        info!(workload = %key, secrets = listed(changed), "restarted");
        self.metrics.restart(RestartOutcome::Triggered);
        self.tell_restarted(key, workload, changed).await;
        Ok(true)
    }

    /// Takes note of what became of a write.
    fn note_write(
        &self,
        key: &WorkloadKey,
        known: &WorkloadEntry,
        written: Written,
        change: impl FnOnce(&mut WorkloadEntry),
    ) -> Noted {
        match written {
            Written::Done(object) => {
                drop(self.index.note(key.kind, &object, false));
                self.remember(key, &known.workload.uid, |known| {
                    known.memory.considered.clone_from(&known.workload.state);
                    known.attempts = 0;
                    known.told.failed = None;
                    change(known);
                });
                Noted::Done
            }
            Written::Outdated => Noted::Outdated,
            Written::Gone => {
                drop(self.index.forget(key.kind, &key.object));
                Noted::Gone
            }
        }
    }

    /// False when there is no such workload.
    async fn read(&self, key: &WorkloadKey) -> Result<bool, Failure> {
        let object = apply::read(&self.client, key).await?;
        if let Some(object) = &object {
            for other in self.index.note(key.kind, object, true) {
                if other != *key {
                    self.queue.add(other, Priority::Change, Duration::ZERO);
                }
            }
        }
        Ok(object.is_some())
    }

    async fn missing(&self, key: &WorkloadKey) {
        let now = Instant::now();
        let (since, told) = self.index.note_missing(key, now);
        let left = (since + GRACE).saturating_duration_since(now);
        if !left.is_zero() {
            return self.queue.add(key.clone(), Priority::Retry, left);
        }
        if told {
            return;
        }
        self.tell_missing(key).await;
    }

    /// Tries again, with back-off and for ever.
    async fn failed(&self, key: &WorkloadKey, known: &WorkloadEntry, failure: &Failure) {
        warn!(workload = %key, reason = %failure.reason, message = failure.message, "not restarted");
        self.metrics.restart(RestartOutcome::Failed);
        let attempts = known.attempts.saturating_add(1);
        self.queue.add(key.clone(), Priority::Retry, back_off(known.attempts, rand::random()));
        let is_news = known.told.failed.as_ref() != Some(&failure.message)
            && (!failure.reason.passes() || attempts >= PATIENCE);
        self.remember(key, &known.workload.uid, |known| {
            known.attempts = attempts;
            if is_news {
                known.told.failed = Some(failure.message.clone());
            }
        });
        if is_news {
            self.tell_failed(key, &known.workload, failure).await;
        }
    }

    pub(super) fn remember(
        &self,
        key: &WorkloadKey,
        uid: &str,
        change: impl FnOnce(&mut WorkloadEntry),
    ) {
        if self.index.update(key, uid, change) {
            self.metrics.restarts_pending(self.index.pending());
        }
    }
}

/// Exponential, without a last attempt; `noise` spreads what failed together.
fn back_off(attempts: u32, noise: u32) -> Duration {
    let full = BACK_OFF_FIRST.saturating_mul(1 << attempts.min(16)).min(BACK_OFF_MOST);
    let share = f64::from(noise) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_to_its_limit_and_never_ends() {
        assert_eq!(back_off(0, u32::MAX), BACK_OFF_FIRST);
        assert_eq!(back_off(0, 0), BACK_OFF_FIRST / 2);
        assert_eq!(back_off(u32::MAX, u32::MAX), BACK_OFF_MOST);
    }
}
