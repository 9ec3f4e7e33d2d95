//! Which value of a batch answers which request.

use crate::aws::read::{BatchResponses, ReadRequest, ReadResult};

/// A value in the response to a batch.
pub(super) struct BatchValue {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) response: ReadResult,
}

/// Assigns values to requests. An ARN identifies one value. A name, or a part of an ARN, may fit
/// several values from different accounts, and a value may fit several names. Such requests get no
/// value.
pub(super) fn assign(
    requests: &[ReadRequest],
    values: &[BatchValue],
    has_id: impl Fn(&BatchValue, &str) -> bool,
) -> BatchResponses {
    let is_wanted = |arn: &str| requests.iter().any(|request| request.id() == Some(arn));
    let value_of = |request: &ReadRequest| {
        let id = request.id()?;
        let mut fitting = values.iter().filter(|value| !is_wanted(&value.arn) && has_id(value, id));
        let only_fitting = || fitting.next().filter(|_| fitting.next().is_none());
        values.iter().find(|value| value.arn == id).or_else(only_fitting)
    };
    let found = requests.iter().filter_map(|request| Some((request, value_of(request)?)));
    let found: Vec<_> = found.collect();
    let is_unique = |value: &BatchValue| {
        found.iter().filter(|(_, other)| std::ptr::eq(*other, value)).count() == 1
    };
    let unique = found.iter().filter(|(_, value)| is_unique(value));
    unique.map(|(request, value)| ((*request).clone(), value.response.clone())).collect()
}
