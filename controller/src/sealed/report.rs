//! Reports the result of a sync: the status, Events, metrics, and the retry of a failure.

use std::time::Duration;

use crds::{SealedSecret, SealedSecretStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource as _;
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    controller::SealedSecretController,
    entry::SealedSecretEntry,
    prepare::ignored_fields,
    record::Record,
    status::{self, UNSEALED},
    sync::Synced,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason, Retry},
    runtime::{
        api::version_of, backoff::Backoff, controller::Outcome, events::Severity, queue::Priority,
        status::StatusWrite,
    },
    target::Applied,
};

/// Failures that usually pass are reported in the status only after this many attempts.
const ATTEMPTS_BEFORE_STATUS: u32 = 3;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), max: Duration::from_mins(5) };
/// So everything is in sync a minute after an outage of the API server.
const TRANSIENT_BACKOFF: Backoff = Backoff { max: Duration::from_mins(1), ..BACKOFF };

enum Reported {
    Written,
    Unchanged,
    /// The write failed.
    Retry(Outcome),
}

impl SealedSecretController {
    pub(super) async fn report_synced(
        &self,
        key: &ObjectKey,
        object: &SealedSecret,
        synced: &Synced,
    ) -> Outcome {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        self.objects.update(key, uid, |entry| {
            entry.applied = Some(synced.record.clone());
            entry.record_recovery();
            if synced.applied == Applied::Updated {
                entry.record_repair(Instant::now());
            }
        });
        self.metrics.synced(key);
        let verb = match synced.applied {
            Applied::Created => Some("created"),
            Applied::Updated => Some("updated"),
            Applied::Unchanged | Applied::Absent => None,
        };
        info!(object = %key, change = verb.unwrap_or("none"), items = synced.items, "in sync");
        let entry = self.entry_of(key, object);
        let reported = self.write_status(key, &entry, Ok(&synced.record)).await;
        let synced_before = entry.status.condition("Synced");
        if verb.is_some() || synced_before.is_some_and(|condition| condition.status != "True") {
            let message = synced_message(key, verb.unwrap_or("found in order"), synced);
            self.publish(key, uid, Severity::Normal, UNSEALED, &message).await;
        }
        let ignored = ignored_fields(object);
        if verb.is_some() && !ignored.is_empty() {
            let message = format!(
                "ignored in the template, since nothing authenticates it: {}",
                ignored.join(", ")
            );
            self.publish(key, uid, Severity::Warning, "TemplateFieldIgnored", &message).await;
        }
        match reported {
            Reported::Retry(outcome) => outcome,
            Reported::Written | Reported::Unchanged => Outcome::done(),
        }
    }

    pub(super) async fn report_failure(
        &self,
        key: &ObjectKey,
        entry: &SealedSecretEntry,
        failure: &Failure,
    ) -> Outcome {
        self.metrics.failed(key, failure.reason);
        let retry = self.retry(key, failure);
        if failure.reason.passes() && entry.attempts.saturating_add(1) < ATTEMPTS_BEFORE_STATUS {
            return retry;
        }
        match self.write_status(key, entry, Err(failure)).await {
            Reported::Written => {
                let reason = failure.reason.as_str();
                self.publish(key, &entry.uid, Severity::Warning, reason, &failure.message).await;
                retry
            }
            Reported::Unchanged => retry,
            Reported::Retry(outcome) => outcome,
        }
    }

    /// Writes a status that others changed, or that an earlier write did not reach.
    pub(super) async fn repair_status(
        &self,
        key: &ObjectKey,
        entry: &SealedSecretEntry,
        record: &Record,
    ) -> Outcome {
        self.objects.update(key, &entry.uid, |entry| entry.record_repair(Instant::now()));
        self.metrics.synced(key);
        match self.write_status(key, entry, Ok(record)).await {
            Reported::Written => {
                self.objects.update(key, &entry.uid, SealedSecretEntry::record_recovery);
                Outcome::done()
            }
            Reported::Unchanged => Outcome::done(),
            Reported::Retry(outcome) => outcome,
        }
    }

    /// Records the failure. Its reason decides whether it is retried.
    pub(super) fn retry(&self, key: &ObjectKey, failure: &Failure) -> Outcome {
        let reason = failure.reason;
        warn!(object = %key, %reason, message = failure.message, "not in sync");
        let Some(entry) = self.objects.get(key) else { return Outcome::done() };
        self.objects.update(key, &entry.uid, |entry| entry.record_failure(reason));
        if reason.retry() == Retry::OnCause {
            return Outcome::done();
        }
        Outcome::requeue(Priority::Retry, backoff(reason).delay(entry.attempts, rand::random()))
    }

    /// The entry of the object, as of the generation that was synced.
    pub(super) fn entry_of(&self, key: &ObjectKey, object: &SealedSecret) -> SealedSecretEntry {
        let entry = self.objects.get(key);
        let mut entry =
            entry.unwrap_or_else(|| SealedSecretEntry::of(&self.context.mac_key, object));
        entry.generation = object.metadata.generation.unwrap_or_default();
        entry.uid = object.metadata.uid.clone().unwrap_or_default();
        entry
    }

    /// Writes the status if it differs.
    async fn write_status(
        &self,
        key: &ObjectKey,
        entry: &SealedSecretEntry,
        result: Result<&Record, &Failure>,
    ) -> Reported {
        let next = status::next(&entry.status, entry.generation, result, Timestamp::now());
        let Some(mut next) = next else { return Reported::Unchanged };
        if entry.prunes_record && without_record(&next) == without_record(&entry.status) {
            return Reported::Unchanged;
        }
        // A merge patch: null removes the record of an earlier sync.
        let body = json!({
            "observedGeneration": next.observed_generation,
            "conditions": next.conditions,
            "fingerprint": next.fingerprint,
        });
        let written: StatusWrite<SealedSecret> =
            self.context.statuses.write(key, &entry.uid, &body).await;
        match written {
            StatusWrite::Written(object) => {
                let kept =
                    object.status.as_ref().is_some_and(|status| status.fingerprint.is_some());
                let is_pruned = next.fingerprint.is_some() && !kept;
                if is_pruned {
                    next.fingerprint = None;
                    self.metrics.note_pruned_record();
                }
                self.objects.update(key, &entry.uid, |entry| {
                    entry.prunes_record = is_pruned;
                    entry.status = next;
                    entry.version = entry.version.max(version_of(&object.metadata));
                });
                Reported::Written
            }
            StatusWrite::Unchanged => Reported::Unchanged,
            StatusWrite::Invalid(failure) | StatusWrite::Failed(failure) => {
                self.metrics.failed(key, failure.reason);
                Reported::Retry(self.retry(key, &failure))
            }
        }
    }

    async fn publish(
        &self,
        key: &ObjectKey,
        uid: &str,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        let object = ObjectReference {
            api_version: Some(SealedSecret::api_version(&()).into_owned()),
            kind: Some(SealedSecret::kind(&()).into_owned()),
            namespace: Some(key.namespace.clone()),
            name: Some(key.name.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        self.context.events.publish_about(object, "Unseal", severity, reason, message).await;
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

fn without_record(status: &SealedSecretStatus) -> SealedSecretStatus {
    SealedSecretStatus { fingerprint: None, ..status.clone() }
}

fn backoff(reason: Reason) -> Backoff {
    if reason.passes() { TRANSIENT_BACKOFF } else { BACKOFF }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_of_the_api_server_ends_within_a_minute() {
        for reason in [Reason::Conflict, Reason::Throttled, Reason::Timeout, Reason::Unavailable] {
            assert_eq!(backoff(reason).delay(u32::MAX, u32::MAX), Duration::from_mins(1));
        }
        let denied = backoff(Reason::AccessDenied);
        assert_eq!(denied.delay(u32::MAX, u32::MAX), Duration::from_mins(5));
    }
}
