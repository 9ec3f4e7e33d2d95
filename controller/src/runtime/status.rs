//! Statuses: their conditions, and the request that writes them.

use std::fmt::Debug;

use crds::external_secret::Condition;
use jiff::Timestamp;
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    api::{FIELD_MANAGER, request},
    clock::rfc3339_seconds,
};
use crate::reason::{Failure, Reason};

/// Why a status was not written.
pub(crate) struct StatusError {
    pub(crate) failure: Failure,
    /// Whether the schema of the CRD in the cluster refuses the status.
    pub(crate) is_invalid: bool,
}

/// Merges `status` into that of an object, and returns the updated object. None if the object with this
/// uid was deleted or replaced: a watch event about that follows.
pub(crate) async fn write_status<K>(
    api: &Api<K>,
    name: &str,
    uid: &str,
    status: &impl Serialize,
) -> Result<Option<K>, StatusError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    // The uid is a precondition: another object of that name must not get this status.
    let body = json!({ "metadata": { "uid": uid }, "status": status });
    let (params, patch) = (PatchParams::apply(FIELD_MANAGER), Patch::Merge(&body));
    let error = match request(api.patch_status(name, &params, &patch)).await {
        Ok(written) => return Ok(Some(written)),
        Err(error) if error.is_not_found() || error.is_conflict() => return Ok(None),
        Err(error) => error,
    };
    let namespace = api.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let mut failure =
        error.failure(&format!("write the status of {} {namespace}{name}", K::kind(&())));
    // The API server refuses the status, not the Secret.
    if failure.reason == Reason::InvalidSecret {
        failure.reason = Reason::Unavailable;
    }
    Err(StatusError { failure, is_invalid: error.code() == Some(422) })
}

pub(crate) fn status_text(is_true: bool) -> String {
    if is_true { "True" } else { "False" }.to_owned()
}

/// A condition of ExternalSecrets and stores. [`set_transition_times`] completes it.
pub(crate) fn external_condition(
    type_: &str,
    is_true: bool,
    reason: &str,
    message: impl Into<String>,
) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status_text(is_true),
        reason: Some(reason.to_owned()),
        message: Some(message.into()),
        ..Condition::default()
    }
}

/// Replaces the condition of the same type, or appends the condition.
pub(crate) fn upsert(conditions: &mut Vec<Condition>, condition: Condition) {
    match conditions.iter_mut().find(|other| other.type_ == condition.type_) {
        Some(other) => *other = condition,
        None => conditions.push(condition),
    }
}

/// Sets the time of the last transition of each condition: that in `previous` if status and
/// generation did not change, otherwise `now`.
pub(crate) fn set_transition_times(
    conditions: &mut [Condition],
    previous: &[Condition],
    now: Timestamp,
) {
    let state = |condition: &Condition| {
        (condition.type_.clone(), condition.status.clone(), condition.observed_generation)
    };
    for condition in conditions {
        let before = previous.iter().find(|before| state(before) == state(condition));
        let since = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| rfc3339_seconds(now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(type_: &str, is_true: bool) -> Condition {
        Condition { type_: type_.to_owned(), status: status_text(is_true), ..Condition::default() }
    }

    fn times(conditions: &[Condition]) -> Vec<&str> {
        conditions.iter().filter_map(|c| c.last_transition_time.as_deref()).collect()
    }

    #[test]
    fn transition_time_changes_with_the_status_only() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut first = vec![condition("A", true), condition("B", true)];
        set_transition_times(&mut first, &[], at(1));
        let mut second = vec![condition("A", true), condition("B", false), condition("C", true)];
        set_transition_times(&mut second, &first, at(2));
        assert_eq!(
            times(&second),
            ["1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z", "1970-01-01T00:00:02Z"]
        );
    }

    #[test]
    fn condition_of_another_generation_is_a_transition() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut first = vec![condition("A", true)];
        set_transition_times(&mut first, &[], at(1));
        let observed_generation = Some(2);
        let mut second = vec![Condition { observed_generation, ..condition("A", true) }];
        set_transition_times(&mut second, &first, at(2));
        assert_eq!(times(&second), ["1970-01-01T00:00:02Z"]);
    }

    #[test]
    fn upserted_condition_keeps_its_place() {
        let mut conditions = vec![condition("A", true), condition("B", true)];
        upsert(&mut conditions, condition("A", false));
        upsert(&mut conditions, condition("C", false));
        let types: Vec<_> =
            conditions.iter().map(|c| (c.type_.as_str(), c.status.as_str())).collect();
        assert_eq!(types, [("A", "False"), ("B", "True"), ("C", "False")]);
    }
}
