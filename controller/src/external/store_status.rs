//! The status of a store after a check: pure.
//!
//! `Ready` has External Secrets' reasons. `BatchReads` is ours. A store of another provider gets only the
//! condition `Supported`: the rest of its status belongs to its own controller.

use crds::{
    StoreStatus,
    external_secret::{Condition, condition},
};
use jiff::Timestamp;

use super::batch_reads;
use crate::{
    aws::planner::BatchPermission,
    reason::{Failure, Reason},
    runtime::status::{set_transition_times, status_text, upsert},
};

const CAPABILITIES: &str = "ReadWrite";

/// The result of checking a store.
pub(super) struct StoreCheck {
    pub(super) validity: Validity,
    pub(super) batches: BatchPermission,
    pub(super) generation: i64,
}

pub(super) enum Validity {
    /// The controller has credentials for the store.
    Valid,
    /// Each namespace has credentials of its own, so that none were tested.
    PerNamespace,
    /// The spec is wrong, or it refers to something that does not exist.
    Invalid(Failure),
    /// AWS gave no credentials.
    NoCredentials(Failure),
    Unsupported(Failure),
}

impl Validity {
    pub(super) fn without_credentials(failure: Failure) -> Self {
        match failure.reason {
            Reason::StoreInvalid => Self::Invalid(failure),
            _ => Self::NoCredentials(failure),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Valid | Self::PerNamespace)
    }
}

/// Whether a status says that the store can be used.
pub(super) fn is_ready(status: &StoreStatus) -> bool {
    condition(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// The status after this check. None if it is the previous one.
pub(super) fn next(
    previous: &StoreStatus,
    check: &StoreCheck,
    now: Timestamp,
) -> Option<StoreStatus> {
    let mut status = previous.clone();
    let mut checked = conditions(&previous.conditions, check);
    set_transition_times(&mut checked, &previous.conditions, now);
    for condition in checked {
        upsert(&mut status.conditions, condition);
    }
    if !matches!(check.validity, Validity::Unsupported(_)) {
        status.capabilities = Some(CAPABILITIES.to_owned());
    }
    (status != *previous).then_some(status)
}

fn conditions(previous: &[Condition], check: &StoreCheck) -> Vec<Condition> {
    let validity = match &check.validity {
        Validity::Unsupported(failure) => {
            new("Supported", false, failure.reason.as_str(), failure.message.clone())
        }
        Validity::Valid => new("Ready", true, "Valid", "store validated".to_owned()),
        Validity::PerNamespace => {
            let message = "could not determine validation status".to_owned();
            new("Ready", true, "ValidationUnknown", message)
        }
        Validity::Invalid(failure) => {
            let message = format!("unable to create client: {failure}");
            new("Ready", false, "InvalidProviderConfig", message)
        }
        Validity::NoCredentials(failure) => {
            let message = format!("unable to validate store: {failure}");
            new("Ready", false, "ValidationFailed", message)
        }
    };
    let batches = batch_reads::new_condition(previous, check.batches, check.generation);
    std::iter::once(validity).chain(batches).collect()
}

fn new(type_: &str, is_true: bool, reason: &str, message: String) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status_text(is_true),
        reason: Some(reason.to_owned()),
        message: Some(message),
        ..Condition::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::service::{BATCH_GET_SECRET_VALUE_ACTION, GET_PARAMETERS_ACTION};

    fn now() -> Timestamp {
        Timestamp::from_second(0).unwrap()
    }

    fn valid(batches: BatchPermission, generation: i64) -> StoreCheck {
        StoreCheck { validity: Validity::Valid, batches, generation }
    }

    /// The permission that this status records, so many hours later.
    fn recorded(status: &StoreStatus, service: &str, hours: i64) -> BatchPermission {
        let aws = serde_json::json!({ "service": service, "region": "r" });
        let mut store = crate::external::store::tests::store("n", "s", aws);
        store.status = status.clone();
        batch_reads::recorded(&store, Timestamp::from_second(hours * 3600).unwrap())
    }

    fn is_news(status: &StoreStatus, permission: BatchPermission) -> bool {
        batch_reads::is_news(&status.conditions, permission)
    }

    #[test]
    fn unchanged_store_status_is_not_written() {
        let unknown = valid(BatchPermission::Unknown, 1);
        let status = next(&StoreStatus::default(), &unknown, now()).unwrap();
        assert_eq!(status.conditions[0].reason.as_deref(), Some("Valid"));
        assert_eq!(status.capabilities.as_deref(), Some("ReadWrite"));
        assert_eq!(next(&status, &unknown, now()), None);
        let batched = next(&status, &valid(BatchPermission::Allowed, 1), now()).unwrap();
        assert_eq!(recorded(&batched, "SecretsManager", 0), BatchPermission::Allowed);
        assert!(!is_news(&batched, BatchPermission::Allowed));
        assert!(is_news(&status, BatchPermission::Allowed));
    }

    #[test]
    fn denied_batch_permission_is_named_and_expires_after_a_day() {
        for (service, action, words) in [
            (
                "SecretsManager",
                BATCH_GET_SECRET_VALUE_ACTION,
                "secretsmanager:BatchGetSecretValue on *",
            ),
            ("ParameterStore", GET_PARAMETERS_ACTION, "allow ssm:GetParameters to read"),
        ] {
            let denied = BatchPermission::Denied(action);
            let status = next(&StoreStatus::default(), &valid(denied, 1), now()).unwrap();
            assert_eq!(recorded(&status, service, 0), denied);
            let batches = condition(&status.conditions, "BatchReads").unwrap();
            let message = batches.message.as_deref().unwrap();
            assert!(message.contains(words), "{message}");
            assert_eq!(recorded(&status, service, 25), BatchPermission::Unknown);
            assert!(!is_news(&status, denied) && is_news(&status, BatchPermission::Allowed));
            let mut pruned = status.clone();
            pruned.conditions.iter_mut().for_each(|each| each.observed_generation = None);
            assert_eq!(next(&pruned, &valid(denied, 1), now()), None);
            let other = next(&status, &valid(denied, 2), now()).unwrap();
            assert_eq!(recorded(&other, service, 0), BatchPermission::Unknown);
        }
    }

    #[test]
    fn status_of_unsupported_provider_keeps_its_ready_condition() {
        let failure = Failure::new(Reason::StoreInvalid, "x");
        let previous = StoreStatus {
            conditions: vec![Condition {
                type_: "Ready".into(),
                status: "True".into(),
                last_transition_time: Some("1970-01-01T00:00:00Z".into()),
                ..Condition::default()
            }],
            capabilities: None,
        };
        let check = StoreCheck {
            validity: Validity::Unsupported(failure),
            batches: BatchPermission::Unknown,
            generation: 1,
        };
        let status = next(&previous, &check, now()).unwrap();
        assert_eq!(status.conditions[0], previous.conditions[0]);
        assert_eq!(status.conditions[1].type_, "Supported");
        assert_eq!(status.capabilities, None);
    }
}
