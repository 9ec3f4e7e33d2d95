//! One pass over one SealedSecret: observe, decide, write at most a Secret and a status.

use std::{sync::Arc, time::Duration};

use crds::{SealedSecret, SealedSecretStatus};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    index::{SealedIndex, SealedSecretEntry, SyncState},
    metrics::SealedSecretMetrics,
    prepare::{Sealed, desired, desired_legacy, ignored_fields, prepare},
    record::{Record, inputs},
    render::Renderer,
    status::{self, Outcome, UNSEALED},
    unseal::{Sealing, Unsealer},
};
use crate::{
    external::ExternalSecretController,
    key::ObjectKey,
    keys::{KeyId, KeyStore},
    reason::{Failure, Reason, Retry},
    restart::RestartController,
    runtime::FIELD_MANAGER,
    runtime::api::{request, version_of},
    runtime::events::{EventPublisher, Severity},
    runtime::namespaces::Namespaces,
    runtime::queue::{Priority, WorkQueue},
    target::{
        Applied, ApplyError, SecretIndex, SecretSnapshot, Writer, desired::DesiredSecret,
        fingerprint::MacKey, policy::Policy,
    },
};

/// How long people get to put another Secret in the place of one they deleted, before the
/// SealedSecret takes it. Users of Bitnami's controller rely on such a pause.
pub const VACANCY: Duration = Duration::from_secs(2);
/// What usually passes by itself is said in the status only after this many attempts.
const PATIENCE: u32 = 3;
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
const BACK_OFF_MOST: Duration = Duration::from_mins(5);
/// What passes by itself is looked at more often: so long after the API server is back at the latest,
/// everything is in sync.
const BACK_OFF_MOST_PASSING: Duration = Duration::from_mins(1);

/// Everything a pass needs.
pub struct SealedSecretController {
    /// The API server.
    pub client: Client,
    /// What is known of the SealedSecrets.
    pub objects: Arc<SealedIndex>,
    /// What is known of the Secrets.
    pub secrets: Arc<SecretIndex>,
    /// The writer of Secrets.
    pub writer: Writer,
    /// Namespaces on their way out.
    pub namespaces: Arc<Namespaces>,
    /// The sealing keys.
    pub keys: Arc<KeyStore>,
    /// The pool for private-key operations.
    pub opener: Unsealer,
    /// The one for templates.
    pub renderer: Renderer,
    /// The key of the fingerprints.
    pub mac_key: Arc<MacKey>,
    /// What the operator allows.
    pub policy: Policy,
    /// Whether the deprecated `spec.data` is opened.
    pub accepts_legacy_data: bool,
    /// What comes next.
    pub queue: Arc<WorkQueue>,
    /// For people.
    pub events: EventPublisher,
    /// For programs.
    pub metrics: SealedSecretMetrics,
    /// What makes Secrets of values of AWS, where the operator wants it.
    pub externals: Option<Arc<ExternalSecretController>>,
    /// What restarts workloads with their Secrets, where the operator wants it.
    pub restarts: Option<Arc<RestartController>>,
}

/// A Secret that is as it must be.
struct Done {
    applied: Applied,
    record: Record,
    items: usize,
    /// The keys of values that were drawn at random.
    random: Vec<String>,
}

impl SealedSecretController {
    /// Looks at one object.
    pub async fn reconcile(&self, key: &ObjectKey) {
        let Some(known) = self.objects.get(key) else {
            return;
        };
        if known.deleting || self.namespaces.is_terminating(&key.namespace) {
            return;
        }
        let seen = self.secrets.get(key);
        match known.state(seen.as_ref(), &self.keys.ring()) {
            SyncState::InSync => {
                self.objects.drop_pending(key);
                self.objects.update(key, &known.uid, SealedSecretEntry::recovered);
                self.metrics.synced(key);
            }
            SyncState::StatusStale => {
                let record = known.applied.clone().expect("a state other than unsettled has one");
                self.objects.update(key, &known.uid, |known| known.repaired(Instant::now()));
                self.metrics.synced(key);
                if self.write_status(key, &known, Outcome::Synced(&record)).await {
                    self.objects.update(key, &known.uid, SealedSecretEntry::recovered);
                }
            }
            SyncState::OutOfSync => self.work(key).await,
        }
    }

    /// The full work: with the object as the watch just gave it, else as it is now.
    async fn work(&self, key: &ObjectKey) {
        let object = match self.objects.take_pending(key) {
            Some(object) => object,
            None => match self.read(key).await {
                Ok(Some(object)) => object,
                Ok(None) => return,
                Err(failure) => return self.retry(key, &failure),
            },
        };
        let Some(known) = self.objects.get(key) else {
            return;
        };
        if object.metadata.deletion_timestamp.is_some() {
            return;
        }
        self.metrics.unseal_requests.inc();
        match self.sync(&object, &known).await {
            Ok(done) => self.succeeded(key, &object, &done).await,
            Err(ApplyError::Failed(failure)) => self.failed(key, &object, &failure).await,
            Err(ApplyError::Refused(refusal)) => {
                self.failed(key, &object, &refusal.failure()).await;
            }
            // The watch of the namespaces tells when there is something to do again.
            Err(ApplyError::NamespaceGone) => debug!(object = %key, "the namespace is going"),
            Err(ApplyError::Vanished) => self.queue.add(key.clone(), Priority::Drift, VACANCY),
        }
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<Arc<SealedSecret>>, Failure> {
        let api: Api<SealedSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let object = request(api.get_opt(&key.name)).await;
        let object = object.map_err(|error| error.failure(&format!("read SealedSecret {key}")))?;
        Ok(object.map(|object| {
            let object = Arc::new(object);
            self.objects.note(&object);
            self.objects.drop_pending(key);
            object
        }))
    }

    /// Opens the items, and makes the Secret.
    async fn sync(
        &self,
        object: &SealedSecret,
        known: &SealedSecretEntry,
    ) -> Result<Done, ApplyError> {
        let (desired, keys) = self.open(object, known).await.map_err(ApplyError::Failed)?;
        let (applied, seen) = self.writer.apply(&desired).await?;
        let seen = seen.expect("what is always made is there");
        let record = self.record(object, keys, &seen);
        let random = desired.random.into_iter().flat_map(|random| random.keys).collect();
        Ok(Done { applied, record, items: desired.data.len(), random })
    }

    async fn open(
        &self,
        object: &SealedSecret,
        known: &SealedSecretEntry,
    ) -> Result<(DesiredSecret, Vec<KeyId>), Failure> {
        let sealed = prepare(object, &self.policy, self.accepts_legacy_data)?;
        let before = known.applied.as_ref().map(|record| record.keys.clone());
        let sealing = Sealing {
            key: ObjectKey::of(&object.metadata),
            scope: object.scope(),
            ring: self.keys.ring(),
            first: before.unwrap_or_default().into(),
        };
        match sealed {
            Sealed::Items(items) => {
                let (items, keys) = self.opener.unseal_items(&sealing, items).await?;
                let rendered = self.renderer.render(&object.spec.template.data, items).await?;
                Ok((desired(object, rendered), keys))
            }
            Sealed::Legacy(bytes) => {
                let (json, key) = self.opener.open_legacy(&sealing, bytes).await?;
                Ok((desired_legacy(object, &json, &self.policy)?, vec![key]))
            }
        }
    }

    fn record(&self, object: &SealedSecret, keys: Vec<KeyId>, seen: &SecretSnapshot) -> Record {
        Record { keys, inputs: inputs(&self.mac_key, object), content: seen.content }
    }

    async fn succeeded(&self, key: &ObjectKey, object: &SealedSecret, done: &Done) {
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        self.objects.update(key, uid, |known| {
            known.applied = Some(done.record.clone());
            known.recovered();
            if done.applied == Applied::Updated {
                known.repaired(Instant::now());
            }
        });
        self.metrics.synced(key);
        let verb = match done.applied {
            Applied::Created => Some("created"),
            Applied::Updated => Some("updated"),
            Applied::Unchanged | Applied::Absent => None,
        };
        info!(object = %key, change = verb.unwrap_or("none"), items = done.items, "in sync");
        let known = self.known_as(key, object);
        self.write_status(key, &known, Outcome::Synced(&done.record)).await;
        let recovered =
            known.status.condition("Synced").is_some_and(|synced| synced.status != "True");
        if verb.is_some() || recovered {
            let verb = verb.unwrap_or("found in order");
            let items = if done.items == 1 { "item" } else { "items" };
            let mut message = format!("Secret {} {verb}: {} {items}", key.name, done.items);
            if !done.random.is_empty() {
                message += "; made at random, and kept until the SealedSecret's spec changes: ";
                message += &done.random.join(", ");
            }
            self.events.publish(object, Severity::Normal, UNSEALED, &message).await;
        }
        let ignored = ignored_fields(object);
        if verb.is_some() && !ignored.is_empty() {
            let message = format!(
                "ignored in the template, since nothing authenticates it: {}",
                ignored.join(", ")
            );
            self.events.publish(object, Severity::Warning, "TemplateFieldIgnored", &message).await;
        }
    }

    async fn failed(&self, key: &ObjectKey, object: &SealedSecret, failure: &Failure) {
        self.metrics.failed(key, failure.reason);
        self.retry(key, failure);
        let known = self.known_as(key, object);
        if failure.reason.passes() && known.attempts < PATIENCE {
            return;
        }
        if self.write_status(key, &known, Outcome::Failed(failure)).await {
            let reason = failure.reason.as_str();
            self.events.publish(object, Severity::Warning, reason, &failure.message).await;
        }
    }

    /// Notes the failure, and comes back when its reason says so.
    fn retry(&self, key: &ObjectKey, failure: &Failure) {
        warn!(object = %key, reason = %failure.reason, message = failure.message, "not in sync");
        let Some(known) = self.objects.get(key) else {
            return;
        };
        self.objects.update(key, &known.uid, |known| {
            known.failed = Some(failure.reason);
            known.attempts = known.attempts.saturating_add(1);
        });
        if failure.reason.retry() == Retry::BackOff {
            let pause = back_off(failure.reason, known.attempts, rand::random());
            self.queue.add(key.clone(), Priority::Retry, pause);
        }
    }

    /// What is known of the object, as of the generation that was worked on.
    fn known_as(&self, key: &ObjectKey, object: &SealedSecret) -> SealedSecretEntry {
        let known = self.objects.get(key);
        let mut known = known.unwrap_or_else(|| SealedSecretEntry::of(&self.mac_key, object));
        known.generation = object.metadata.generation.unwrap_or_default();
        known.uid = object.metadata.uid.clone().unwrap_or_default();
        known
    }

    /// Writes the status if it differs. True when it was written.
    async fn write_status(
        &self,
        key: &ObjectKey,
        known: &SealedSecretEntry,
        outcome: Outcome<'_>,
    ) -> bool {
        let next = status::next(&known.status, known.generation, outcome, Timestamp::now());
        let Some(mut next) = next else { return false };
        if known.prunes_record && without_record(&next) == without_record(&known.status) {
            return false;
        }
        let api: Api<SealedSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        // The uid is a guard: the status of another object of that name is not ours to write.
        let body = json!({
            "metadata": { "uid": known.uid },
            "status": {
                "observedGeneration": next.observed_generation,
                "conditions": next.conditions,
                "fingerprint": next.fingerprint,
            },
        });
        match request(api.patch_status(&key.name, &params, &Patch::Merge(&body))).await {
            Ok(written) => {
                let pruned = next.fingerprint.is_some()
                    && written.status.as_ref().is_none_or(|status| status.fingerprint.is_none());
                if pruned {
                    next.fingerprint = None;
                    self.metrics.note_pruned_record();
                }
                self.objects.update(key, &known.uid, |known| {
                    known.prunes_record = pruned;
                    known.status = next;
                    known.version = known.version.max(version_of(&written.metadata));
                });
                true
            }
            // Deleted, or another one by now: its own event comes.
            Err(error) if error.is_not_found() || error.is_conflict() => false,
            Err(error) => {
                let mut failure = error.failure(&format!("write the status of SealedSecret {key}"));
                // It is the status that is refused: the Secret was written, and is not to blame.
                if failure.reason == Reason::InvalidSecret {
                    failure.reason = Reason::Unavailable;
                }
                self.metrics.failed(key, failure.reason);
                self.retry(key, &failure);
                false
            }
        }
    }
}

fn without_record(status: &SealedSecretStatus) -> SealedSecretStatus {
    SealedSecretStatus { fingerprint: None, ..status.clone() }
}

/// Exponential, without a last attempt; `noise` spreads what failed together.
fn back_off(reason: Reason, attempts: u32, noise: u32) -> Duration {
    let most = if reason.passes() { BACK_OFF_MOST_PASSING } else { BACK_OFF_MOST };
    let full = BACK_OFF_FIRST.saturating_mul(1 << attempts.min(16)).min(most);
    let share = f64::from(noise) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

/// Why a failed object is worth another look when its Secret has changed.
pub fn concerns_target(reason: Reason) -> bool {
    match reason {
        Reason::Conflict | Reason::Immutable | Reason::InvalidSecret | Reason::NotOwned => true,
        Reason::AccessDenied
        | Reason::KmsDenied
        | Reason::Malformed
        | Reason::MarkedForDeletion
        | Reason::NotFound
        | Reason::PropertyMissing
        | Reason::ScopeMismatch
        | Reason::StoreInvalid
        | Reason::TemplateInvalid
        | Reason::Throttled
        | Reason::Timeout
        | Reason::TypeDenied
        | Reason::Unavailable
        | Reason::UnknownKey => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_the_api_server_is_over_a_minute_after_its_end() {
        for reason in [Reason::Conflict, Reason::Throttled, Reason::Timeout, Reason::Unavailable] {
            assert_eq!(back_off(reason, u32::MAX, u32::MAX), Duration::from_mins(1));
        }
    }

    #[test]
    fn the_back_off_grows_to_its_limit_and_never_ends() {
        let denied = |attempts, noise| back_off(Reason::AccessDenied, attempts, noise);
        assert_eq!(denied(0, u32::MAX), Duration::from_millis(500));
        assert_eq!(denied(0, 0), Duration::from_millis(250));
        assert_eq!(denied(3, u32::MAX), Duration::from_secs(4));
        assert_eq!(denied(u32::MAX, u32::MAX), Duration::from_mins(5));
    }
}
