//! The status of an ExternalSecret after a refresh: pure.
//!
//! `Ready` has External Secrets' reasons and messages, which other programs rely on. `Explained` is ours:
//! it has our reason for each error.

use std::{collections::BTreeMap, fmt::Write as _};

use crds::{
    ExternalSecretStatus,
    external_secret::{Binding, Condition, condition},
};
use jiff::Timestamp;

use super::{
    outcome::{EntryError, SecretChange, SyncFailure},
    upstream_crd::CrdSupport,
};
use crate::runtime::{
    clock::rfc3339_seconds,
    status::{set_transition_times, status_text},
};

/// How often a refresh without a change is recorded in the status. Metrics have the exact time.
const STATUS_HEARTBEAT_SECONDS: i64 = 24 * 3600;
/// How many errors `Explained` lists.
const MAX_LISTED_ERRORS: usize = 10;
const MAX_MESSAGE_CHARS: usize = 8192;
const RETRIES_TRANSIENT: &str = "within 5m";
const RETRIES: &str = "when the object changes, and within 30m or the interval";

#[derive(Clone, Copy, Debug)]
pub(super) enum StatusUpdate<'u> {
    Synced(SyncedStatus<'u>),
    Failed(FailedStatus<'u>),
    /// Another controller manages the object. Only `Explained` is set.
    Unmanaged(&'u EntryError),
    /// The object is in sync, and `Explained` is outdated.
    ClearDiagnosis,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct SyncedStatus<'u> {
    pub(super) change: SecretChange,
    pub(super) target: &'u str,
    /// When the values were read.
    pub(super) refreshed: Timestamp,
    /// The version of the object that the Secret was made for.
    pub(super) synced: &'u str,
    pub(super) versions: &'u BTreeMap<String, String>,
    pub(super) fingerprint: Option<&'u str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FailedStatus<'u> {
    pub(super) failure: &'u SyncFailure,
    pub(super) target: &'u str,
    /// When the values of the Secret were read, if it exists.
    pub(super) stale_since: Option<Timestamp>,
}

/// The status after this update, as the installed CRD accepts it. None if nothing but times would change.
pub(super) fn next(
    previous: &ExternalSecretStatus,
    update: StatusUpdate<'_>,
    support: CrdSupport,
    now: Timestamp,
) -> Option<ExternalSecretStatus> {
    let previous = without_pruning(previous, update, support);
    let next = updated(&previous, update, now)?;
    match update {
        _ if !support.refuses_explained => Some(next),
        StatusUpdate::Unmanaged(_) => None,
        _ => Some(explained_in_ready(next)).filter(|next| *next != previous),
    }
}

/// The replacement for a status that was refused as invalid: the same without `Explained`. None if
/// `Explained` did not cause the refusal, or if another controller wrote `Ready`.
pub(super) fn without_explained(
    status: &ExternalSecretStatus,
    update: StatusUpdate<'_>,
) -> Option<ExternalSecretStatus> {
    let is_explained = condition(&status.conditions, "Explained").is_some();
    let is_ours = !matches!(update, StatusUpdate::Unmanaged(_));
    (is_explained && is_ours).then(|| explained_in_ready(status.clone()))
}

/// The status as it would be, had the API server pruned nothing.
fn without_pruning(
    status: &ExternalSecretStatus,
    update: StatusUpdate<'_>,
    support: CrdSupport,
) -> ExternalSecretStatus {
    let mut status = status.clone();
    if let StatusUpdate::Synced(synced) = update
        && support.prunes_record
    {
        status.versions.clone_from(synced.versions);
        status.fingerprint = synced.fingerprint.map(ToOwned::to_owned);
    }
    status
}

fn updated(
    previous: &ExternalSecretStatus,
    update: StatusUpdate<'_>,
    now: Timestamp,
) -> Option<ExternalSecretStatus> {
    let mut status = previous.clone();
    let (ready, explained) = match update {
        StatusUpdate::ClearDiagnosis => (None, None),
        StatusUpdate::Unmanaged(error) => (None, Some(explained(std::slice::from_ref(error)))),
        StatusUpdate::Synced(synced) => {
            if synced.change.is_written() {
                status.binding = Binding { name: synced.target.to_owned() };
            }
            status.synced_resource_version = Some(synced.synced.to_owned());
            status.versions = synced.versions.clone();
            status.fingerprint = synced.fingerprint.map(ToOwned::to_owned);
            let (reason, message) = synced.change.ready();
            (Some(ready(true, reason, message.to_owned())), None)
        }
        StatusUpdate::Failed(FailedStatus { failure, target, stale_since }) => {
            if failure.has_binding {
                status.binding = Binding { name: target.to_owned() };
            }
            let message = failed_message(failure, stale_since);
            (Some(ready(false, "SecretSyncedError", message)), Some(explained(&failure.errors)))
        }
    };
    let is_replaced = |condition: &Condition| {
        condition.type_ == "Explained" || condition.type_ == "Ready" && ready.is_some()
    };
    status.conditions.retain(|condition| !is_replaced(condition));
    status.conditions.splice(0..0, ready);
    status.conditions.extend(explained);
    set_transition_times(&mut status.conditions, &previous.conditions, now);
    if let StatusUpdate::Synced(synced) = update {
        if status == *previous && is_recorded(previous, synced.refreshed) {
            return None;
        }
        status.refresh_time = Some(rfc3339_seconds(synced.refreshed));
    }
    (status != *previous).then_some(status)
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
    let retries = if reason.passes() { RETRIES_TRANSIENT } else { RETRIES };
    format!("{}: {reason}{stale}; tried again {retries}", failure.message)
}

fn ready(is_true: bool, reason: &str, message: String) -> Condition {
    Condition {
        type_: "Ready".to_owned(),
        status: status_text(is_true),
        reason: Some(reason.to_owned()),
        message: Some(message),
        ..Condition::default()
    }
}

fn explained(errors: &[EntryError]) -> Condition {
    let listed = errors.iter().take(MAX_LISTED_ERRORS).map(EntryError::to_string);
    let mut message = listed.collect::<Vec<_>>().join("; ");
    if errors.len() > MAX_LISTED_ERRORS {
        let _ = write!(message, "; and {} more", errors.len() - MAX_LISTED_ERRORS);
    }
    let reason = errors.first().map(|first| first.failure.reason.as_str().to_owned());
    Condition {
        type_: "Explained".to_owned(),
        status: "True".to_owned(),
        reason,
        message: Some(message.chars().take(MAX_MESSAGE_CHARS).collect()),
        ..Condition::default()
    }
}

/// Moves the message of `Explained` into that of `Ready`.
fn explained_in_ready(mut status: ExternalSecretStatus) -> ExternalSecretStatus {
    let explained = condition(&status.conditions, "Explained").and_then(|own| own.message.clone());
    status.conditions.retain(|condition| condition.type_ != "Explained");
    let ready = status.conditions.iter_mut().find(|condition| condition.type_ == "Ready");
    if let (Some(explained), Some(message)) =
        (explained, ready.and_then(|ready| ready.message.as_mut()))
        && !message.ends_with(&explained)
    {
        message.push_str("; ");
        message.push_str(&explained);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        external::outcome::NO_DATA,
        reason::{Failure, Reason},
    };

    const STRICT: CrdSupport = CrdSupport { refuses_explained: true, prunes_record: true };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn next(
        previous: &ExternalSecretStatus,
        update: StatusUpdate<'_>,
        now: Timestamp,
    ) -> Option<ExternalSecretStatus> {
        super::next(previous, update, CrdSupport::default(), now)
    }

    fn synced(refreshed: i64) -> StatusUpdate<'static> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        StatusUpdate::Synced(SyncedStatus {
            change: SecretChange::Created,
            target: "s",
            refreshed: at(refreshed),
            synced: "1-x",
            versions: &NONE,
            fingerprint: None,
        })
    }

    fn throttled() -> EntryError {
        let failure = Failure::new(Reason::Throttled, "AWS asks for fewer requests");
        EntryError { entry: "data[0] (key a)".into(), failure }
    }

    fn failure() -> SyncFailure {
        SyncFailure { errors: vec![throttled()], ..SyncFailure::new(NO_DATA, throttled().failure) }
    }

    fn failed(failure: &SyncFailure) -> StatusUpdate<'_> {
        StatusUpdate::Failed(FailedStatus { failure, target: "s", stale_since: Some(at(150)) })
    }

    #[test]
    fn unchanged_refresh_is_recorded_once_a_day() {
        let first = next(&ExternalSecretStatus::default(), synced(100), at(100)).unwrap();
        assert_eq!(first.refresh_time.as_deref(), Some("1970-01-01T00:01:40Z"));
        assert_eq!(first.binding.name, "s");
        assert_eq!(next(&first, synced(3700), at(3700)), None);
        let day = 100 + STATUS_HEARTBEAT_SECONDS;
        let later = next(&first, synced(day), at(day)).unwrap();
        assert_eq!(later.refresh_time.as_deref(), Some("1970-01-02T00:01:40Z"));
        assert_eq!(later.conditions, first.conditions);
        let future =
            ExternalSecretStatus { refresh_time: Some(rfc3339_seconds(at(9999))), ..first };
        let corrected = next(&future, synced(3700), at(3700)).unwrap();
        assert_eq!(corrected.refresh_time.as_deref(), Some("1970-01-01T01:01:40Z"));
    }

    #[test]
    fn failed_refresh_keeps_refresh_time_and_names_the_stale_values() {
        let first = next(&ExternalSecretStatus::default(), synced(100), at(100)).unwrap();
        let failure = failure();
        let status = next(&first, failed(&failure), at(200)).unwrap();
        assert_eq!(status.refresh_time, first.refresh_time);
        assert_eq!(status.binding.name, "s");
        let ready = condition(&status.conditions, "Ready").unwrap();
        assert_eq!(
            (ready.status.as_str(), ready.reason.as_deref()),
            ("False", Some("SecretSyncedError"))
        );
        assert_eq!(
            ready.message.as_deref(),
            Some(
                "could not get secret data from provider: Throttled; the Secret keeps its values, \
                 Stale since 1970-01-01T00:02:30Z; tried again within 5m"
            )
        );
        let explained = condition(&status.conditions, "Explained").unwrap();
        assert_eq!(explained.reason.as_deref(), Some("Throttled"));
        assert_eq!(
            explained.message.as_deref(),
            Some("data[0] (key a): Throttled: AWS asks for fewer requests")
        );
        assert_eq!(next(&status, failed(&failure), at(300)), None);
        let again = next(&status, synced(400), at(400)).unwrap();
        assert_eq!(condition(&again.conditions, "Explained"), None);
        let ready = condition(&again.conditions, "Ready").unwrap();
        assert_eq!(ready.last_transition_time.as_deref(), Some("1970-01-01T00:06:40Z"));
    }

    #[test]
    fn unmanaged_object_keeps_its_ready_condition() {
        let first = next(&ExternalSecretStatus::default(), synced(100), at(100)).unwrap();
        let error = throttled();
        let unmanaged = StatusUpdate::Unmanaged(&error);
        let status = next(&first, unmanaged, at(200)).unwrap();
        assert_eq!(status.conditions[0], first.conditions[0]);
        let explained = condition(&status.conditions, "Explained").unwrap();
        assert_eq!(explained.reason.as_deref(), Some("Throttled"));
        assert_eq!(next(&status, StatusUpdate::ClearDiagnosis, at(200)).unwrap(), first);
        assert_eq!(next(&first, StatusUpdate::ClearDiagnosis, at(200)), None);
        assert_eq!(super::next(&first, unmanaged, STRICT, at(200)), None);
        assert_eq!(without_explained(&status, unmanaged), None, "Ready is another controller's");
    }

    #[test]
    fn refused_explanation_moves_into_ready() {
        let first = next(&ExternalSecretStatus::default(), synced(100), at(100)).unwrap();
        let failure = failure();
        let refused = next(&first, failed(&failure), at(200)).unwrap();
        let plain = without_explained(&refused, failed(&failure)).unwrap();
        assert_eq!(condition(&plain.conditions, "Explained"), None);
        let message = condition(&plain.conditions, "Ready").unwrap().message.as_deref().unwrap();
        assert!(message.ends_with("AWS asks for fewer requests"), "{message}");
        assert_eq!(super::next(&first, failed(&failure), STRICT, at(200)).unwrap(), plain);
        assert_eq!(super::next(&plain, failed(&failure), STRICT, at(300)), None);
    }

    #[test]
    fn pruned_versions_count_as_written() {
        let versions = [("0 a".to_owned(), "1@20".to_owned())].into();
        let StatusUpdate::Synced(update) = synced(100) else { unreachable!() };
        let update = StatusUpdate::Synced(SyncedStatus { versions: &versions, ..update });
        let mut status = next(&ExternalSecretStatus::default(), update, at(100)).unwrap();
        status.versions.clear();
        assert!(next(&status, update, at(200)).is_some());
        assert_eq!(super::next(&status, update, STRICT, at(200)), None);
    }
}
