//! The status of a store after a check: pure.
//! `Ready` has External Secrets' reasons. `BatchReads` is ours: it lets a new process start with what the last
//! one found. A store of another provider gets only the condition `Supported`: the rest of its status belongs
//! to its own controller.

#[cfg(test)]
mod tests;

use crds::{
    StoreStatus,
    external_secret::{Condition, condition},
    secret_store::AwsService,
};
use jiff::Timestamp;

use super::{paths::EventMode, store::Store};
use crate::{
    aws::{
        VersionChecks,
        planner::{BATCH_RECHECK_INTERVAL, BatchPermission},
        pool::Reader,
        service::{BATCH_GET_SECRET_VALUE_ACTION, DESCRIBE_SECRET_ACTION, GET_PARAMETERS_ACTION},
    },
    reason::{Failure, Reason},
    runtime::status::{external_condition, set_transition_times, upsert},
};

const CAPABILITIES: &str = "ReadWrite";
const BATCH_READS: &str = "BatchReads";
const EVENTS: &str = "Events";
const VERSION_CHECKS: &str = "VersionChecks";

/// The findings of reads with the identity of a store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Findings {
    pub(super) batches: BatchPermission,
    pub(super) versions: VersionChecks,
}

impl Findings {
    pub(super) fn of(reader: &Reader) -> Self {
        Self { batches: reader.planner.batch_permission(), versions: reader.version_checks() }
    }

    pub(super) const NONE: Self = Self::of_batches(BatchPermission::Unknown);

    pub(super) const fn of_batches(batches: BatchPermission) -> Self {
        Self { batches, versions: VersionChecks::Unknown }
    }
}

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
    found: Findings,
    events: &EventMode,
    now: Timestamp,
) -> Option<StoreStatus> {
    let previous = &store.status.conditions;
    let mut checked = vec![validity.condition()];
    checked.extend(batch_condition(previous, found.batches, store.generation));
    checked.extend(version_condition(found.versions));
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

/// Whether changes are found without reads.
fn version_condition(checks: VersionChecks) -> Option<Condition> {
    let message = match checks {
        VersionChecks::Unknown => return None,
        VersionChecks::Work => "changes are found without reading the values".to_owned(),
        VersionChecks::Denied(action) => {
            let on = if action == DESCRIBE_SECRET_ACTION { "the secrets" } else { "*" };
            format!(
                "AWS denies {action}, so that values are read at their refreshInterval: allow it on {on} to \
                 the role of the store; the permission is tested again once a day"
            )
        }
        VersionChecks::Failing(action, Reason::Throttled) => format!(
            "AWS throttles {action}, so that changes are found late: find out what else calls it in this \
             account and region, or lower --aws-quota-percent"
        ),
        VersionChecks::Failing(action, _) => {
            format!(
                "{action} fails, so that changes are found late; it is tried again with back-off"
            )
        }
    };
    let is_working = checks == VersionChecks::Work;
    Some(external_condition(VERSION_CHECKS, is_working, version_reason(checks)?, message))
}

fn version_reason(checks: VersionChecks) -> Option<&'static str> {
    match checks {
        VersionChecks::Unknown => None,
        VersionChecks::Work => Some("Allowed"),
        VersionChecks::Denied(_) => Some(Reason::AccessDenied.as_str()),
        VersionChecks::Failing(_, reason) => Some(reason.as_str()),
    }
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

/// Whether the status does not record these findings yet.
pub(super) fn is_new(conditions: &[Condition], found: Findings) -> bool {
    let recorded = condition(conditions, VERSION_CHECKS).and_then(|known| known.reason.as_deref());
    let reason = version_reason(found.versions);
    is_new_batches(conditions, found.batches) || reason.is_some() && reason != recorded
}

fn is_new_batches(conditions: &[Condition], permission: BatchPermission) -> bool {
    let status = match permission {
        BatchPermission::Unknown => return false,
        BatchPermission::Allowed => "True",
        BatchPermission::Denied(_) => "False",
    };
    condition(conditions, BATCH_READS).is_none_or(|recorded| recorded.status != status)
}
