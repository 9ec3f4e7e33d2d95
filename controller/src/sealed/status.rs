//! The status that an outcome gives: pure, and none when it is the one that is there.

use crds::{SealedSecretStatus, sealed_secret::Condition};
use jiff::Timestamp;

use super::record::Record;
use crate::reason::Failure;

/// The word for success, in conditions and Events.
pub const UNSEALED: &str = "Unsealed";

/// What came of a reconcile.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'o> {
    /// The Secret is as it must be.
    Synced(&'o Record),
    /// It is not.
    Failed(&'o Failure),
}

/// The status after this outcome; none when nothing but times would change.
///
/// `Synced` comes first: Bitnami's columns look there, and Argo CD's health check reads it by
/// name. It never says that work is going on, only what came of it.
pub fn next(
    previous: &SealedSecretStatus,
    generation: i64,
    outcome: Outcome<'_>,
    now: Timestamp,
) -> Option<SealedSecretStatus> {
    let (synced, stalled, reason, message, fingerprint) = match outcome {
        Outcome::Synced(record) => (true, false, UNSEALED, None, Some(record.to_string())),
        Outcome::Failed(failure) => {
            let Failure { reason, message } = failure;
            (false, reason.stalls(), reason.as_str(), Some(message.clone()), None)
        }
    };
    let condition = |type_: &str, is: bool| Condition {
        type_: type_.to_owned(),
        status: if is { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: message.clone(),
        ..Condition::default()
    };
    let mut status = SealedSecretStatus {
        observed_generation: Some(generation),
        conditions: vec![
            condition("Synced", synced),
            condition("Ready", synced),
            condition("Stalled", stalled),
        ],
        fingerprint,
    };
    if without_times(previous) == status {
        return None;
    }
    let now = second(now);
    for condition in &mut status.conditions {
        let before = previous.condition(&condition.type_);
        let unchanged = before.filter(|before| before.status == condition.status);
        let since = unchanged.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| now.clone()));
        condition.last_update_time = Some(now.clone());
    }
    Some(status)
}

/// RFC 3339 to the second, as the API's times are.
fn second(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).expect("a second of a time is a time");
    whole.to_string()
}

fn without_times(status: &SealedSecretStatus) -> SealedSecretStatus {
    let mut status = status.clone();
    for condition in &mut status.conditions {
        condition.last_update_time = None;
        condition.last_transition_time = None;
        // The API server stores an empty message, where Bitnami's controller wrote one, as it is.
        condition.message = condition.message.take().filter(|message| !message.is_empty());
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reason::Reason, target::fingerprint::Mac};

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
    fn the_same_outcome_again_writes_nothing() {
        let status =
            next(&SealedSecretStatus::default(), 1, Outcome::Synced(&record()), at(1)).unwrap();
        assert_eq!(next(&status, 1, Outcome::Synced(&record()), at(9)), None);
        let failure = failed(Reason::Malformed);
        let status = next(&status, 1, Outcome::Failed(&failure), at(10)).unwrap();
        assert_eq!(next(&status, 1, Outcome::Failed(&failure), at(19)), None);
    }

    #[test]
    fn synced_comes_first() {
        let status =
            next(&SealedSecretStatus::default(), 1, Outcome::Synced(&record()), at(1)).unwrap();
        let types: Vec<_> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, ["Synced", "Ready", "Stalled"]);
    }

    #[test]
    fn a_transition_keeps_its_time_until_the_status_flips() {
        let first =
            next(&SealedSecretStatus::default(), 1, Outcome::Synced(&record()), at(1)).unwrap();
        let second = next(&first, 2, Outcome::Synced(&record()), at(5)).unwrap();
        let synced = second.condition("Synced").unwrap();
        assert_eq!(synced.last_transition_time.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(synced.last_update_time.as_deref(), Some("1970-01-01T00:00:05Z"));
        let third = next(&second, 2, Outcome::Failed(&failed(Reason::NotOwned)), at(7)).unwrap();
        let transition = |type_: &str| third.condition(type_).unwrap().last_transition_time.clone();
        assert_eq!(transition("Synced").as_deref(), Some("1970-01-01T00:00:07Z"));
        assert_eq!(transition("Stalled").as_deref(), Some("1970-01-01T00:00:01Z"));
    }

    #[test]
    fn only_what_the_user_must_mend_stalls() {
        for (reason, stalled) in [(Reason::UnknownKey, "True"), (Reason::NotOwned, "False")] {
            let failure = failed(reason);
            let status =
                next(&SealedSecretStatus::default(), 1, Outcome::Failed(&failure), at(1)).unwrap();
            assert_eq!(status.condition("Stalled").unwrap().status, stalled);
            assert_eq!(status.condition("Ready").unwrap().reason.as_deref(), Some(reason.as_str()));
            assert_eq!(status.fingerprint, None);
        }
    }

    #[test]
    fn what_bitnamis_controller_wrote_is_completed() {
        let peers = SealedSecretStatus {
            observed_generation: Some(1),
            conditions: vec![Condition {
                type_: "Synced".into(),
                status: "True".into(),
                ..Condition::default()
            }],
            fingerprint: None,
        };
        assert!(next(&peers, 1, Outcome::Synced(&record()), at(1)).is_some());
    }
}
