//! Records the result of a refresh, in this order: the status, the memory of the process, the time of the
//! next reconcile, and the Event.
//!
//! If the status cannot be written, the object counts as not refreshed and is retried soon. Otherwise the
//! status would be wrong until the next interval.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    index::{ExternalIndex, ExternalSecretEntry, SecretState, is_as_written},
    metrics::ExternalMetrics,
    outcome::{EntryError, SecretChange, SyncError, SyncFailure, Synced},
    schedule,
    status::{FailedStatus, StatusUpdate, SyncedStatus},
    status_writer::{ExternalStatusWriter, Reported},
};
use crate::{
    context::Context,
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        backoff::Backoff, controller::Outcome, events::Severity, index::Indexed as _,
        queue::Priority,
    },
};

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// When a Secret that was changed during its own refresh is repaired.
const FIRST_REPAIR_DELAY: Duration = Duration::from_secs(1);
/// The longest delay after an error that usually passes by itself.
pub(super) const BACKOFF_MAX_TRANSIENT: Duration = Duration::from_mins(5);
/// The longest delay after any other error, unless the object's interval is shorter.
const BACKOFF_MAX: Duration = Duration::from_mins(30);
/// How often an error that usually passes by itself must occur before the status reports it.
const ATTEMPTS_BEFORE_STATUS: u32 = 2;

pub(super) struct RefreshRecorder {
    pub(super) context: Arc<Context>,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) status: ExternalStatusWriter,
    pub(super) metrics: ExternalMetrics,
}

/// When a refresh started, and the Secret at that time.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefreshStart {
    pub(super) at: Instant,
    pub(super) date: Timestamp,
    pub(super) secret: SecretState,
}

impl RefreshRecorder {
    pub(super) async fn record(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        start: RefreshStart,
        result: Result<Synced, SyncError>,
    ) -> Outcome {
        match result {
            Ok(synced) => self.record_synced(key, entry, start, synced).await,
            Err(SyncError::Failed(failure)) => {
                self.record_failed(key, entry, start.at.elapsed(), failure).await
            }
            Err(SyncError::Superseded) => Outcome::requeue(Priority::Change, Duration::ZERO),
            Err(SyncError::NamespaceGone) => Outcome::done(),
        }
    }

    /// Reports that this controller does not manage the object.
    pub(super) async fn record_unmanaged(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        failure: Failure,
    ) -> Outcome {
        let error = EntryError::from(failure);
        let update = StatusUpdate::Unmanaged(&error);
        match self.status.write(key, entry, update).await {
            Reported::Failed(_) => Outcome::requeue(Priority::Retry, BACKOFF_MAX_TRANSIENT),
            Reported::Written | Reported::Unchanged => Outcome::done(),
        }
    }

    /// Removes the report that this controller did not manage the object.
    pub(super) async fn clear_diagnosis(&self, key: &ObjectKey, entry: &ExternalSecretEntry) {
        self.status.write(key, entry, StatusUpdate::ClearDiagnosis).await;
    }

    async fn record_synced(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        start: RefreshStart,
        synced: Synced,
    ) -> Outcome {
        self.metrics.refreshed(key, start.at.elapsed(), None);
        self.metrics.synced(key, start.date);
        let (change, missing) = (synced.change, synced.missing.join(", "));
        info!(object = %key, change = change.event().map_or("none", |event| event.0), "in sync");

        let (target, versions) = (entry.target(), synced.versions.record());
        let update = StatusUpdate::Synced(SyncedStatus {
            change,
            target: &target.name,
            refreshed: start.date,
            synced: &entry.current,
            versions: &versions,
            fingerprint: synced.fingerprint.as_deref(),
        });
        let write = self.status.write(key, entry, update).await;
        self.remember_synced(key, entry, start, synced, write);
        let outcome = match write {
            Reported::Failed(_) => retry(entry, Reason::Unavailable),
            Reported::Written | Reported::Unchanged => self.next_check(key, change),
        };
        self.publish_synced(entry, change, &missing, write).await;
        outcome
    }

    fn remember_synced(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        start: RefreshStart,
        synced: Synced,
        write: Reported,
    ) {
        self.objects.update(key, entry.uid(), |memory| {
            memory.versions = synced.versions;
            memory.fingerprint = synced.fingerprint;
            memory.left_as = (!synced.change.is_written()).then_some(start.secret);
            if synced.change == SecretChange::Updated {
                memory.record_repair(Instant::now());
            }
            if let Reported::Failed(reason) = write {
                memory.refreshed = None;
                memory.failed = Some(reason);
                memory.attempts = entry.attempts.saturating_add(1);
            } else {
                memory.refreshed = Some(start.date);
                memory.read_by_this_process = true;
                memory.synced = Some(entry.current.clone());
                memory.failed = None;
                memory.attempts = 0;
            }
        });
    }

    /// The plan knows when the object is due, so it is asked at once. But if the Secret already differs
    /// from what was written, something such as a webhook changes it and will do so again: back off.
    fn next_check(&self, key: &ObjectKey, change: SecretChange) -> Outcome {
        let delay = || {
            let entry = self.objects.get(key).filter(|_| change.is_written())?;
            let secret = self.context.secrets.get(&entry.target())?;
            let is_as_written = is_as_written(&secret, entry.fingerprint.as_deref());
            (!is_as_written).then(|| entry.repair_delay(Instant::now()).max(FIRST_REPAIR_DELAY))
        };
        Outcome::requeue(Priority::Resync, delay().unwrap_or_default())
    }

    async fn publish_synced(
        &self,
        entry: &ExternalSecretEntry,
        change: SecretChange,
        missing: &str,
        write: Reported,
    ) {
        let object = &*entry.object;
        let event = change.event();
        if let Some((reason, message)) = event {
            self.context.events.publish(object, Severity::Normal, reason, message).await;
        }
        if !missing.is_empty() && (event.is_some() || write == Reported::Written) {
            let message = format!("missing in AWS and left out of the Secret: {missing}");
            let reason = "MissingProviderSecret";
            self.context.events.publish(object, Severity::Normal, reason, &message).await;
        }
    }

    pub(super) async fn record_failed(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        took: Duration,
        failure: SyncFailure,
    ) -> Outcome {
        let reason = failure.reason();
        self.metrics.refreshed(key, took, Some(reason));
        let message = failure.first_error().to_string();
        warn!(object = %key, %reason, message, "not in sync");

        let write = self.write_failed(key, entry, &failure).await;
        self.objects.update(key, entry.uid(), |memory| {
            memory.failed =
                Some(if let Reported::Failed(of_write) = write { of_write } else { reason });
            memory.attempts = memory.attempts.saturating_add(1);
            if let Some(versions) = failure.versions {
                memory.versions = *versions;
            }
        });
        if write == Reported::Written {
            let object = &*entry.object;
            self.context.events.publish(object, Severity::Warning, "UpdateFailed", &message).await;
        }
        retry(entry, reason)
    }

    async fn write_failed(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        failure: &SyncFailure,
    ) -> Reported {
        let is_new = entry.synced.is_none();
        let is_transient = failure.reason().passes();
        if is_transient && entry.attempts < ATTEMPTS_BEFORE_STATUS && !is_new {
            return Reported::Unchanged;
        }
        let target = entry.target();
        let update = StatusUpdate::Failed(FailedStatus {
            failure,
            target: &target.name,
            stale_since: entry.refreshed.filter(|_| self.context.secrets.contains(&target)),
        });
        self.status.write(key, entry, update).await
    }
}

fn retry(entry: &ExternalSecretEntry, reason: Reason) -> Outcome {
    let interval = schedule::interval(&entry.object.spec);
    let delay = backoff(reason, interval).delay(entry.attempts, rand::random());
    Outcome::requeue(Priority::Retry, delay)
}

fn backoff(reason: Reason, interval: Duration) -> Backoff {
    let interval = if interval.is_zero() { BACKOFF_MAX } else { interval };
    let max = if reason.passes() { BACKOFF_MAX_TRANSIENT } else { BACKOFF_MAX };
    Backoff { first: BACKOFF_FIRST, max: max.min(interval.max(BACKOFF_FIRST)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// external-secrets#6728: an object with an interval of a day made 200 requests a day when it failed.
    #[test]
    fn failing_object_is_retried_at_most_twice_an_hour() {
        let day = Duration::from_secs(86_400);
        let denied = |attempts| backoff(Reason::AccessDenied, day).delay(attempts, u32::MAX);
        assert_eq!(denied(0), Duration::from_secs(1));
        assert_eq!(denied(u32::MAX), BACKOFF_MAX);
        let short = Duration::from_secs(5);
        assert_eq!(backoff(Reason::NotFound, short).delay(9, u32::MAX), short);
        let throttled = backoff(Reason::Throttled, day).delay(99, u32::MAX);
        assert_eq!(throttled, BACKOFF_MAX_TRANSIENT);
    }
}
