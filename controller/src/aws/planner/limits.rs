//! The limits of one identity, as far as they are known. Pure: no request, clock or lock.

use std::{collections::HashSet, ops::ControlFlow, time::Duration};

use tokio::time::Instant;

use crate::{
    aws::{error::ReadError, read::ReadRequest},
    reason::Reason,
    runtime::backoff::Backoff,
};

/// How long a denial of batches is believed. Then one batch probes the permission again.
pub(crate) const BATCH_RECHECK_INTERVAL: Duration = Duration::from_hours(24);
/// Any user who may create ExternalSecrets can ask for any number of names that do not exist.
const MAX_EXCLUSIONS: usize = 10_000;
const THROTTLE_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), max: Duration::from_secs(8) };

/// Whether an identity may read batches, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BatchPermission {
    Unknown,
    Allowed,
    /// AWS denies this action.
    Denied(&'static str),
}

/// May the identity read batches, which requests stay out of them, and does AWS throttle it?
pub(super) struct Limits {
    pub(super) permission: BatchPermission,
    permission_since: Instant,
    /// Requests that make AWS deny every batch with them.
    pub(super) poisoned: HashSet<ReadRequest>,
    /// Requests that only an individual read answers.
    never_batch: HashSet<ReadRequest>,
    exclusions_since: Instant,
    /// When the current pause ends, and how many pauses came before it without a success.
    pub(super) pause: Option<(Instant, u32)>,
}

/// A request that was read individually, and its error if it failed.
pub(super) type IndividualResult = (ReadRequest, Option<ReadError>);

impl Limits {
    pub(super) fn new(permission: BatchPermission, now: Instant) -> Self {
        Self {
            permission,
            permission_since: now,
            poisoned: HashSet::new(),
            never_batch: HashSet::new(),
            exclusions_since: now,
            pause: None,
        }
    }

    pub(super) fn set_permission(&mut self, permission: BatchPermission, now: Instant) {
        (self.permission, self.permission_since) = (permission, now);
    }

    /// The permission without a denial of the day before. If it is unknown, one batch probes it.
    pub(super) fn recent_permission(&self, now: Instant) -> BatchPermission {
        let is_recent = now.duration_since(self.permission_since) < BATCH_RECHECK_INTERVAL;
        match self.permission {
            BatchPermission::Denied(_) if !is_recent => BatchPermission::Unknown,
            permission => permission,
        }
    }

    /// Forgets all exclusions after a day, because permissions change.
    pub(super) fn expire_exclusions(&mut self, now: Instant) {
        if now.duration_since(self.exclusions_since) >= BATCH_RECHECK_INTERVAL {
            self.poisoned.clear();
            self.never_batch.clear();
            self.exclusions_since = now;
        }
    }

    /// Keeps requests out of batches that only an individual read answers.
    pub(super) fn never_batch(&mut self, requests: impl IntoIterator<Item = ReadRequest>) {
        exclude(&mut self.never_batch, requests);
    }

    pub(super) fn excludes(&self, request: &ReadRequest) -> bool {
        self.poisoned.contains(request) || self.never_batch.contains(request)
    }

    /// Records how a request ended. During a pause, results belong to requests that were sent
    /// before it, and say nothing new.
    pub(super) fn record_result(&mut self, error: Option<&ReadError>, now: Instant) {
        let is_paused = self.pause.is_some_and(|(until, _)| until > now);
        match error {
            _ if is_paused => {}
            None => self.pause = None,
            Some(error) if error.reason == Reason::Throttled => {
                let failures = self.pause.map_or(0, |(_, failures)| failures.saturating_add(1));
                self.pause = Some((now + THROTTLE_BACKOFF.delay(failures, u32::MAX), failures));
            }
            Some(_) => {}
        }
    }

    /// Finds out why a batch was refused, from individual reads of its requests. Returns whether
    /// the next batch may succeed.
    pub(super) fn learn_from_refusal(
        &mut self,
        refusal: &ReadError,
        read: Vec<IndividualResult>,
        one_poisons_batch: bool,
        now: Instant,
    ) -> ControlFlow<()> {
        let has_some_succeeded = read.iter().any(|(_, error)| error.is_none());
        let is_suspect = |error: ReadError| error.reason == refusal.reason;
        let suspects = read
            .into_iter()
            .filter_map(|(request, error)| error.is_some_and(is_suspect).then_some(request));
        let suspects: Vec<_> = suspects.collect();
        let is_innocent = suspects.is_empty() || has_some_succeeded && !one_poisons_batch;
        if refusal.reason == Reason::AccessDenied && is_innocent {
            self.set_permission(BatchPermission::Denied(refusal.action), now);
            return ControlFlow::Break(());
        }
        exclude(&mut self.poisoned, suspects);
        ControlFlow::Continue(())
    }
}

/// Forgets the others when there are too many. They are learned again.
fn exclude(known: &mut HashSet<ReadRequest>, requests: impl IntoIterator<Item = ReadRequest>) {
    for request in requests {
        if known.len() >= MAX_EXCLUSIONS {
            known.clear();
        }
        known.insert(request);
    }
}

/// Whether a failed batch says something about permissions. The cause is one of its requests, or a
/// missing permission for batches. Without valid credentials, it says nothing.
pub(in crate::aws) fn is_refusal(error: &ReadError) -> bool {
    !error.reason.passes() && error.rejected.is_none() && error.detail.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::Rejection;

    #[tokio::test(start_paused = true)]
    async fn denied_permission_is_probed_again_after_a_day() {
        let start = Instant::now();
        let mut limits = Limits::new(BatchPermission::Unknown, start);
        assert_eq!(limits.recent_permission(start), BatchPermission::Unknown);
        let denied = BatchPermission::Denied("a:B");
        limits.set_permission(denied, start);
        assert_eq!(limits.permission, denied);
        assert_eq!(limits.recent_permission(start), denied);
        let later = start + BATCH_RECHECK_INTERVAL;
        assert_eq!(limits.recent_permission(later), BatchPermission::Unknown);
        limits.set_permission(BatchPermission::Allowed, later);
        let last = later + BATCH_RECHECK_INTERVAL;
        assert_eq!(limits.recent_permission(last), BatchPermission::Allowed);
    }

    fn requests(ids: &[&str]) -> Vec<ReadRequest> {
        ids.iter().map(|id| ReadRequest::current(*id)).collect()
    }

    fn error(reason: Reason) -> ReadError {
        ReadError::new(reason, "batch")
    }

    #[test]
    fn failed_batch_is_classified_by_its_error() {
        let rejected =
            ReadError { rejected: Some(Rejection::Expired), ..error(Reason::AccessDenied) };
        let explained = ReadError { detail: Some("x".into()), ..error(Reason::AccessDenied) };
        for (error, expected) in [
            (error(Reason::Throttled), false),
            (error(Reason::Timeout), false),
            (rejected, false),
            (explained, false),
            (error(Reason::AccessDenied), true),
            (error(Reason::Malformed), true),
        ] {
            assert_eq!(is_refusal(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn refusal_is_diagnosed_by_individual_reads() {
        let denied = &error(Reason::AccessDenied);
        let malformed = &error(Reason::Malformed);
        let batches_denied = None;
        let poisoned = |ids: &[&str]| Some(requests(ids).into_iter().collect::<HashSet<_>>());
        for (refusal, failed, reason, one_poisons, expected) in [
            // All succeed individually.
            (denied, [].as_slice(), Reason::AccessDenied, true, batches_denied.clone()),
            // Some are denied, which does not refuse the batch in Secrets Manager, but does in
            // Parameter Store.
            (denied, &["a"], Reason::AccessDenied, false, batches_denied.clone()),
            (denied, &["a"], Reason::AccessDenied, true, poisoned(&["a"])),
            // The failures have another reason.
            (denied, &["a"], Reason::NotFound, true, batches_denied),
            // All are denied, so the permission for batches stays unknown.
            (denied, &["a", "b"], Reason::AccessDenied, false, poisoned(&["a", "b"])),
            // A malformed request is no matter of permissions.
            (malformed, &["a"], Reason::Malformed, false, poisoned(&["a"])),
            (malformed, &[], Reason::Malformed, false, poisoned(&[])),
        ] {
            let now = Instant::now();
            let mut limits = Limits::new(BatchPermission::Unknown, now);
            let result = |id| {
                let error = failed.contains(&id).then(|| error(reason));
                (ReadRequest::current(id), error)
            };
            let read = ["a", "b"].map(result).into();
            let next = limits.learn_from_refusal(refusal, read, one_poisons, now);
            let denied = BatchPermission::Denied("batch");
            let permission = if expected.is_some() { BatchPermission::Unknown } else { denied };
            assert_eq!(limits.permission, permission);
            assert_eq!(next.is_break(), expected.is_none());
            assert_eq!(limits.poisoned, expected.unwrap_or_default());
        }
    }
}
