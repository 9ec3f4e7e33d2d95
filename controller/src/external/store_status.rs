//! The status of a store after a check: pure.
//! `Ready` has External Secrets' reasons. `BatchReads` is ours: it lets a new process start with what the last
//! one found. A store of another provider gets only the condition `Supported`: the rest of its status belongs
//! to its own controller.

use crds::{
    StoreStatus,
    external_secret::{Condition, condition},
    secret_store::AwsService,
};
use jiff::Timestamp;

use super::{paths::EventMode, store::Store};
use crate::{
    aws::{
        planner::{BATCH_RECHECK_INTERVAL, BatchPermission},
        service::{BATCH_GET_SECRET_VALUE_ACTION, GET_PARAMETERS_ACTION},
    },
    reason::{Failure, Reason},
    runtime::status::{external_condition, set_transition_times, upsert},
};

const CAPABILITIES: &str = "ReadWrite";
const BATCH_READS: &str = "BatchReads";
const EVENTS: &str = "Events";

pub(super) enum Validity {
    /// The controller has credentials for the store.
    Valid,
    /// Each namespace has credentials of its own, so that none were tested.
    PerNamespace,
    /// The spec is wrong, or it refers to something that does not exist.
    Invalid(Failure),
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

    fn condition(&self) -> Condition {
        match self {
            Self::Unsupported(Failure { reason, message }) => {
                external_condition("Supported", false, reason.as_str(), message)
            }
            Self::Valid => external_condition("Ready", true, "Valid", "store validated"),
            Self::PerNamespace => {
                let message = "could not determine validation status";
                external_condition("Ready", true, "ValidationUnknown", message)
            }
            Self::Invalid(failure) => {
                let message = format!("unable to create client: {failure}");
                external_condition("Ready", false, "InvalidProviderConfig", message)
            }
            Self::NoCredentials(failure) => {
                let message = format!("unable to validate store: {failure}");
                external_condition("Ready", false, "ValidationFailed", message)
            }
        }
    }
}

/// Whether a status says that the store can be used.
pub(super) fn is_ready(status: &StoreStatus) -> bool {
    condition(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// The status after this check. None if it is the previous one.
pub(super) fn next(
    store: &Store,
    validity: &Validity,
    batches: BatchPermission,
    events: &EventMode,
    now: Timestamp,
) -> Option<StoreStatus> {
    let previous = &store.status.conditions;
    let mut checked = vec![validity.condition()];
    checked.extend(batch_condition(previous, batches, store.generation));
    let events = event_condition(events).filter(|_| !matches!(validity, Validity::Unsupported(_)));
    let has_events = events.is_some();
    checked.extend(events);
    set_transition_times(&mut checked, previous, now);
    let mut status = store.status.clone();
    status.conditions.retain(|condition| has_events || condition.type_ != EVENTS);
    for condition in checked {
        upsert(&mut status.conditions, condition);
    }
    if matches!(validity, Validity::Unsupported(_)) {
        return (status != store.status).then_some(status);
    }
    status.capabilities = Some(CAPABILITIES.to_owned());
    let observed = Some(store.generation);
    // External Secrets' CRD prunes the generation, so its absence causes no write.
    status.observed_generation = status.observed_generation.and(observed);
    (status != store.status).then_some(StoreStatus { observed_generation: observed, ..status })
}

/// How changes arrive.
fn event_condition(mode: &EventMode) -> Option<Condition> {
    let at_interval = "values are read at their refreshInterval";
    let message = match mode {
        EventMode::Off => String::new(),
        EventMode::Proved => {
            "changes arrive by events; values are also read once a day, as a proof".to_owned()
        }
        EventMode::Unproved => {
            format!("no event has proved yet that changes arrive: {at_interval}")
        }
        EventMode::Silent => {
            format!("no event has come for longer than --event-max-silence: {at_interval}")
        }
        EventMode::Lost => format!(
            "a value has changed, and no event has announced it: {at_interval} until the next event; \
             check the rules and targets in EventBridge"
        ),
        EventMode::Failing(failure) => format!("{failure}; {at_interval}"),
    };
    Some(external_condition(EVENTS, *mode == EventMode::Proved, mode.reason()?, message))
}

/// The reason of the condition `Events`.
pub(super) fn event_reason(status: &StoreStatus) -> Option<&str> {
    condition(&status.conditions, EVENTS)?.reason.as_deref()
}

/// The condition that records this permission for a generation of the store.
fn batch_condition(
    previous: &[Condition],
    permission: BatchPermission,
    generation: i64,
) -> Option<Condition> {
    let recorded = match permission {
        BatchPermission::Unknown => return None,
        BatchPermission::Allowed => {
            external_condition(BATCH_READS, true, "Allowed", "values are read in batches")
        }
        BatchPermission::Denied(action) => {
            let resource = if action == BATCH_GET_SECRET_VALUE_ACTION {
                " on * (it gives no access to values that GetSecretValue does not allow)"
            } else {
                ""
            };
            let message = format!(
                "each value is read with a request of its own: allow {action}{resource} to read many \
                 values with one request; the permission is tested again once a day"
            );
            external_condition(BATCH_READS, false, "AccessDenied", message)
        }
    };
    // External Secrets' CRD prunes the generation. That must not make each status look outdated.
    let is_pruned =
        condition(previous, BATCH_READS).is_some_and(|before| before.observed_generation.is_none());
    Some(Condition { observed_generation: (!is_pruned).then_some(generation), ..recorded })
}

/// The batch permission that the status records. A denial expires: the permission may have been granted since.
pub(super) fn recorded_batches(store: &Store, now: Timestamp) -> BatchPermission {
    // Another spec may name another role or another service.
    let is_current = |recorded: &&Condition| {
        recorded.observed_generation.is_none_or(|generation| generation == store.generation)
    };
    let recorded = condition(&store.status.conditions, BATCH_READS).filter(is_current);
    let Some(recorded) = recorded else { return BatchPermission::Unknown };
    let since = recorded.last_transition_time.as_deref().and_then(|time| time.parse().ok());
    let is_expired = since.is_none_or(|since: Timestamp| {
        now.duration_since(since).as_secs() >= BATCH_RECHECK_INTERVAL.as_secs().cast_signed()
    });
    let is_parameter_store = store.aws().is_ok_and(|aws| aws.service == AwsService::ParameterStore);
    match recorded.status.as_str() {
        "True" => BatchPermission::Allowed,
        "False" if is_expired => BatchPermission::Unknown,
        "False" if is_parameter_store => BatchPermission::Denied(GET_PARAMETERS_ACTION),
        "False" => BatchPermission::Denied(BATCH_GET_SECRET_VALUE_ACTION),
        _ => BatchPermission::Unknown,
    }
}

/// Whether the status does not record this batch permission yet.
pub(super) fn is_new_batches(conditions: &[Condition], permission: BatchPermission) -> bool {
    let status = match permission {
        BatchPermission::Unknown => return false,
        BatchPermission::Allowed => "True",
        BatchPermission::Denied(_) => "False",
    };
    condition(conditions, BATCH_READS).is_none_or(|recorded| recorded.status != status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(0).unwrap()
    }

    fn store(status: &StoreStatus, service: &str, generation: i64) -> Store {
        let aws = serde_json::json!({ "service": service, "region": "r" });
        let store = crate::external::store::tests::store("n", "s", aws);
        Store { status: status.clone(), generation, ..store }
    }

    /// The status after a check that found the store valid.
    fn next(
        previous: &StoreStatus,
        batches: BatchPermission,
        generation: i64,
    ) -> Option<StoreStatus> {
        let store = store(previous, "SecretsManager", generation);
        super::next(&store, &Validity::Valid, batches, &EventMode::Off, now())
    }

    /// The permission that this status records, so many hours later.
    fn recorded(status: &StoreStatus, service: &str, hours: i64) -> BatchPermission {
        let now = Timestamp::from_second(hours * 3600).unwrap();
        recorded_batches(&store(status, service, 1), now)
    }

    fn is_new(status: &StoreStatus, permission: BatchPermission) -> bool {
        is_new_batches(&status.conditions, permission)
    }

    #[test]
    fn unchanged_store_status_is_not_written() {
        let status = next(&StoreStatus::default(), BatchPermission::Unknown, 1).unwrap();
        assert_eq!(status.conditions[0].reason.as_deref(), Some("Valid"));
        assert_eq!(status.capabilities.as_deref(), Some("ReadWrite"));
        assert_eq!(status.observed_generation, Some(1));
        assert_eq!(next(&status, BatchPermission::Unknown, 1), None);
        let edited = next(&status, BatchPermission::Unknown, 2).unwrap();
        assert_eq!(edited.observed_generation, Some(2));
        let pruned = StoreStatus { observed_generation: None, ..status.clone() };
        assert_eq!(next(&pruned, BatchPermission::Unknown, 1), None);
        let batched = next(&status, BatchPermission::Allowed, 1).unwrap();
        assert_eq!(recorded(&batched, "SecretsManager", 0), BatchPermission::Allowed);
        assert!(!is_new(&batched, BatchPermission::Allowed));
        assert!(is_new(&status, BatchPermission::Allowed));
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
            let status = next(&StoreStatus::default(), denied, 1).unwrap();
            assert_eq!(recorded(&status, service, 0), denied);
            let batches = condition(&status.conditions, "BatchReads").unwrap();
            let message = batches.message.as_deref().unwrap();
            assert!(message.contains(words), "{message}");
            assert_eq!(recorded(&status, service, 25), BatchPermission::Unknown);
            assert!(!is_new(&status, denied) && is_new(&status, BatchPermission::Allowed));
            let mut pruned = status.clone();
            pruned.conditions.iter_mut().for_each(|each| each.observed_generation = None);
            assert_eq!(next(&pruned, denied, 1), None);
            let other = next(&status, denied, 2).unwrap();
            assert_eq!(recorded(&other, service, 0), BatchPermission::Unknown);
        }
    }

    #[test]
    fn events_condition_says_how_changes_arrive() {
        let with = |status: &StoreStatus, mode: &EventMode| {
            let store = store(status, "SecretsManager", 1);
            super::next(&store, &Validity::Valid, BatchPermission::Unknown, mode, now())
        };
        let denied = EventMode::Failing(Failure::new(Reason::AccessDenied, "x"));
        let mut status = StoreStatus::default();
        for (mode, is_true, reason) in [
            (EventMode::Unproved, "False", "Unproved"),
            (EventMode::Proved, "True", "Proved"),
            (EventMode::Silent, "False", "Silent"),
            (EventMode::Lost, "False", "Lost"),
            (denied, "False", "Denied"),
        ] {
            status = with(&status, &mode).unwrap();
            let events = condition(&status.conditions, EVENTS).unwrap();
            assert_eq!((events.status.as_str(), event_reason(&status)), (is_true, Some(reason)));
            assert_eq!(with(&status, &mode), None, "{reason}");
        }
        let off = with(&status, &EventMode::Off).unwrap();
        assert_eq!(event_reason(&off), None, "without a queue, nothing is said");
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
            observed_generation: Some(-1),
            ..StoreStatus::default()
        };
        let store = store(&previous, "SecretsManager", 1);
        let unsupported = Validity::Unsupported(failure);
        let status = super::next(
            &store,
            &unsupported,
            BatchPermission::Unknown,
            &EventMode::Unproved,
            now(),
        )
        .unwrap();
        assert_eq!(status.conditions[0], previous.conditions[0]);
        assert_eq!(status.conditions[1].type_, "Supported");
        assert_eq!((status.capabilities, status.observed_generation), (None, Some(-1)));
    }
}
