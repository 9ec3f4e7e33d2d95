//! One pass over one ExternalSecret: observe, decide, read, write at most a Secret and a status.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crds::{
    ExternalSecret, ExternalSecretStatus,
    external_secret::{CreationPolicy, DeletionPolicy},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{
    Api, Client, Resource as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    assemble::Complaint,
    fetch, hash,
    index::{ExternalIndex, Known},
    render::{Parts, Renderer, Trouble},
    schedule::{self, Decision},
    sources::Stores,
    status::{self, Done, Failed, Outcome},
    store::{StoreIndex, StoreKey},
    versions::Versions,
};
use crate::{
    FIELD_MANAGER,
    api::{request, version_of},
    aws::Pool,
    events::{Events, Severity},
    key::ObjectKey,
    metrics::external::ExternalMetrics,
    namespaces::Namespaces,
    queue::{Cause, Queue},
    reason::{Failure, Reason},
    target::{
        Applied, ApplyError, External, SecretIndex, Seen, Writer,
        policy::{Policy, check_keys, check_labels},
    },
};

const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// What usually passes by itself is tried at least so often.
pub(super) const BACK_OFF_PASSING: Duration = Duration::from_mins(5);
/// What does not is tried at least so often, or once an interval if that is shorter.
const BACK_OFF_MOST: Duration = Duration::from_mins(30);
const RETRIES_PASSING: &str = "within 5m";
const RETRIES: &str = "when the object changes, and within 30m or the interval";
/// What usually passes by itself is said in the status only after this many attempts.
const PATIENCE: u32 = 2;

/// How long, and how often, an object waits for a store that is not there.
const GRACE: Duration = Duration::from_millis(700);
const GRACES: u32 = 2;

const NO_DATA: &str = "could not get secret data from provider";
const NO_UPDATE: &str = "could not update secret";
pub(super) const NO_DELETE: &str = "could not delete secret";

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The class of this controller; stores of others are left alone.
    pub class: String,
    /// Whether Secrets bear the hash of their data.
    pub has_hash: bool,
    /// Whether labels and annotations are copied where there is no template.
    pub copies_labels: bool,
    /// Whether what exists is taken over only if it says so itself.
    pub needs_consent: bool,
}

/// Everything a pass needs.
pub struct Externals {
    /// The API server.
    pub client: Client,
    /// What is known of the ExternalSecrets.
    pub objects: Arc<ExternalIndex>,
    /// What is known of the Secrets.
    pub secrets: Arc<SecretIndex>,
    /// What is known of the stores.
    pub stores: Arc<StoreIndex>,
    /// The writer of Secrets.
    pub writer: Writer,
    /// The namespaces.
    pub namespaces: Arc<Namespaces>,
    /// Who reads from AWS.
    pub pool: Arc<Pool>,
    /// Puts values together.
    pub renderer: Renderer,
    /// What is refused.
    pub policy: Policy,
    /// What the operator wants.
    pub settings: Settings,
    /// Which objects come next.
    pub queue: Arc<Queue>,
    /// Which stores come next.
    pub store_queue: Arc<Queue<StoreKey>>,
    /// How often stores are checked that do not say it.
    pub store_interval: Duration,
    /// For people.
    pub events: Events,
    /// For programs.
    pub metrics: ExternalMetrics,
}

/// What a refresh has come to.
pub(super) enum Ended {
    /// The Secret is as it must be.
    Done {
        reason: &'static str,
        message: &'static str,
        binding: bool,
        applied: Applied,
        versions: Versions,
        fingerprint: Option<String>,
        missing: Vec<String>,
    },
    /// It is not.
    Failed {
        message: &'static str,
        binding: bool,
        complaints: Vec<Complaint>,
        versions: Option<Versions>,
    },
    /// Something changed meanwhile: from the beginning.
    Again,
    /// There is nothing to do.
    Nothing,
}

impl Externals {
    /// Looks at one object.
    pub async fn reconcile(&self, key: &ObjectKey) {
        let Some(known) = self.objects.get(key) else { return };
        if known.object.metadata.deletion_timestamp.is_some() {
            return self.release(key, &known).await;
        }
        if self.namespaces.is_terminating(&key.namespace) {
            return;
        }
        let stores = self.stores_of(&known.object, &key.namespace);
        if stores.values().flatten().any(|store| store.is_foreign(&self.settings.class)) {
            debug!(object = %key, "a store of another controller: left alone");
            return;
        }
        // Watches tell of the object and its store in any order, and it may be somebody else's.
        if known.attempts < GRACES && stores.values().any(Option::is_none) {
            self.objects.update(key, known.uid(), |known| known.attempts += 1);
            return self.queue.add(key.clone(), Cause::Retry, GRACE);
        }
        let seen = self.secrets.get(&known.target());
        match decide(&known, seen.as_ref(), &stores) {
            Decision::Wait(wait) => {
                if let Some(refreshed) = known.refreshed.filter(|_| status::is_ready(&known.status))
                {
                    self.metrics.synced(key, refreshed);
                }
                if let Some(wait) = wait {
                    self.queue.add(key.clone(), Cause::Resync, wait);
                }
            }
            Decision::Refresh => self.refresh(key, &known, &stores).await,
        }
    }

    async fn refresh(&self, key: &ObjectKey, known: &Known, stores: &Stores) {
        let begun = Instant::now();
        let refreshed = Timestamp::now();
        let ended = self.work(key, known, stores).await;
        let uid = known.uid();
        match ended {
            Ended::Again => self.queue.add(key.clone(), Cause::Change, Duration::ZERO),
            Ended::Nothing => {}
            Ended::Done { reason, message, binding, applied, versions, fingerprint, missing } => {
                self.metrics.refreshed(key, begun.elapsed(), None);
                self.metrics.synced(key, refreshed);
                let record = versions.record();
                let target = known.target();
                let outcome = Outcome::Done(Done {
                    reason,
                    message,
                    binding: binding.then_some(target.name.as_str()),
                    refreshed,
                    synced: &known.current,
                    versions: &record,
                    fingerprint: fingerprint.as_deref(),
                });
                self.objects.update(key, uid, |known| {
                    known.versions = versions;
                    (known.refreshed, known.is_own) = (Some(refreshed), true);
                    known.failed = None;
                    known.attempts = 0;
                    if applied == Applied::Updated {
                        known.mended(Instant::now());
                    }
                });
                let current = known.current.clone();
                self.objects.update(key, uid, |known| known.synced = Some(current));
                let verb = match applied {
                    Applied::Created => Some(("Created", "secret created")),
                    Applied::Updated => Some(("Updated", "secret updated")),
                    Applied::Unchanged | Applied::Absent => None,
                };
                info!(object = %key, change = verb.map_or("none", |verb| verb.0), "in sync");
                self.write_status(key, known, outcome).await;
                if let Some((reason, message)) = verb {
                    self.events.publish(&*known.object, Severity::Normal, reason, message).await;
                }
                if !missing.is_empty() && verb.is_some() {
                    let message =
                        format!("no value in AWS any more, and left out: {}", missing.join(", "));
                    let reason = "MissingProviderSecret";
                    self.events.publish(&*known.object, Severity::Normal, reason, &message).await;
                }
                // The next time, as the schedule has it.
                self.queue.add(key.clone(), Cause::Resync, Duration::from_millis(1));
            }
            Ended::Failed { message, binding, complaints, versions } => {
                let reason = complaints.first().map_or(Reason::Unavailable, |c| c.failure.reason);
                self.metrics.refreshed(key, begun.elapsed(), Some(reason));
                let first =
                    complaints.first().map(|c| c.failure.message.clone()).unwrap_or_default();
                warn!(object = %key, %reason, message = first, "not in sync");
                self.objects.update(key, uid, |known| {
                    known.failed = Some(reason);
                    known.attempts = known.attempts.saturating_add(1);
                    if let Some(versions) = versions {
                        known.versions = versions;
                    }
                });
                let interval = schedule::interval(&known.object.spec);
                let pause = back_off(reason, known.attempts, interval, rand::random());
                self.queue.add(key.clone(), Cause::Retry, pause);
                let is_new = known.synced.is_none();
                if reason.passes() && known.attempts < PATIENCE && !is_new {
                    return;
                }
                let target = known.target();
                let outcome = Outcome::Failed(Failed {
                    message,
                    binding: binding.then_some(target.name.as_str()),
                    complaints: &complaints,
                    is_stale: self.secrets.contains(&target),
                    retries: if reason.passes() { RETRIES_PASSING } else { RETRIES },
                });
                if self.write_status(key, known, outcome).await {
                    let told = complaints.first().map(|complaint| {
                        let Complaint { entry, failure } = complaint;
                        let colon = if entry.is_empty() { "" } else { ": " };
                        format!("{entry}{colon}{failure}")
                    });
                    let told = told.unwrap_or_default();
                    self.events
                        .publish(&*known.object, Severity::Warning, "UpdateFailed", &told)
                        .await;
                }
            }
        }
    }

    /// Reads the values and makes the Secret.
    async fn work(&self, key: &ObjectKey, known: &Known, stores: &Stores) -> Ended {
        let object = &known.object;
        let target = &object.spec.target;
        if let Some(manifest) = &target.manifest {
            let kind = manifest.kind.escape_debug();
            let message =
                format!("target.manifest ({kind}) is not supported: the target is a Secret");
            return failed("invalid generic target", Failure::new(Reason::TypeDenied, message));
        }
        if target.creation_policy == CreationPolicy::None {
            return done("SecretSynced", "secret synced", known);
        }
        if let Err(failure) = check_policies(object) {
            return failed(NO_DELETE, failure);
        }
        let sources = self.sources(stores, &key.namespace).await;
        let texts = match self.texts(object, &key.namespace).await {
            Ok(texts) => texts,
            Err(failure) => return failed(NO_UPDATE, failure),
        };
        let entries = fetch::fetch(object, &sources, &known.versions).await;
        // What was read as somebody else than the store says now must not be written (F20).
        if !self.unchanged(stores)
            || self.objects.get(key).is_none_or(|now| now.uid() != known.uid())
        {
            return Ended::Again;
        }
        self.note_batches(stores, &sources);
        let made = self.renderer.make(
            object.clone(),
            entries,
            texts,
            known.versions.clone(),
            self.settings.copies_labels,
        );
        let parts = match made.await {
            Ok(parts) => parts,
            Err(Trouble::Template(failure)) => return failed(NO_UPDATE, failure),
            Err(Trouble::Values(complaints, versions)) => {
                let versions = Some(versions);
                return Ended::Failed { message: NO_DATA, binding: false, complaints, versions };
            }
        };
        if parts.is_empty {
            match target.deletion_policy {
                DeletionPolicy::Retain => return done("SecretSynced", RETAINED, known),
                DeletionPolicy::Delete => return self.delete(known, parts.missing).await,
                DeletionPolicy::Merge => {}
            }
        }
        self.apply(key, known, parts).await
    }

    async fn apply(&self, key: &ObjectKey, known: &Known, parts: Parts) -> Ended {
        let object = &known.object;
        let secret = known.target();
        let type_ = parts.type_.as_deref().unwrap_or_default();
        let allowed = self.policy.check(&secret, type_, &parts.labels);
        let allowed = allowed.and_then(|()| check_labels(&parts.labels));
        if let Err(failure) = allowed.and_then(|()| check_keys(parts.data.keys())) {
            return failed(NO_UPDATE, failure);
        }
        let wanted = External {
            key: secret.clone(),
            name: key.name.clone(),
            owner: OwnerReference {
                api_version: ExternalSecret::api_version(&()).into_owned(),
                kind: ExternalSecret::kind(&()).into_owned(),
                name: key.name.clone(),
                uid: known.uid().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            },
            policy: object.spec.target.creation_policy,
            manager: hash::field_manager(&key.name),
            type_: parts.type_,
            immutable: object.spec.target.immutable,
            labels: parts.labels,
            annotations: parts.annotations,
            finalizers: parts.finalizers,
            data: parts.data,
            has_hash: self.settings.has_hash,
            needs_consent: self.settings.needs_consent,
        };
        let existed = self.secrets.contains(&secret);
        match self.writer.apply(&wanted).await {
            Ok((Applied::Absent, _)) => {
                let message = "secret will not be created due to CreationPolicy=Merge";
                done("SecretMissing", message, known)
            }
            Ok((applied, seen)) => {
                let renamed = known.status.binding.name.as_str();
                if !renamed.is_empty()
                    && renamed != secret.name
                    && object.spec.target.creation_policy == CreationPolicy::Owner
                {
                    let old =
                        ObjectKey { namespace: key.namespace.clone(), name: renamed.to_owned() };
                    if let Err(failure) = self.delete_orphan(key, known, &old).await {
                        let complaint = Complaint { entry: String::new(), failure };
                        return Ended::Failed {
                            message: "could not delete orphaned secrets",
                            binding: false,
                            complaints: vec![complaint],
                            versions: Some(parts.versions),
                        };
                    }
                }
                let fingerprint = seen.filter(|_| !self.settings.has_hash);
                Ended::Done {
                    reason: "SecretSynced",
                    message: "secret synced",
                    binding: true,
                    applied,
                    versions: parts.versions,
                    fingerprint: fingerprint.map(|seen| seen.content.to_string()),
                    missing: parts.missing,
                }
            }
            Err(ApplyError::NamespaceGone) => Ended::Nothing,
            Err(ApplyError::Vanished) => Ended::Again,
            Err(ApplyError::Failed(failure)) => {
                let message = match failure.reason {
                    Reason::Immutable => "could not update secret, target is immutable",
                    Reason::NotOwned
                        if failure.message.contains("controlled by ExternalSecret/") =>
                    {
                        "target is owned by another ExternalSecret"
                    }
                    Reason::NotOwned => "failed to take ownership of target secret",
                    _ => NO_UPDATE,
                };
                let complaint = Complaint { entry: String::new(), failure };
                let complaints = vec![complaint];
                Ended::Failed { message, binding: existed, complaints, versions: None }
            }
        }
    }

    /// Writes the status if it differs. True when it was written.
    async fn write_status(&self, key: &ObjectKey, known: &Known, outcome: Outcome<'_>) -> bool {
        let now = self.objects.get(key).filter(|now| now.uid() == known.uid());
        let previous = now.map_or_else(|| known.status.clone(), |now| now.status);
        let Some(next) = status::next(&previous, outcome, Timestamp::now()) else { return false };
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let body = json!({ "metadata": { "uid": known.uid() }, "status": patch(&previous, &next) });
        match request(api.patch_status(&key.name, &params, &Patch::Merge(&body))).await {
            Ok(written) => {
                let version = version_of(&written.metadata);
                let status = Arc::new(written.status.unwrap_or_default());
                self.objects.update(key, known.uid(), |known| known.noted(status, version));
                true
            }
            // Deleted, or another one by now: its own event comes.
            Err(error) if error.is_not_found() || error.is_conflict() => false,
            Err(error) => {
                let failure = error.failure(&format!("write the status of ExternalSecret {key}"));
                warn!(object = %key, reason = %failure.reason, message = failure.message, "no status");
                self.objects.update(key, known.uid(), |known| known.failed = Some(failure.reason));
                self.queue.add(key.clone(), Cause::Retry, BACK_OFF_PASSING);
                false
            }
        }
    }
}

/// Whether an object's values are to be read.
fn decide(known: &Known, seen: Option<&Seen>, stores: &Stores) -> Decision {
    let spec = &known.object.spec;
    let is_valid = match spec.target.creation_policy {
        // Nothing is written, so nothing can be wrong.
        CreationPolicy::None => true,
        // It is waited for: the Secret watch tells when it comes.
        CreationPolicy::Merge if seen.is_none() => known.synced.is_some(),
        _ => seen.is_some_and(|seen| is_valid(seen, known.status.fingerprint.as_deref())),
    };
    // Deleted, or kept away, by policy: that is as it must be too.
    let ready = crds::external_secret::condition(&known.status.conditions, "Ready");
    let is_absent = seen.is_none()
        && ready.is_some_and(|ready| {
            ready.status == "True"
                && (ready.reason.as_deref() == Some("SecretDeleted")
                    || ready.message.as_deref() == Some(RETAINED))
        });
    let state = schedule::State {
        spec,
        refreshed: known.refreshed,
        is_own: known.is_own,
        synced: known.synced.as_deref(),
        current: &known.current,
        is_valid: is_valid || is_absent,
    };
    let offset = stores.keys().next().map_or(0, |key| {
        key.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    });
    schedule::decide(state, offset, Timestamp::now())
}

/// Pairs of policies that the CRD refuses, where another CRD does not.
fn check_policies(object: &ExternalSecret) -> Result<(), Failure> {
    let target = &object.spec.target;
    match (target.deletion_policy, target.creation_policy) {
        (DeletionPolicy::Delete, CreationPolicy::Owner)
        | (DeletionPolicy::Retain | DeletionPolicy::Merge, _) => Ok(()),
        (DeletionPolicy::Delete, _) => Err(Failure::new(
            Reason::Malformed,
            "deletionPolicy Delete goes with creationPolicy Owner only: use another of the two",
        )),
    }
}

/// The message of a Secret that is left as it is, since AWS has no value.
const RETAINED: &str = "secret retained due to DeletionPolicy=Retain";

/// Whether a Secret is as it was written.
pub fn is_valid(seen: &Seen, fingerprint: Option<&str>) -> bool {
    match seen.hash_holds {
        _ if !seen.is_external => false,
        Some(holds) => holds,
        None => fingerprint.is_some_and(|fingerprint| fingerprint == seen.content.to_string()),
    }
}

/// A merge patch of the status. Versions that are gone are removed by name.
fn patch(previous: &ExternalSecretStatus, next: &ExternalSecretStatus) -> serde_json::Value {
    let mut versions: BTreeMap<&str, Option<&str>> =
        previous.versions.keys().map(|name| (name.as_str(), None)).collect();
    versions.extend(next.versions.iter().map(|(name, id)| (name.as_str(), Some(id.as_str()))));
    json!({
        "refreshTime": next.refresh_time,
        "syncedResourceVersion": next.synced_resource_version,
        "binding": next.binding,
        "conditions": next.conditions,
        "fingerprint": next.fingerprint,
        "versions": versions,
    })
}

pub(super) fn failed(message: &'static str, failure: Failure) -> Ended {
    let complaints = vec![Complaint { entry: String::new(), failure }];
    Ended::Failed { message, binding: false, complaints, versions: None }
}

fn done(reason: &'static str, message: &'static str, known: &Known) -> Ended {
    Ended::Done {
        reason,
        message,
        binding: false,
        applied: Applied::Absent,
        versions: known.versions.clone(),
        fingerprint: known.status.fingerprint.clone(),
        missing: Vec::new(),
    }
}

/// Exponential, without a last attempt; `noise` spreads what failed together.
fn back_off(reason: Reason, attempts: u32, interval: Duration, noise: u32) -> Duration {
    let interval = if interval.is_zero() { BACK_OFF_MOST } else { interval };
    let most = if reason.passes() { BACK_OFF_PASSING } else { BACK_OFF_MOST };
    let most = most.min(interval.max(BACK_OFF_FIRST));
    let full = BACK_OFF_FIRST.saturating_mul(1 << attempts.min(16)).min(most);
    let share = f64::from(noise) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// external-secrets#6728: an object that is read once a day made 200 requests a day when it failed.
    #[test]
    fn what_fails_is_not_asked_for_more_and_more_often() {
        let day = Duration::from_secs(86_400);
        let denied = |attempts| back_off(Reason::AccessDenied, attempts, day, u32::MAX);
        assert_eq!(denied(0), Duration::from_secs(1));
        assert_eq!(denied(u32::MAX), BACK_OFF_MOST);
        let short = Duration::from_secs(5);
        assert_eq!(back_off(Reason::NotFound, 9, short, u32::MAX), short);
        assert_eq!(back_off(Reason::Throttled, 99, day, u32::MAX), BACK_OFF_PASSING);
    }
}
