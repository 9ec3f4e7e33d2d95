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

static STRICT: CrdSupport =
    CrdSupport { refuses_explained: AtomicBool::new(true), prunes_record: AtomicBool::new(true) };

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
    let future = ExternalSecretStatus { refresh_time: Some(rfc3339_seconds(at(9999))), ..first };
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
             Stale since 1970-01-01T00:02:30Z; tried again when the object changes, and within its \
                 interval or 1h"
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
fn last_proof_is_written_only_with_other_changes() {
    let first = synced_at(&ExternalSecretStatus::default(), 100).unwrap();
    assert_eq!(first.proved_time.as_deref(), Some("1970-01-01T00:01:40Z"));
    let checked_at = |second| {
        let metadata = json!({ "namespace": "n", "name": "s", "generation": 2 });
        let object = json!({ "metadata": metadata, "spec": {} });
        let mut entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
        entry.checked = Some(at(second));
        entry
    };
    let failure = failure();
    for support in [&CrdSupport::default(), &STRICT] {
        let next = |status: &_, update: StatusUpdate<'_>, checked| {
            update.next(&checked_at(checked), status, support, at(9000))
        };
        assert_eq!(next(&first, StatusUpdate::ClearDiagnosis, 5000), None);
        let status = next(&first, failed(&failure), 5000).unwrap();
        assert_eq!(status.proved_time.as_deref(), Some("1970-01-01T01:23:20Z"));
        assert_eq!(status.refresh_time, first.refresh_time, "nothing was read");
        assert_eq!(next(&status, failed(&failure), 8000), None);
    }
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
        let reconciles = condition(&status.conditions, "Reconciling").is_some();
        assert_ne!(reconciles, stalled.is_some(), "one of them, by the rules of kstatus");
        let again = synced_at(&status, 200).unwrap();
        for type_ in ["Reconciling", "Stalled"] {
            assert_eq!(condition(&again.conditions, type_), None);
        }
        stalled
    };
    assert_eq!(stalls(Reason::TemplateInvalid).as_deref(), Some("True"));
    assert_eq!(stalls(Reason::Throttled), None);
    let failure = SyncFailure::new(NO_DATA, Failure::new(Reason::TemplateInvalid, "message"));
    let previous = ExternalSecretStatus::default();
    let strict = next_by(&previous, failed(&failure), &STRICT, at(100)).unwrap();
    assert_eq!(condition(&strict.conditions, "Stalled"), None);
    let failure = SyncFailure::new(NO_DATA, Failure::new(Reason::Throttled, "message"));
    let strict = next_by(&previous, failed(&failure), &STRICT, at(100)).unwrap();
    assert_eq!(condition(&strict.conditions, "Reconciling"), None);
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
