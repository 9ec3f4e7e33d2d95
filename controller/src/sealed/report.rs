//! Reports the result of a sync: the status, Events, metrics, and the retry of a failure.

use std::time::Duration;

use crds::{SealedSecret, SealedSecretStatus};
use jiff::Timestamp;
use kube::Api;
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    controller::Attempt,
    index::SealedSecretEntry,
    prepare::ignored_fields,
    record::Record,
    status::{self, UNSEALED},
    sync::Synced,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason, Retry},
    runtime::{
        api::version_of,
        backoff::Backoff,
        controller::Outcome,
        events::{Severity, reference},
        queue::Priority,
        status::{StatusWrite, write_status},
    },
    target::Applied,
};

/// Failures that usually pass are reported in the status only after this many attempts.
const ATTEMPTS_BEFORE_STATUS: u32 = 3;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), max: Duration::from_mins(5) };
/// So everything is in sync a minute after an outage of the API server.
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
                entry.record_repair(Instant::now());
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
            let message = synced_message(self.key, verb.unwrap_or("found in order"), synced);
            self.publish(Severity::Normal, UNSEALED, &message).await;
        }
        let ignored = ignored_fields(object).join(", ");
        if verb.is_some() && !ignored.is_empty() {
            let message =
                format!("ignored in the template, since nothing authenticates it: {ignored}");
            self.publish(Severity::Warning, "TemplateFieldIgnored", &message).await;
        }
        written.err().unwrap_or_default()
    }

    pub(super) async fn report_failure(&self, failure: &Failure) -> Outcome {
        let Failure { reason, message } = failure;
        self.controller.metrics.failed(self.key, *reason);
        let retry = self.retry(failure);
        if reason.passes() && self.entry.attempts.saturating_add(1) < ATTEMPTS_BEFORE_STATUS {
            return retry;
        }
        match self.write_status(Err(failure)).await {
            Ok(is_written) => {
                if is_written {
                    self.publish(Severity::Warning, reason.as_str(), message).await;
                }
                retry
            }
            Err(retry_of_write) => retry_of_write,
        }
    }

    /// Writes a status that others changed, or that an earlier write did not reach.
    pub(super) async fn repair_status(&self, record: &Record) -> Outcome {
        self.update(|entry| entry.record_repair(Instant::now()));
        self.controller.metrics.synced(self.key);
        let written = self.write_status(Ok(record)).await;
        if written == Ok(true) {
            self.update(SealedSecretEntry::record_recovery);
        }
        written.err().unwrap_or_default()
    }

    /// Records the failure. Its reason decides whether it is retried.
    pub(super) fn retry(&self, failure: &Failure) -> Outcome {
        let reason = failure.reason;
        warn!(object = %self.key, %reason, message = failure.message, "not in sync");
        let objects = &self.controller.objects;
        let Some(entry) = objects.get(self.key) else { return Outcome::done() };
        objects.update(self.key, &entry.uid, |entry| entry.record_failure(reason));
        if reason.retry() == Retry::OnCause {
            return Outcome::done();
        }
        Outcome::requeue(Priority::Retry, backoff(reason).delay(entry.attempts, rand::random()))
    }

    /// Writes the status if it differs. Returns whether it was written, or when to retry the write.
    async fn write_status(&self, result: Result<&Record, &Failure>) -> Result<bool, Outcome> {
        let Self { controller, key, entry } = self;
        let next = status::next(&entry.status, entry.generation, result, Timestamp::now());
        let Some(mut next) = next else { return Ok(false) };
        if entry.prunes_record && without_record(&next) == without_record(&entry.status) {
            return Ok(false);
        }
        // A merge patch: null removes the record of an earlier sync.
        let body = json!({
            "observedGeneration": next.observed_generation,
            "conditions": next.conditions,
            "fingerprint": next.fingerprint,
        });
        let client = controller.context.client.clone();
        let api: Api<SealedSecret> = Api::namespaced(client, &key.namespace);
        let object = match write_status(&api, &key.name, &entry.uid, &body).await {
            StatusWrite::Written(object) => object,
            StatusWrite::Unchanged => return Ok(false),
            StatusWrite::Invalid(failure) | StatusWrite::Failed(failure) => {
                controller.metrics.failed(key, failure.reason);
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
        events.publish_about(object, "Unseal", severity, reason, message).await;
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
