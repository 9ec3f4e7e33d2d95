//! The status of an ExternalSecret after a refresh: pure.
//! `Ready` has External Secrets' reasons and messages, which other programs rely on. `Explained` is ours:
//! it has our reason for each error. `Stalled` ends the wait of Flux, Helm and other users of kstatus, and
//! `Reconciling` lets them wait for a retry.

#[cfg(test)]
mod tests;

use std::{
    fmt::Write as _,
    slice,
    sync::atomic::{AtomicBool, Ordering},
};

use crds::{
    ExternalSecretStatus,
    external_secret::{Binding, Condition, condition},
};
use jiff::Timestamp;

use super::{
    index::ExternalSecretEntry,
    outcome::{EntryError, SyncFailure, Synced},
};
use crate::runtime::{
    clock::rfc3339_seconds,
    status::{external_condition, set_transition_times},
};

/// How often a refresh without a change is recorded in the status: less than a day, for the read of each day.
const STATUS_HEARTBEAT_SECONDS: i64 = 20 * 3600;
/// Our own conditions, which exist while there is a problem.
const DIAGNOSIS: [&str; 3] = ["Explained", "Reconciling", "Stalled"];
const MAX_LISTED_ERRORS: usize = 10;
const MAX_MESSAGE_CHARS: usize = 8192;
const RETRIES: &str = "when the object changes, and within its interval or 1h";

/// The fields that the installed CRD supports, as responses of the API server have shown. External Secrets'
/// own CRD may be installed in the place of ours. Its newer versions refuse conditions other than `Ready`
/// and `Deleted`, and all versions prune `status.versions` and `status.fingerprint`.
#[derive(Debug, Default)]
pub(super) struct CrdSupport {
    /// The explanation goes into the message of `Ready`, and `Stalled` is left out. Until the process
    /// ends, they are not tried again.
    pub(super) refuses_explained: AtomicBool,
    /// `status.versions` and `status.fingerprint` count as written.
    pub(super) prunes_record: AtomicBool,
}

#[derive(Clone, Copy)]
pub(super) enum StatusUpdate<'u> {
    /// The values were read at this time.
    Synced(&'u Synced, Timestamp),
    /// The Secret, if it exists, has values that were read at this time.
    Failed(&'u SyncFailure, Option<Timestamp>),
    /// Another controller manages the object. Only `Explained` is set.
    Unmanaged(&'u EntryError),
    /// The object is in sync, and `Explained` is outdated.
    ClearDiagnosis,
}

impl StatusUpdate<'_> {
    /// The status after this update, as the installed CRD accepts it. None if only times would change.
    pub(super) fn next(
        self,
        entry: &ExternalSecretEntry,
        previous: &ExternalSecretStatus,
        support: &CrdSupport,
        now: Timestamp,
    ) -> Option<ExternalSecretStatus> {
        let mut previous = previous.clone();
        if let Self::Synced(synced, _) = self
            && support.prunes_record.load(Ordering::Relaxed)
        {
            // The status as it would be, had the API server pruned nothing.
            previous.versions = synced.versions.record();
            previous.fingerprint.clone_from(&synced.fingerprint);
        }
        let next = self.apply(entry, &previous, now)?;
        match self {
            _ if !support.refuses_explained.load(Ordering::Relaxed) => Some(next),
            Self::Unmanaged(_) => None,
            _ => Some(with_only_ready(next)).filter(|next| !is_same(next, &previous)),
        }
    }

    /// The replacement for a status that was refused as invalid: the same with only `Ready`. None if
    /// `Explained` did not cause the refusal, or if another controller wrote `Ready`.
    pub(super) fn without_explained(
        self,
        status: &ExternalSecretStatus,
    ) -> Option<ExternalSecretStatus> {
        let is_explained = condition(&status.conditions, "Explained").is_some();
        let is_ours = !matches!(self, Self::Unmanaged(_));
        (is_explained && is_ours).then(|| with_only_ready(status.clone()))
    }

    fn apply(
        self,
        entry: &ExternalSecretEntry,
        previous: &ExternalSecretStatus,
        now: Timestamp,
    ) -> Option<ExternalSecretStatus> {
        let mut status = previous.clone();
        let binding = || Binding { name: entry.object.target_name().to_owned() };
        let (ready, diagnosis) = match self {
            Self::ClearDiagnosis => (None, Vec::new()),
            Self::Unmanaged(error) => (None, vec![explained(slice::from_ref(error))]),
            Self::Synced(synced, _) => {
                if synced.change.is_written() {
                    status.binding = binding();
                }
                status.synced_resource_version = Some(entry.current.clone());
                status.versions = synced.versions.record();
                status.fingerprint.clone_from(&synced.fingerprint);
                let (reason, message) = synced.change.ready();
                (Some(external_condition("Ready", true, reason, message)), Vec::new())
            }
            Self::Failed(failure, stale_since) => {
                if failure.has_binding {
                    status.binding = binding();
                }
                let message = failed_message(failure, stale_since);
                let ready = external_condition("Ready", false, "SecretSyncedError", message);
                let explained = explained(&failure.errors);
                let progress = stalled(&failure.errors).or_else(|| reconciling(&failure.errors));
                (Some(ready), [Some(explained), progress].into_iter().flatten().collect())
            }
        };
        let is_replaced = |condition: &Condition| match condition.type_.as_str() {
            "Ready" => ready.is_some(),
            type_ => DIAGNOSIS.contains(&type_),
        };
        status.conditions.retain(|condition| !is_replaced(condition));
        status.conditions.splice(0..0, ready);
        status.conditions.extend(diagnosis);
        set_transition_times(&mut status.conditions, &previous.conditions, now);
        let observed = match self {
            Self::Unmanaged(_) => previous.observed_generation,
            _ => entry.object.metadata.generation,
        };
        // External Secrets' CRD prunes the generation, so its absence causes no write.
        status.observed_generation = previous.observed_generation.and(observed);
        if let Self::Synced(_, refreshed) = self {
            if status == *previous && is_recorded(previous, refreshed) {
                return None;
            }
            status.refresh_time = Some(rfc3339_seconds(refreshed));
        }
        let is_changed = status != *previous;
        status.proved_time = match self {
            Self::Synced(_, refreshed) => Some(rfc3339_seconds(refreshed)),
            Self::Unmanaged(_) => status.proved_time,
            Self::Failed(..) | Self::ClearDiagnosis => {
                entry.proved().map(rfc3339_seconds).or(status.proved_time)
            }
        };
        is_changed.then_some(ExternalSecretStatus { observed_generation: observed, ..status })
    }
}

/// Whether only the time of the proof differs.
fn is_same(next: &ExternalSecretStatus, previous: &ExternalSecretStatus) -> bool {
    let proved_time = previous.proved_time.clone();
    *previous == ExternalSecretStatus { proved_time, ..next.clone() }
}

/// Whether the status has a refresh time that is recent enough. A time in the future is not.
fn is_recorded(status: &ExternalSecretStatus, refreshed: Timestamp) -> bool {
    let recorded = status.refresh_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    recorded.is_some_and(|recorded| {
        let age = refreshed.as_second() - recorded.as_second();
        (0..STATUS_HEARTBEAT_SECONDS).contains(&age)
    })
}

fn failed_message(failure: &SyncFailure, stale_since: Option<Timestamp>) -> String {
    let reason = failure.reason();
    let stale = stale_since.map_or_else(String::new, |since| {
        format!("; the Secret keeps its values, Stale since {}", rfc3339_seconds(since))
    });
    format!("{}: {reason}{stale}; tried again {RETRIES}", failure.message)
}

fn explained(errors: &[EntryError]) -> Condition {
    let listed = errors.iter().take(MAX_LISTED_ERRORS).map(EntryError::to_string);
    let mut message = listed.collect::<Vec<_>>().join("; ");
    if errors.len() > MAX_LISTED_ERRORS {
        let _ = write!(message, "; and {} more", errors.len() - MAX_LISTED_ERRORS);
    }
    let reason = errors.first().map_or("", |first| first.failure.reason.as_str());
    external_condition("Explained", true, reason, cut(&message))
}

/// The condition for failures that only the user can solve.
fn stalled(errors: &[EntryError]) -> Option<Condition> {
    let stalled = errors.iter().find(|error| error.failure.reason.stalls())?;
    let reason = stalled.failure.reason.as_str();
    Some(external_condition("Stalled", true, reason, cut(&stalled.to_string())))
}

/// The condition for failures that a retry may solve. It excludes `Stalled`, by the rules of kstatus.
fn reconciling(errors: &[EntryError]) -> Option<Condition> {
    let first = errors.first()?;
    let reason = first.failure.reason.as_str();
    Some(external_condition("Reconciling", true, reason, format!("retried {RETRIES}")))
}

fn cut(message: &str) -> String {
    message.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// Removes our own conditions, and moves the message of `Explained` into that of `Ready`.
fn with_only_ready(mut status: ExternalSecretStatus) -> ExternalSecretStatus {
    let explained = condition(&status.conditions, "Explained").and_then(|own| own.message.clone());
    status.conditions.retain(|condition| !DIAGNOSIS.contains(&condition.type_.as_str()));
    let ready = status.conditions.iter_mut().find(|condition| condition.type_ == "Ready");
    let message = ready.and_then(|ready| ready.message.as_mut());
    if let (Some(explained), Some(message)) = (explained, message)
        && !message.ends_with(&explained)
    {
        message.push_str("; ");
        message.push_str(&explained);
    }
    status
}
