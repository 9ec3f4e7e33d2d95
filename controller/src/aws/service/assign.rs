//! Which value of a batch answers which request.

use std::collections::BTreeSet;

use crate::aws::read::ReadRequest;

/// The names of a value in a batch.
pub(super) struct ValueNames {
    pub(super) name: String,
    pub(super) arn: String,
}

/// Assigns values to requests, as pairs of a request and a value's index. An ARN identifies one
/// value. A name, or a part of an ARN, may fit several values from different accounts, and a value
/// may fit several names. Such requests get no value.
pub(super) fn assign<'r>(
    requests: &'r [ReadRequest],
    values: &[ValueNames],
    id: impl Fn(&ReadRequest) -> Option<&str>,
    has_name: impl Fn(&str, &ValueNames) -> bool,
) -> Vec<(&'r ReadRequest, usize)> {
    let by_arn =
        |request: &ReadRequest| values.iter().position(|value| id(request) == Some(&*value.arn));
    let mut assigned: Vec<_> =
        requests.iter().filter_map(|request| Some((request, by_arn(request)?))).collect();
    let taken: BTreeSet<usize> = assigned.iter().map(|(_, index)| *index).collect();
    let by_name = |request: &ReadRequest| {
        let id = id(request)?;
        let free = (0..values.len()).filter(|index| !taken.contains(index));
        let mut fitting = free.filter(|index| has_name(id, &values[*index]));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let named: Vec<_> = requests
        .iter()
        .filter(|request| by_arn(request).is_none())
        .filter_map(|request| Some((request, by_name(request)?)))
        .collect();
    let is_unique = |(_, index): &&(&ReadRequest, usize)| {
        named.iter().filter(|(_, other)| other == index).count() == 1
    };
    assigned.extend(named.iter().filter(is_unique));
    assigned
}
