//! The status that an outcome gives: pure, and none when it is the one that is there.

use std::{collections::BTreeMap, fmt::Write as _};

use crds::{
    ExternalSecretStatus,
    external_secret::{Binding, Condition, condition},
};
use jiff::Timestamp;

use super::assemble::Complaint;

/// What is read again without a change is told in the status only so often: programs that want to
/// know more often ask the metrics.
pub const TELLS: i64 = 24 * 3600;

/// What came of a refresh.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'o> {
    /// The Secret is as it must be.
    Done(Done<'o>),
    /// It is not.
    Failed(Failed<'o>),
    /// It is left to another controller, and so is everything of the status but why.
    Left(&'o Complaint),
    /// It is in order, as another process has left it, and is not left to another controller any more.
    Ours,
}

/// The Secret is as it must be.
#[derive(Clone, Copy, Debug)]
pub struct Done<'o> {
    /// `SecretSynced`, `SecretDeleted` or `SecretMissing`.
    pub reason: &'static str,
    /// External Secrets' words.
    pub message: &'static str,
    /// The Secret, if one was written.
    pub binding: Option<&'o str>,
    /// When the values were read.
    pub refreshed: Timestamp,
    /// The version of the object that it was made for.
    pub synced: &'o str,
    /// The versions that were read.
    pub versions: &'o BTreeMap<String, String>,
    /// The MAC of the Secret, where it has no hash.
    pub fingerprint: Option<&'o str>,
}

/// It is not.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'o> {
    /// External Secrets' words.
    pub message: &'static str,
    /// The Secret, if one was to be changed.
    pub binding: Option<&'o str>,
    /// What is wrong.
    pub complaints: &'o [Complaint],
    /// Since when the Secret has the values that it has, if there is one with good ones.
    pub since: Option<Timestamp>,
    /// How long there is at most between two attempts, for people.
    pub retries: &'static str,
}

/// How many complaints are told.
const MOST: usize = 10;

/// The status after this outcome; none when nothing but times would change.
///
/// `Ready` has External Secrets' reasons, which other programs know. What is wrong stands in
/// `Explained`, with our reasons.
pub fn next(
    previous: &ExternalSecretStatus,
    outcome: Outcome<'_>,
    now: Timestamp,
) -> Option<ExternalSecretStatus> {
    let mut status = previous.clone();
    let (ready, explained) = match outcome {
        Outcome::Ours => (None, None),
        Outcome::Left(why) => (None, Some(explained(std::slice::from_ref(why)))),
        Outcome::Done(done) => {
            if let Some(name) = done.binding {
                status.binding = Binding { name: name.to_owned() };
            }
            status.synced_resource_version = Some(done.synced.to_owned());
            status.versions = done.versions.clone();
            status.fingerprint = done.fingerprint.map(ToOwned::to_owned);
            (Some(ready(true, done.reason, done.message.to_owned())), None)
        }
        Outcome::Failed(failed) => {
            if let Some(name) = failed.binding {
                status.binding = Binding { name: name.to_owned() };
            }
            let stale = failed.since.map_or_else(String::new, |since| {
                format!("; the Secret keeps its values, Stale since {}", second(since))
            });
            let first = failed.complaints.first().map_or("", |first| first.failure.reason.as_str());
            let message =
                format!("{}: {first}{stale}; tried again {}", failed.message, failed.retries);
            (Some(ready(false, "SecretSyncedError", message)), Some(explained(failed.complaints)))
        }
    };
    let is_ours = |condition: &Condition| {
        condition.type_ == "Explained" || condition.type_ == "Ready" && ready.is_some()
    };
    status.conditions.retain(|condition| !is_ours(condition));
    status.conditions.splice(0..0, ready);
    status.conditions.extend(explained);
    for condition in &mut status.conditions {
        let before = crds::external_secret::condition(&previous.conditions, &condition.type_);
        let before = before.filter(|before| before.status == condition.status);
        let since = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| second(now)));
    }
    let told = previous.refresh_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    if let Outcome::Done(done) = outcome {
        let age = told.map(|told| done.refreshed.as_second() - told.as_second());
        // One of the future is none.
        let is_recent = age.is_some_and(|age| (0..TELLS).contains(&age));
        if status == *previous && is_recent {
            return None;
        }
        status.refresh_time = Some(second(done.refreshed));
    }
    (status != *previous).then_some(status)
}

fn ready(is: bool, reason: &str, message: String) -> Condition {
    Condition {
        type_: "Ready".to_owned(),
        status: if is { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: None,
        observed_generation: None,
    }
}

fn explained(complaints: &[Complaint]) -> Condition {
    let told = complaints.iter().take(MOST).map(|complaint| {
        let Complaint { entry, failure } = complaint;
        let colon = if entry.is_empty() { "" } else { ": " };
        format!("{entry}{colon}{}: {}", failure.reason, failure.message)
    });
    let mut message = told.collect::<Vec<_>>().join("; ");
    if complaints.len() > MOST {
        let _ = write!(message, "; and {} more", complaints.len() - MOST);
    }
    let reason = complaints.first().map(|first| first.failure.reason.as_str().to_owned());
    Condition {
        type_: "Explained".to_owned(),
        status: "True".to_owned(),
        reason,
        message: Some(message.chars().take(8192).collect()),
        last_transition_time: None,
        observed_generation: None,
    }
}

/// The same without a condition of ours: what it says stands in `Ready`.
pub fn explained_in_ready(mut status: ExternalSecretStatus) -> ExternalSecretStatus {
    let explained = condition(&status.conditions, "Explained").and_then(|own| own.message.clone());
    status.conditions.retain(|condition| condition.type_ != "Explained");
    let ready = status.conditions.iter_mut().find(|condition| condition.type_ == "Ready");
    if let (Some(explained), Some(message)) =
        (explained, ready.and_then(|ready| ready.message.as_mut()))
        && !message.ends_with(&explained)
    {
        message.push_str("; ");
        message.push_str(&explained);
    }
    status
}

/// Whether `Ready` is true.
pub fn is_ready(status: &ExternalSecretStatus) -> bool {
    condition(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// RFC 3339 to the second, as the API's times are.
pub fn second(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second()).expect("a second of a time is a time");
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::{Failure, Reason};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn done(refreshed: i64) -> Outcome<'static> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Outcome::Done(Done {
            reason: "SecretSynced",
            message: "secret synced",
            binding: Some("s"),
            refreshed: at(refreshed),
            synced: "1-x",
            versions: &NONE,
            fingerprint: None,
        })
    }

    fn failed(complaints: &[Complaint]) -> Outcome<'_> {
        Outcome::Failed(Failed {
            message: "could not get secret data from provider",
            binding: None,
            complaints,
            since: Some(at(150)),
            retries: "within 5m",
        })
    }

    #[test]
    fn what_is_read_again_unchanged_is_told_once_a_day() {
        let first = next(&ExternalSecretStatus::default(), done(100), at(100)).unwrap();
        assert_eq!(first.refresh_time.as_deref(), Some("1970-01-01T00:01:40Z"));
        assert_eq!(next(&first, done(3700), at(3700)), None);
        let day = next(&first, done(100 + TELLS), at(100 + TELLS)).unwrap();
        assert_eq!(day.refresh_time.as_deref(), Some("1970-01-02T00:01:40Z"));
        assert_eq!(day.conditions, first.conditions);
        let to_come = ExternalSecretStatus { refresh_time: Some(second(at(9999))), ..first };
        let mended = next(&to_come, done(3700), at(3700)).unwrap();
        assert_eq!(mended.refresh_time.as_deref(), Some("1970-01-01T01:01:40Z"));
    }

    #[test]
    fn a_failure_keeps_what_was_good_and_says_since_when() {
        let first = next(&ExternalSecretStatus::default(), done(100), at(100)).unwrap();
        let complaint = Complaint {
            entry: "data[0] (key a)".into(),
            failure: Failure::new(Reason::Throttled, "AWS asks for fewer requests"),
        };
        let complaints = [complaint];
        let status = next(&first, failed(&complaints), at(200)).unwrap();
        assert_eq!(status.refresh_time, first.refresh_time);
        assert_eq!(status.binding.name, "s");
        let ready = condition(&status.conditions, "Ready").unwrap();
        assert_eq!(
            (ready.status.as_str(), ready.reason.as_deref()),
            ("False", Some("SecretSyncedError"))
        );
        let message = ready.message.as_deref().unwrap();
        assert!(message.starts_with("could not get secret data from provider"), "{message}");
        assert!(message.contains("Stale since 1970-01-01T00:02:30Z"), "{message}");
        let explained = condition(&status.conditions, "Explained").unwrap();
        assert_eq!(explained.reason.as_deref(), Some("Throttled"));
        assert_eq!(next(&status, failed(&complaints), at(300)), None, "the same again is not told");
        let told = explained_in_ready(status.clone());
        assert_eq!(condition(&told.conditions, "Explained"), None);
        let message = condition(&told.conditions, "Ready").unwrap().message.as_deref().unwrap();
        assert!(message.ends_with("AWS asks for fewer requests"), "{message}");
        let again = explained_in_ready(next(&told, failed(&complaints), at(300)).unwrap());
        assert_eq!(again, told, "the same again is not told");
        let left = next(&first, Outcome::Left(&complaints[0]), at(200)).unwrap();
        assert_eq!(left.conditions[0], first.conditions[0], "Ready is whoever's it was");
        assert_eq!(condition(&left.conditions, "Explained").unwrap().reason, explained.reason);
        assert_eq!(next(&left, Outcome::Ours, at(200)).unwrap(), first);
        assert_eq!(next(&first, Outcome::Ours, at(200)), None);
        let again = next(&status, done(400), at(400)).unwrap();
        assert_eq!(condition(&again.conditions, "Explained"), None);
        let ready = condition(&again.conditions, "Ready").unwrap();
        assert_eq!(ready.last_transition_time.as_deref(), Some("1970-01-01T00:06:40Z"));
    }
}
