//! The status that follows from a sync.

use crds::{SealedSecretStatus, sealed_secret::Condition};
use jiff::Timestamp;

use super::record::Record;
use crate::{
    reason::Failure,
    runtime::{clock::rfc3339_seconds, status::status_text},
};

/// The reason of success, in conditions and Events.
pub(crate) const UNSEALED: &str = "Unsealed";

/// The status after a sync that produced this record, or failed. None when only times would change.
///
/// `Synced` comes first: Bitnami's columns look there, and Argo CD's health check reads it by
/// name. Conditions report results, never progress.
pub(crate) fn next(
    previous: &SealedSecretStatus,
    generation: i64,
    result: Result<&Record, &Failure>,
    now: Timestamp,
) -> Option<SealedSecretStatus> {
    let failure = result.err();
    let reason = failure.map_or(UNSEALED, |failure| failure.reason.as_str());
    let condition = |type_: &str, is_true: bool| Condition {
        type_: type_.to_owned(),
        status: status_text(is_true),
        reason: Some(reason.to_owned()),
        message: failure.map(|failure| failure.message.clone()),
        ..Condition::default()
    };
    let mut status = SealedSecretStatus {
        observed_generation: Some(generation),
        conditions: vec![
            condition("Synced", failure.is_none()),
            condition("Ready", failure.is_none()),
            condition("Stalled", failure.is_some_and(|failure| failure.reason.stalls())),
        ],
        fingerprint: result.ok().map(ToString::to_string),
    };
    if without_times(previous) == status {
        return None;
    }
    let now = rfc3339_seconds(now);
    for condition in &mut status.conditions {
        let before = previous.condition(&condition.type_);
        let before = before.filter(|before| before.status == condition.status);
        let since = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| now.clone()));
        condition.last_update_time = Some(now.clone());
    }
    Some(status)
}

fn without_times(status: &SealedSecretStatus) -> SealedSecretStatus {
    let mut status = status.clone();
    for condition in &mut status.conditions {
        condition.last_update_time = None;
        condition.last_transition_time = None;
        // Bitnami's controller writes an empty message, and the API server stores it.
        condition.message = condition.message.take().filter(|message| !message.is_empty());
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, runtime::mac::Mac};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record() -> Record {
        let mac = Mac::from_bytes([1; 32]);
        Record { keys: vec![], inputs: mac, content: mac }
    }

    fn failed(reason: Reason) -> Failure {
        Failure::new(reason, "why")
    }

    #[test]
    fn repeated_result_writes_nothing() {
        let status = next(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        assert_eq!(next(&status, 1, Ok(&record()), at(9)), None);
        let failure = failed(Reason::Malformed);
        let status = next(&status, 1, Err(&failure), at(10)).unwrap();
        assert_eq!(next(&status, 1, Err(&failure), at(19)), None);
    }

    #[test]
    fn synced_comes_first() {
        let status = next(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        let types: Vec<_> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, ["Synced", "Ready", "Stalled"]);
    }

    #[test]
    fn transition_time_is_kept_until_the_status_flips() {
        let first = next(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        let second = next(&first, 2, Ok(&record()), at(5)).unwrap();
        let synced = second.condition("Synced").unwrap();
        assert_eq!(synced.last_transition_time.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(synced.last_update_time.as_deref(), Some("1970-01-01T00:00:05Z"));
        let third = next(&second, 2, Err(&failed(Reason::NotOwned)), at(7)).unwrap();
        let transition = |type_: &str| third.condition(type_).unwrap().last_transition_time.clone();
        assert_eq!(transition("Synced").as_deref(), Some("1970-01-01T00:00:07Z"));
        assert_eq!(transition("Stalled").as_deref(), Some("1970-01-01T00:00:01Z"));
    }

    #[test]
    fn only_failures_that_the_user_must_fix_stall() {
        for (reason, stalled) in [(Reason::UnknownKey, "True"), (Reason::NotOwned, "False")] {
            let failure = failed(reason);
            let status = next(&SealedSecretStatus::default(), 1, Err(&failure), at(1)).unwrap();
            assert_eq!(status.condition("Stalled").unwrap().status, stalled);
            assert_eq!(status.condition("Ready").unwrap().reason.as_deref(), Some(reason.as_str()));
            assert_eq!(status.fingerprint, None);
        }
    }

    #[test]
    fn status_of_bitnamis_controller_is_completed() {
        let bitnami = SealedSecretStatus {
            observed_generation: Some(1),
            conditions: vec![Condition {
                type_: "Synced".into(),
                status: "True".into(),
                ..Condition::default()
            }],
            fingerprint: None,
        };
        assert!(next(&bitnami, 1, Ok(&record()), at(1)).is_some());
    }
}
