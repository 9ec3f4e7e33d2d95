//! The condition `BatchReads` of a store: whether AWS allows it to read values in batches. It lets a new
//! process start with what the last one found.

use crds::{
    external_secret::{Condition, condition},
    secret_store::AwsService,
};
use jiff::Timestamp;

use super::store::Store;
use crate::aws::{
    planner::{BATCH_RECHECK_INTERVAL, BatchPermission},
    service::{BATCH_GET_SECRET_VALUE_ACTION, GET_PARAMETERS_ACTION},
};

const TYPE: &str = "BatchReads";

/// The permission that the status records. A denial expires: the permission may have been granted since.
pub(super) fn recorded(store: &Store, now: Timestamp) -> BatchPermission {
    let Some(recorded) = condition(&store.status.conditions, TYPE) else {
        return BatchPermission::Unknown;
    };
    // Another spec may name another role or another service.
    if recorded.observed_generation.is_some_and(|generation| generation != store.generation) {
        return BatchPermission::Unknown;
    }
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

/// Whether the status does not record this permission yet.
pub(super) fn is_news(conditions: &[Condition], permission: BatchPermission) -> bool {
    let recorded = condition(conditions, TYPE).map(|recorded| recorded.status.as_str());
    match permission {
        BatchPermission::Unknown => false,
        BatchPermission::Allowed => recorded != Some("True"),
        BatchPermission::Denied(_) => recorded != Some("False"),
    }
}

/// The condition that records this permission for a generation of the store.
pub(super) fn new_condition(
    previous: &[Condition],
    permission: BatchPermission,
    generation: i64,
) -> Option<Condition> {
    let (status, reason, message) = match permission {
        BatchPermission::Unknown => return None,
        BatchPermission::Allowed => ("True", "Allowed", "values are read in batches".to_owned()),
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
            ("False", "AccessDenied", message)
        }
    };
    // External Secrets' CRD prunes the generation. That must not make each status look outdated.
    let observed_generation = condition(previous, TYPE)
        .map_or(Some(generation), |before| before.observed_generation.map(|_| generation));
    Some(Condition {
        type_: TYPE.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: None,
        observed_generation,
    })
}
