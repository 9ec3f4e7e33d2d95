//! Reports the result of a sync: the status, Events, metrics, and the retry of a failure.

use std::time::Duration;

use crds::{SealedSecret, SealedSecretStatus, sealed_secret::Condition};
use jiff::Timestamp;
use kube::Api;
use serde_json::json;
use tracing::{info, warn};

use super::{
    controller::Attempt, index::SealedSecretEntry, prepare::ignored_fields, record::Record,
    sync::Synced,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason, Retry},
    runtime::{
        Backoff, Outcome, Priority, Severity, StatusError, clock::rfc3339_seconds,
        events::reference, status::status_text, version_of, write_status,
    },
    target::Applied,
};

/// The reason of success, in conditions and Events.
pub(crate) const UNSEALED: &str = "Unsealed";
/// The status reports transient failures only after this many attempts.
const ATTEMPTS_BEFORE_STATUS: u32 = 3;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), max: Duration::from_mins(5) };
/// So all objects are in sync a minute after an outage of the API server.
const TRANSIENT_BACKOFF: Backoff = Backoff { max: Duration::from_mins(1), ..BACKOFF };

impl Attempt<'_> {
    pub(super) fn confirm(&self) -> Outcome {
        self.update(|entry| {
            entry.pending = None;
            entry.record_recovery();
        });
        self.controller.metrics.synced(self.key);
        Outcome::done()
    }

    pub(super) async fn report_synced(&self, object: &SealedSecret, synced: &Synced) -> Outcome {
        self.update(|entry| {
            entry.applied = Some(synced.record.clone());
            entry.record_recovery();
            if synced.applied == Applied::Updated {
                entry.record_repair();
            }
        });
        self.controller.metrics.synced(self.key);
        let verb = match synced.applied {
            Applied::Created => Some("created"),
            Applied::Updated => Some("updated"),
            Applied::Unchanged | Applied::Absent => None,
        };
        info!(object = %self.key, change = verb.unwrap_or("none"), items = synced.items, "in sync");
        let written = self.write_status(Ok(&synced.record)).await;
        let synced_before = self.entry.status.condition("Synced");
        if verb.is_some() || synced_before.is_some_and(|condition| condition.status != "True") {
            let message = synced_message(self.key, verb.unwrap_or("is in sync"), synced);
            self.publish(Severity::Normal, UNSEALED, &message).await;
        }
        let ignored = ignored_fields(object).join(", ");
        if verb.is_some() && !ignored.is_empty() {
            let message =
                format!("ignored fields of the template, which nothing authenticates: {ignored}");
            self.publish(Severity::Warning, "TemplateFieldIgnored", &message).await;
        }
        written.err().unwrap_or_default()
    }

    pub(super) async fn report_failure(&self, failure: &Failure) -> Outcome {
        let reason = failure.reason;
        self.controller.count_failure(self.key, reason);
        let retry = self.retry(failure);
        if reason.passes() && self.entry.attempts.saturating_add(1) < ATTEMPTS_BEFORE_STATUS {
            return retry;
        }
        match self.write_status(Err(failure)).await {
            Ok(is_written) if is_written || self.is_news(failure) => {
                let message = failure.to_string();
                self.publish(Severity::Warning, event_reason(failure.reason), &message).await;
            }
            Ok(_) => {}
            Err(retry_of_write) => return retry_of_write,
        }
        retry
    }

    /// Writes a status that another writer changed, or that an earlier write failed to update.
    pub(super) async fn repair_status(&self, record: &Record) -> Outcome {
        self.update(SealedSecretEntry::record_repair);
        self.controller.metrics.synced(self.key);
        let written = self.write_status(Ok(record)).await;
        if written == Ok(true) {
            self.update(SealedSecretEntry::record_recovery);
        }
        written.err().unwrap_or_default()
    }

    /// Without a status, whether the failure differs from the last one that was published.
    fn is_news(&self, failure: &Failure) -> bool {
        let Self { controller, entry, .. } = self;
        let reason = failure.reason;
        let is_first =
            reason.passes() && entry.attempts.saturating_add(1) == ATTEMPTS_BEFORE_STATUS;
        !controller.writes_status && (is_first || entry.failed != Some(reason))
    }

    /// Records the failure. Its reason decides whether it is retried.
    pub(super) fn retry(&self, failure: &Failure) -> Outcome {
        let reason = failure.reason;
        warn!(object = %self.key, %reason, cause = failure.message, "not in sync");
        let objects = &self.controller.objects;
        let Some(entry) = objects.get(self.key) else { return Outcome::done() };
        objects.update(self.key, &entry.uid, |entry| {
            entry.failed = Some(reason);
            entry.attempts = entry.attempts.saturating_add(1);
        });
        if reason.retry() == Retry::OnCause {
            return Outcome::failed();
        }
        Outcome::requeue(Priority::Retry, backoff(reason).delay(entry.attempts, rand::random()))
    }

    /// Writes the status if it differs. Returns whether it was written, or when to retry the write.
    async fn write_status(&self, result: Result<&Record, &Failure>) -> Result<bool, Outcome> {
        let Self { controller, key, entry } = self;
        if !controller.writes_status {
            return Ok(false);
        }
        let Some(mut next) = next_status(entry, result, Timestamp::now()) else { return Ok(false) };
        // A merge patch: null removes the record of an earlier sync.
        let body = json!({
            "observedGeneration": next.observed_generation,
            "conditions": next.conditions,
            "fingerprint": next.fingerprint,
        });
        let client = controller.context.client.clone();
        let api: Api<SealedSecret> = Api::namespaced(client, &key.namespace);
        let object = match write_status(&api, &key.name, &entry.uid, &body).await {
            Ok(Some(object)) => object,
            Ok(None) => return Ok(false),
            Err(StatusError { failure, .. }) => {
                controller.count_failure(key, failure.reason);
                return Err(self.retry(&failure));
            }
        };
        let is_kept = object.status.is_some_and(|status| status.fingerprint.is_some());
        let is_pruned = next.fingerprint.is_some() && !is_kept;
        if is_pruned {
            next.fingerprint = None;
            controller.pruning_warning.call_once(|| {
                warn!(
                    "the CRD of SealedSecrets in this cluster has no field status.fingerprint, so \
                     each restart decrypts every item again. Apply the controller's CRD to avoid that"
                );
            });
        }
        self.update(|entry| {
            entry.prunes_record = is_pruned;
            entry.status = next;
            entry.version = entry.version.max(version_of(&object.metadata));
        });
        Ok(true)
    }

    fn update(&self, change: impl FnOnce(&mut SealedSecretEntry)) {
        self.controller.objects.update(self.key, &self.entry.uid, change);
    }

    async fn publish(&self, severity: Severity, reason: &str, message: &str) {
        let object = reference::<SealedSecret>(self.key, &self.entry.uid);
        let events = &self.controller.context.events;
        events.publish(object, "Unseal", severity, reason, message).await;
    }
}

fn synced_message(key: &ObjectKey, verb: &str, synced: &Synced) -> String {
    let items = if synced.items == 1 { "item" } else { "items" };
    let mut message = format!("Secret {} {verb}: {} {items}", key.name, synced.items);
    if !synced.random.is_empty() {
        message += "; randomly generated, and kept until the SealedSecret's spec changes: ";
        message += &synced.random.join(", ");
    }
    message
}

/// The reason of an Event, as in Bitnami's controller: alerts match these words. Ours is the first
/// word of the message.
fn event_reason(reason: Reason) -> &'static str {
    let is_unsealing = matches!(
        reason,
        Reason::Malformed | Reason::ScopeMismatch | Reason::TemplateInvalid | Reason::UnknownKey
    );
    if is_unsealing { "ErrUnsealFailed" } else { "ErrUpdateFailed" }
}

fn backoff(reason: Reason) -> Backoff {
    if reason.passes() { TRANSIENT_BACKOFF } else { BACKOFF }
}

/// The status after a sync that produced this record, or failed. None when only times would change.
///
/// `Synced` comes first, because the printer columns of Bitnami's CRD read the first condition.
/// Argo CD's health check reads it by name. Conditions report results, never progress.
pub(super) fn next_status(
    entry: &SealedSecretEntry,
    result: Result<&Record, &Failure>,
    now: Timestamp,
) -> Option<SealedSecretStatus> {
    let failure = result.err();
    let reason = failure.map_or(UNSEALED, |failure| failure.reason.as_str());
    let condition = |type_: &str, is_true: bool| Condition {
        type_: type_.to_owned(),
        status: status_text(is_true),
        reason: Some(reason.to_owned()),
        message: failure.map(|failure| failure.message.clone()),
        ..Condition::default()
    };
    let mut status = SealedSecretStatus {
        observed_generation: Some(entry.generation),
        conditions: vec![
            condition("Synced", failure.is_none()),
            condition("Ready", failure.is_none()),
            condition("Stalled", failure.is_some_and(|failure| failure.reason.stalls())),
        ],
        fingerprint: result.ok().map(ToString::to_string),
    };
    let mut previous = without_times(&entry.status);
    if entry.prunes_record && previous.fingerprint.is_none() {
        // The status with the record that the API server pruned.
        previous.fingerprint.clone_from(&status.fingerprint);
    }
    if previous == status {
        return None;
    }
    let now = rfc3339_seconds(now);
    for condition in &mut status.conditions {
        let before = entry.status.condition(&condition.type_);
        let before = before.filter(|before| before.status == condition.status);
        let since = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| now.clone()));
        condition.last_update_time = Some(now.clone());
    }
    Some(status)
}

fn without_times(status: &SealedSecretStatus) -> SealedSecretStatus {
    let mut status = status.clone();
    for condition in &mut status.conditions {
        condition.last_update_time = None;
        condition.last_transition_time = None;
        // Bitnami's controller writes an empty message, and the API server stores it.
        condition.message = condition.message.take().filter(|message| !message.is_empty());
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Mac, MacKey};

    #[test]
    fn outage_of_the_api_server_ends_within_a_minute() {
        for reason in [Reason::Conflict, Reason::Throttled, Reason::Timeout, Reason::Unavailable] {
            assert_eq!(backoff(reason).delay(u32::MAX, u32::MAX), Duration::from_mins(1));
        }
        let denied = backoff(Reason::AccessDenied);
        assert_eq!(denied.delay(u32::MAX, u32::MAX), Duration::from_mins(5));
    }

    #[test]
    fn events_tell_failures_of_unsealing_from_those_of_writing() {
        for reason in
            [Reason::Malformed, Reason::ScopeMismatch, Reason::TemplateInvalid, Reason::UnknownKey]
        {
            assert_eq!(event_reason(reason), "ErrUnsealFailed");
        }
        for reason in [
            Reason::AccessDenied,
            Reason::Conflict,
            Reason::Immutable,
            Reason::InvalidSecret,
            Reason::NotOwned,
            Reason::Timeout,
            Reason::TypeDenied,
            Reason::Unavailable,
        ] {
            assert_eq!(event_reason(reason), "ErrUpdateFailed");
        }
    }

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

    fn next_status(
        previous: &SealedSecretStatus,
        generation: i64,
        result: Result<&Record, &Failure>,
        now: Timestamp,
    ) -> Option<SealedSecretStatus> {
        super::next_status(&entry(previous, generation), result, now)
    }

    fn entry(status: &SealedSecretStatus, generation: i64) -> SealedSecretEntry {
        let sealed = serde_json::from_value(json!({ "metadata": {}, "spec": {} })).unwrap();
        let entry = SealedSecretEntry::of(&MacKey::from_bytes(&[3; 32]).unwrap(), &sealed);
        SealedSecretEntry { status: status.clone(), generation, ..entry }
    }

    #[test]
    fn pruned_record_counts_as_written() {
        let kept = next_status(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        let pruned = SealedSecretStatus { fingerprint: None, ..kept };
        let entry = SealedSecretEntry { prunes_record: true, ..entry(&pruned, 1) };
        assert_eq!(super::next_status(&entry, Ok(&record()), at(9)), None);
        assert!(next_status(&pruned, 1, Ok(&record()), at(9)).is_some(), "the CRD may keep it");
        let failure = failed(Reason::Malformed);
        assert!(super::next_status(&entry, Err(&failure), at(9)).is_some());
    }

    #[test]
    fn repeated_result_writes_nothing() {
        let status = next_status(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        assert_eq!(next_status(&status, 1, Ok(&record()), at(9)), None);
        let failure = failed(Reason::Malformed);
        let status = next_status(&status, 1, Err(&failure), at(10)).unwrap();
        assert_eq!(next_status(&status, 1, Err(&failure), at(19)), None);
    }

    #[test]
    fn synced_comes_first() {
        let status = next_status(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        let types: Vec<_> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(types, ["Synced", "Ready", "Stalled"]);
    }

    #[test]
    fn transition_time_is_kept_until_the_status_flips() {
        let first = next_status(&SealedSecretStatus::default(), 1, Ok(&record()), at(1)).unwrap();
        let second = next_status(&first, 2, Ok(&record()), at(5)).unwrap();
        let synced = second.condition("Synced").unwrap();
        assert_eq!(synced.last_transition_time.as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(synced.last_update_time.as_deref(), Some("1970-01-01T00:00:05Z"));
        let third = next_status(&second, 2, Err(&failed(Reason::NotOwned)), at(7)).unwrap();
        let transition = |type_: &str| third.condition(type_).unwrap().last_transition_time.clone();
        assert_eq!(transition("Synced").as_deref(), Some("1970-01-01T00:00:07Z"));
        assert_eq!(transition("Stalled").as_deref(), Some("1970-01-01T00:00:01Z"));
    }

    #[test]
    fn only_failures_that_the_user_must_fix_stall() {
        for (reason, stalled) in [(Reason::UnknownKey, "True"), (Reason::NotOwned, "False")] {
            let failure = failed(reason);
            let status =
                next_status(&SealedSecretStatus::default(), 1, Err(&failure), at(1)).unwrap();
            assert_eq!(status.condition("Stalled").unwrap().status, stalled);
            assert_eq!(status.condition("Ready").unwrap().reason.as_deref(), Some(reason.as_str()));
            assert_eq!(status.fingerprint, None);
        }
    }

    #[test]
    fn status_of_bitnamis_controller_is_completed() {
        let bitnami = SealedSecretStatus {
            observed_generation: Some(1),
            conditions: vec![Condition {
                type_: "Synced".into(),
                status: "True".into(),
                ..Condition::default()
            }],
            fingerprint: None,
        };
        assert!(next_status(&bitnami, 1, Ok(&record()), at(1)).is_some());
    }
}
