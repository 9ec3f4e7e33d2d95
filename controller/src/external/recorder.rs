//! What follows from a refresh, in this order: the status, what the process remembers, when the object is
//! reconciled again, and the Event.
//!
//! If the status cannot be written, the object counts as not refreshed and is retried soon. Otherwise the
//! status would be wrong until the next interval.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    index::{
        CONFLICT_BACKOFF_FIRST, ExternalIndex, ExternalSecretEntry, SecretState, is_as_written,
    },
    metrics::ExternalMetrics,
    outcome::{EntryError, SecretChange, SyncError, SyncFailure, Synced},
    schedule,
    status::{FailedStatus, StatusUpdate, SyncedStatus},
    status_writer::{StatusWrite, StatusWriter},
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        backoff::Backoff,
        events::{EventPublisher, Severity},
        queue::{Priority, WorkQueue},
    },
    target::SecretIndex,
};

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The longest delay after an error that usually passes by itself.
pub(super) const BACKOFF_MAX_TRANSIENT: Duration = Duration::from_mins(5);
/// The longest delay after any other error, unless the object's interval is shorter.
const BACKOFF_MAX: Duration = Duration::from_mins(30);
/// How often an error that usually passes by itself must occur before the status reports it.
const ATTEMPTS_BEFORE_STATUS: u32 = 2;

pub(super) struct RefreshRecorder {
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) secrets: Arc<SecretIndex>,
    pub(super) queue: Arc<WorkQueue>,
    pub(super) status: StatusWriter,
    pub(super) events: EventPublisher,
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
        outcome: Result<Synced, SyncError>,
    ) {
        match outcome {
            Ok(synced) => self.record_synced(key, entry, start, synced).await,
            Err(SyncError::Failed(failure)) => {
                self.record_failed(key, entry, start, failure).await;
            }
            Err(SyncError::Superseded) => {
                self.queue.add(key.clone(), Priority::Change, Duration::ZERO);
            }
            Err(SyncError::NamespaceGone) => {}
        }
    }

    /// Reports that this controller does not manage the object.
    pub(super) async fn record_unmanaged(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        failure: Failure,
    ) {
        let error = EntryError::from(failure);
        let update = StatusUpdate::Unmanaged(&error);
        if let StatusWrite::Failed(_) = self.status.write(key, entry, update).await {
            self.queue.add(key.clone(), Priority::Retry, BACKOFF_MAX_TRANSIENT);
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
    ) {
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
        let next = match write {
            StatusWrite::Failed(_) => NextReconcile::after_error(entry, Reason::Unavailable),
            StatusWrite::Written | StatusWrite::Unchanged => self.next_check(key, change),
        };
        self.queue.add(key.clone(), next.priority, next.after);
        self.publish_synced(entry, change, &missing, write).await;
    }

    fn remember_synced(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        start: RefreshStart,
        synced: Synced,
        write: StatusWrite,
    ) {
        self.objects.update(key, entry.uid(), |memory| {
            memory.versions = synced.versions;
            memory.fingerprint = synced.fingerprint;
            memory.left_as = (!synced.change.is_written()).then_some(start.secret);
            if synced.change == SecretChange::Updated {
                memory.record_repair(Instant::now());
            }
            if let StatusWrite::Failed(reason) = write {
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
    fn next_check(&self, key: &ObjectKey, change: SecretChange) -> NextReconcile {
        let delay = || {
            let entry = self.objects.get(key).filter(|_| change.is_written())?;
            let secret = self.secrets.get(&entry.target())?;
            let is_as_written = is_as_written(&secret, entry.fingerprint.as_deref());
            (!is_as_written)
                .then(|| entry.conflict_backoff(Instant::now()).max(CONFLICT_BACKOFF_FIRST))
        };
        NextReconcile { priority: Priority::Resync, after: delay().unwrap_or_default() }
    }

    async fn publish_synced(
        &self,
        entry: &ExternalSecretEntry,
        change: SecretChange,
        missing: &str,
        write: StatusWrite,
    ) {
        let object = &*entry.object;
        let event = change.event();
        if let Some((reason, message)) = event {
            self.events.publish(object, Severity::Normal, reason, message).await;
        }
        if !missing.is_empty() && (event.is_some() || write == StatusWrite::Written) {
            let message = format!("missing in AWS and left out of the Secret: {missing}");
            let reason = "MissingProviderSecret";
            self.events.publish(object, Severity::Normal, reason, &message).await;
        }
    }

    async fn record_failed(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        start: RefreshStart,
        failure: SyncFailure,
    ) {
        let reason = failure.reason();
        self.metrics.refreshed(key, start.at.elapsed(), Some(reason));
        let message = failure.first_error().to_string();
        warn!(object = %key, %reason, message, "not in sync");

        let write = self.write_failed(key, entry, &failure).await;
        self.objects.update(key, entry.uid(), |memory| {
            memory.failed =
                Some(if let StatusWrite::Failed(of_write) = write { of_write } else { reason });
            memory.attempts = memory.attempts.saturating_add(1);
            if let Some(versions) = failure.versions {
                memory.versions = *versions;
            }
        });
        let next = NextReconcile::after_error(entry, reason);
        self.queue.add(key.clone(), next.priority, next.after);
        if write == StatusWrite::Written {
            let object = &*entry.object;
            self.events.publish(object, Severity::Warning, "UpdateFailed", &message).await;
        }
    }

    async fn write_failed(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        failure: &SyncFailure,
    ) -> StatusWrite {
        let is_new = entry.synced.is_none();
        let is_transient = failure.reason().passes();
        if is_transient && entry.attempts < ATTEMPTS_BEFORE_STATUS && !is_new {
            return StatusWrite::Unchanged;
        }
        let target = entry.target();
        let update = StatusUpdate::Failed(FailedStatus {
            failure,
            target: &target.name,
            stale_since: entry.refreshed.filter(|_| self.secrets.contains(&target)),
        });
        self.status.write(key, entry, update).await
    }
}

/// When the object is reconciled again.
struct NextReconcile {
    priority: Priority,
    after: Duration,
}

impl NextReconcile {
    fn after_error(entry: &ExternalSecretEntry, reason: Reason) -> Self {
        let interval = schedule::interval(&entry.object.spec);
        let after = backoff(reason, interval).delay(entry.attempts, rand::random());
        Self { priority: Priority::Retry, after }
    }
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
