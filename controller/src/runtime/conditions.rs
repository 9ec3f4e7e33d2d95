//! Conditions of a status that keep the time of their last transition.

use crds::{external_secret, sealed_secret};
use jiff::Timestamp;

use super::clock::rfc3339_seconds;

/// A condition of one of our custom resources.
pub(crate) trait StatusCondition {
    fn type_(&self) -> &str;
    /// The fields that a transition changes: `status` and, where the kind has it, `observedGeneration`.
    fn state(&self) -> (&str, Option<i64>);
    fn last_transition_time(&mut self) -> &mut Option<String>;
}

impl StatusCondition for sealed_secret::Condition {
    fn type_(&self) -> &str {
        &self.type_
    }

    fn state(&self) -> (&str, Option<i64>) {
        (&self.status, None)
    }

    fn last_transition_time(&mut self) -> &mut Option<String> {
        &mut self.last_transition_time
    }
}

impl StatusCondition for external_secret::Condition {
    fn type_(&self) -> &str {
        &self.type_
    }

    fn state(&self) -> (&str, Option<i64>) {
        (&self.status, self.observed_generation)
    }

    fn last_transition_time(&mut self) -> &mut Option<String> {
        &mut self.last_transition_time
    }
}

/// `True` or `False`.
pub(crate) fn status_text(is_true: bool) -> String {
    if is_true { "True" } else { "False" }.to_owned()
}

/// Puts the condition in the place of the one of its type, or at the end.
pub(crate) fn upsert<C: StatusCondition>(conditions: &mut Vec<C>, condition: C) {
    match conditions.iter_mut().find(|other| other.type_() == condition.type_()) {
        Some(other) => *other = condition,
        None => conditions.push(condition),
    }
}

/// Gives each condition the time of its last transition: the time that `previous` has, if the
/// state is the same as there, else `now`.
pub(crate) fn set_transition_times<C: StatusCondition + Clone>(
    conditions: &mut [C],
    previous: &[C],
    now: Timestamp,
) {
    for condition in conditions {
        let before = previous.iter().find(|before| {
            before.type_() == condition.type_() && before.state() == condition.state()
        });
        let since = before.and_then(|before| before.clone().last_transition_time().take());
        *condition.last_transition_time() = Some(since.unwrap_or_else(|| rfc3339_seconds(now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(type_: &str, is_true: bool) -> external_secret::Condition {
        external_secret::Condition {
            type_: type_.to_owned(),
            status: status_text(is_true),
            ..external_secret::Condition::default()
        }
    }

    fn times(conditions: &[external_secret::Condition]) -> Vec<&str> {
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
        let mut second =
            vec![external_secret::Condition { observed_generation, ..condition("A", true) }];
        set_transition_times(&mut second, &first, at(2));
        assert_eq!(times(&second), ["1970-01-01T00:00:02Z"]);
    }

    #[test]
    fn upserted_condition_keeps_its_place() {
        let mut conditions = vec![condition("A", true), condition("B", true)];
        upsert(&mut conditions, condition("A", false));
        upsert(&mut conditions, condition("C", false));
        let types: Vec<_> = conditions.iter().map(|c| (c.type_(), c.status.as_str())).collect();
        assert_eq!(types, [("A", "False"), ("B", "True"), ("C", "False")]);
    }
}
