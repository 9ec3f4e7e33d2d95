//! The status of an ExternalSecret after a refresh: pure.
//! `Ready` has External Secrets' reasons and messages, which other programs rely on. `Explained` is ours:
//! it has our reason for each error. `Stalled` ends the wait of Flux, Helm and other users of kstatus.

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
const DIAGNOSIS: [&str; 2] = ["Explained", "Stalled"];
const MAX_LISTED_ERRORS: usize = 10;
const MAX_MESSAGE_CHARS: usize = 8192;
const RETRIES_TRANSIENT: &str = "within 5m";
const RETRIES: &str = "when the object changes, and within 30m or the interval";

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
            _ => Some(with_only_ready(next)).filter(|next| *next != previous),
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
                (
                    Some(ready),
                    [Some(explained), stalled(&failure.errors)].into_iter().flatten().collect(),
                )
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
        is_changed.then_some(ExternalSecretStatus { observed_generation: observed, ..status })
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        external::{
            outcome::{NO_DATA, SecretEffect},
            versions::Versions,
        },
        reason::{Failure, Reason},
        target::Applied,
    };

    static STRICT: CrdSupport = CrdSupport {
        refuses_explained: AtomicBool::new(true),
        prunes_record: AtomicBool::new(true),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn next_by(
        previous: &ExternalSecretStatus,
        update: StatusUpdate<'_>,
        support: &CrdSupport,
        now: Timestamp,
    ) -> Option<ExternalSecretStatus> {
        let metadata = json!({ "namespace": "n", "name": "s", "generation": 2 });
        let object = json!({ "metadata": metadata, "spec": {} });
        let entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
        update.next(&entry, previous, support, now)
    }

    fn next(
        previous: &ExternalSecretStatus,
        update: StatusUpdate<'_>,
        now: Timestamp,
    ) -> Option<ExternalSecretStatus> {
        next_by(previous, update, &CrdSupport::default(), now)
    }

    fn created() -> Synced {
        let (versions, fingerprint) = (Versions::default(), None);
        Synced {
            change: SecretEffect::Applied(Applied::Created),
            versions,
            fingerprint,
            missing: vec![],
        }
    }

    fn synced_at(previous: &ExternalSecretStatus, refreshed: i64) -> Option<ExternalSecretStatus> {
        next(previous, StatusUpdate::Synced(&created(), at(refreshed)), at(refreshed))
    }

    fn throttled() -> EntryError {
        let failure = Failure::new(Reason::Throttled, "AWS asks for fewer requests");
        EntryError { entry: "data[0] (key a)".into(), failure }
    }

    fn failure() -> SyncFailure {
        SyncFailure { errors: vec![throttled()], ..SyncFailure::new(NO_DATA, throttled().failure) }
    }

    fn failed(failure: &SyncFailure) -> StatusUpdate<'_> {
        StatusUpdate::Failed(failure, Some(at(150)))
    }

    #[test]
    fn unchanged_refresh_is_recorded_once_a_day() {
        let first = synced_at(&ExternalSecretStatus::default(), 100).unwrap();
        assert_eq!(first.refresh_time.as_deref(), Some("1970-01-01T00:01:40Z"));
        assert_eq!(first.binding.name, "s");
        assert_eq!(synced_at(&first, 3700), None);
        let day = 100 + STATUS_HEARTBEAT_SECONDS;
        assert_eq!(synced_at(&first, day - 1), None);
        let later = synced_at(&first, day).unwrap();
        assert_eq!(later.refresh_time.as_deref(), Some("1970-01-01T20:01:40Z"));
        assert_eq!(later.conditions, first.conditions);
        let future =
            ExternalSecretStatus { refresh_time: Some(rfc3339_seconds(at(9999))), ..first };
        let corrected = synced_at(&future, 3700).unwrap();
        assert_eq!(corrected.refresh_time.as_deref(), Some("1970-01-01T01:01:40Z"));
    }

    #[test]
    fn failed_refresh_keeps_refresh_time_and_names_the_stale_values() {
        let first = synced_at(&ExternalSecretStatus::default(), 100).unwrap();
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
        let again = synced_at(&status, 400).unwrap();
        assert_eq!(condition(&again.conditions, "Explained"), None);
        let ready = condition(&again.conditions, "Ready").unwrap();
        assert_eq!(ready.last_transition_time.as_deref(), Some("1970-01-01T00:06:40Z"));
    }

    #[test]
    fn unmanaged_object_keeps_its_ready_condition() {
        let first = synced_at(&ExternalSecretStatus::default(), 100).unwrap();
        let error = throttled();
        let unmanaged = StatusUpdate::Unmanaged(&error);
        let status = next(&first, unmanaged, at(200)).unwrap();
        assert_eq!(status.conditions[0], first.conditions[0]);
        let explained = condition(&status.conditions, "Explained").unwrap();
        assert_eq!(explained.reason.as_deref(), Some("Throttled"));
        assert_eq!(next(&status, StatusUpdate::ClearDiagnosis, at(200)).unwrap(), first);
        assert_eq!(next(&first, StatusUpdate::ClearDiagnosis, at(200)), None);
        assert_eq!(next_by(&first, unmanaged, &STRICT, at(200)), None);
        assert_eq!(unmanaged.without_explained(&status), None, "Ready is another controller's");
    }

    #[test]
    fn refused_explanation_moves_into_ready() {
        let first = synced_at(&ExternalSecretStatus::default(), 100).unwrap();
        let failure = failure();
        let refused = next(&first, failed(&failure), at(200)).unwrap();
        let plain = failed(&failure).without_explained(&refused).unwrap();
        assert_eq!(condition(&plain.conditions, "Explained"), None);
        let message = condition(&plain.conditions, "Ready").unwrap().message.as_deref().unwrap();
        assert!(message.ends_with("AWS asks for fewer requests"), "{message}");
        assert_eq!(next_by(&first, failed(&failure), &STRICT, at(200)).unwrap(), plain);
        assert_eq!(next_by(&plain, failed(&failure), &STRICT, at(300)), None);
    }

    fn observed(observed_generation: Option<i64>) -> ExternalSecretStatus {
        ExternalSecretStatus { observed_generation, ..ExternalSecretStatus::default() }
    }

    #[test]
    fn observed_generation_is_written_unless_the_crd_prunes_it() {
        let first = synced_at(&observed(Some(-1)), 100).unwrap();
        assert_eq!(first.observed_generation, Some(2));
        assert_eq!(synced_at(&first, 200), None);
        let outdated = ExternalSecretStatus { observed_generation: Some(1), ..first.clone() };
        assert_eq!(synced_at(&outdated, 200).unwrap().observed_generation, Some(2));
        let pruned = ExternalSecretStatus { observed_generation: None, ..first };
        assert_eq!(synced_at(&pruned, 200), None);
    }

    #[test]
    fn failure_that_only_the_user_can_solve_stalls() {
        let stalls = |reason| {
            let failure = SyncFailure::new(NO_DATA, Failure::new(reason, "message"));
            let status = next(&observed(Some(-1)), failed(&failure), at(100)).unwrap();
            assert_eq!(status.observed_generation, Some(2));
            let stalled = condition(&status.conditions, "Stalled").map(|c| c.status.clone());
            let again = synced_at(&status, 200).unwrap();
            assert_eq!(condition(&again.conditions, "Stalled"), None);
            stalled
        };
        assert_eq!(stalls(Reason::TemplateInvalid).as_deref(), Some("True"));
        assert_eq!(stalls(Reason::Throttled), None);
        let failure = SyncFailure::new(NO_DATA, Failure::new(Reason::TemplateInvalid, "message"));
        let previous = ExternalSecretStatus::default();
        let strict = next_by(&previous, failed(&failure), &STRICT, at(100)).unwrap();
        assert_eq!(condition(&strict.conditions, "Stalled"), None);
    }

    #[test]
    fn pruned_versions_count_as_written() {
        let versions = Versions::parse(&[("0 a".to_owned(), "1@20".to_owned())].into());
        let synced = Synced { versions, ..created() };
        let update = StatusUpdate::Synced(&synced, at(100));
        let mut status = next(&ExternalSecretStatus::default(), update, at(100)).unwrap();
        assert_eq!(status.versions["0 a"], "1@20");
        status.versions.clear();
        assert!(next(&status, update, at(200)).is_some());
        assert_eq!(next_by(&status, update, &STRICT, at(200)), None);
    }
}
