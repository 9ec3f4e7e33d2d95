//! One pass over one ExternalSecret: observe, decide, read, write at most a Secret and a status.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crds::{
    ExternalSecret, ExternalSecretStatus,
    external_secret::{CreationPolicy, DeletionPolicy, TemplateRef},
};
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Resource as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    assemble::Complaint,
    fetch::{self, Source, Sources},
    hash,
    index::{ExternalIndex, Known},
    render::{Parts, Renderer, Texts, Trouble, scope},
    schedule::{self, Decision},
    status::{self, Done, Failed, Outcome},
    store::{Store, StoreIndex, StoreKey},
    stores,
    versions::Versions,
};
use crate::{
    FIELD_MANAGER,
    api::{request, version_of},
    aws::{Identity, Pool},
    events::{Events, Severity},
    key::ObjectKey,
    metrics::external::ExternalMetrics,
    namespaces::Namespaces,
    queue::{Cause, Queue},
    reason::{Failure, Reason},
    target::{
        Applied, ApplyError, External, SecretIndex, SecretObject, Seen, Writer,
        policy::{Policy, check_labels},
    },
};

const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// What usually passes by itself is tried at least so often.
const BACK_OFF_PASSING: Duration = Duration::from_mins(5);
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
const NO_DELETE: &str = "could not delete secret";

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
enum Ended {
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

    async fn refresh(
        &self,
        key: &ObjectKey,
        known: &Known,
        stores: &BTreeMap<StoreKey, Option<Arc<Store>>>,
    ) {
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
                    known.refreshed = Some(refreshed);
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
    async fn work(
        &self,
        key: &ObjectKey,
        known: &Known,
        stores: &BTreeMap<StoreKey, Option<Arc<Store>>>,
    ) -> Ended {
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
        if let Err(failure) = allowed.and_then(|()| check_labels(&parts.labels)) {
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

    /// Deletes the Secret, since AWS has no value any more and the object asks for that.
    async fn delete(&self, known: &Known, missing: Vec<String>) -> Ended {
        let secret = known.target();
        if let Err(failure) = self.delete_owned(&secret, known.uid()).await {
            return failed(NO_DELETE, failure);
        }
        Ended::Done {
            reason: "SecretDeleted",
            message: "secret deleted due to DeletionPolicy=Delete",
            binding: false,
            applied: Applied::Absent,
            versions: Versions::default(),
            fingerprint: None,
            missing,
        }
    }

    /// Deletes the Secret that this object made under another name.
    async fn delete_orphan(
        &self,
        key: &ObjectKey,
        known: &Known,
        old: &ObjectKey,
    ) -> Result<(), Failure> {
        let by = hash::created_by(&key.namespace, &key.name);
        if self.secrets.get(old).is_none_or(|seen| seen.created_by.as_deref() != Some(&*by)) {
            return Ok(());
        }
        self.delete_owned(old, known.uid()).await
    }

    async fn delete_owned(&self, secret: &ObjectKey, uid: &str) -> Result<(), Failure> {
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &secret.namespace);
        let action = format!("delete Secret {secret}");
        let existing =
            request(api.get_opt(&secret.name)).await.map_err(|error| error.failure(&action))?;
        let Some(existing) = existing else { return Ok(()) };
        let owners = existing.metadata.owner_references.iter().flatten();
        let is_owned =
            owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == uid);
        if !is_owned {
            return Ok(());
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: existing.metadata.uid.clone(),
                resource_version: existing.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        match request(api.delete(&secret.name, &params)).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => {
                let mut failure = error.failure(&action);
                if failure.reason == Reason::AccessDenied {
                    failure.message = format!(
                        "the controller may not {action}: set externalSecrets.allowDelete=true in its \
                         chart, or delete the Secret yourself"
                    );
                }
                Err(failure)
            }
        }
    }

    /// Takes External Secrets' finalizer off an object that is being deleted: its owner reference does
    /// what that was for.
    async fn release(&self, key: &ObjectKey, known: &Known) {
        let metadata = &known.object.metadata;
        let finalizers = metadata.finalizers.clone().unwrap_or_default();
        if !finalizers.iter().any(|finalizer| finalizer == ExternalSecret::PEER_FINALIZER) {
            return;
        }
        let stores = self.stores_of(&known.object, &key.namespace);
        if stores.values().flatten().any(|store| store.is_foreign(&self.settings.class)) {
            return;
        }
        let others = finalizers.iter().filter(|name| *name != ExternalSecret::PEER_FINALIZER);
        let body = json!({ "metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "finalizers": others.collect::<Vec<_>>(),
        } });
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        match request(api.patch_metadata(&key.name, &params, &Patch::Merge(&body))).await {
            Ok(_) => info!(object = %key, "released for deletion"),
            // Gone, or changed: its own event comes.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                let failure =
                    error.failure(&format!("take the finalizer off ExternalSecret {key}"));
                warn!(object = %key, reason = %failure.reason, message = failure.message, "not released");
                self.queue.add(key.clone(), Cause::Retry, BACK_OFF_PASSING);
            }
        }
    }

    /// The stores that an object refers to; none where there is no such store.
    fn stores_of(
        &self,
        object: &ExternalSecret,
        namespace: &str,
    ) -> BTreeMap<StoreKey, Option<Arc<Store>>> {
        let keys: BTreeSet<_> =
            object.stores().map(|store| StoreKey::of(store, namespace)).collect();
        keys.into_iter().map(|key| (key.clone(), self.stores.get(&key))).collect()
    }

    fn unchanged(&self, stores: &BTreeMap<StoreKey, Option<Arc<Store>>>) -> bool {
        stores.iter().all(|(key, before)| {
            let now = self.stores.get(key);
            let id = |store: &Arc<Store>| (store.uid.clone(), store.generation);
            now.as_ref().map(id) == before.as_ref().map(id)
        })
    }

    async fn sources(
        &self,
        stores: &BTreeMap<StoreKey, Option<Arc<Store>>>,
        namespace: &str,
    ) -> Sources {
        let mut sources = Sources::new();
        for (key, store) in stores {
            let name = (key.namespace.is_none(), key.name.clone());
            sources.insert(name, self.source(key, store.as_deref(), namespace).await);
        }
        sources
    }

    async fn source(
        &self,
        key: &StoreKey,
        store: Option<&Store>,
        namespace: &str,
    ) -> Result<Source, Failure> {
        let store = store
            .ok_or_else(|| Failure::new(Reason::StoreInvalid, format!("there is no {key}")))?;
        if !store.allows(namespace, || self.namespaces.labels(namespace))? {
            let message = format!("the conditions of {key} do not allow namespace {namespace}");
            return Err(Failure::new(Reason::StoreInvalid, message));
        }
        let aws = store.aws()?;
        let content = |secret: &ObjectKey| Some(*self.secrets.get(secret)?.content.as_bytes());
        let identity = Identity::of(store, namespace, content)?;
        let reader = self.pool.reader(&identity, stores::batches(&store.status)).await;
        Ok(Source {
            store: key.to_string(),
            service: aws.service,
            region: aws.region,
            prefix: aws.prefix,
            reader,
        })
    }

    /// Has the store's status tell what has been found out of batches.
    fn note_batches(&self, stores: &BTreeMap<StoreKey, Option<Arc<Store>>>, sources: &Sources) {
        for (key, store) in stores {
            let name = (key.namespace.is_none(), key.name.clone());
            if let (Some(store), Some(Ok(source))) = (store, sources.get(&name))
                && stores::tells(&store.status, source.reader.planner.batches())
            {
                self.store_queue.add(key.clone(), Cause::Change, Duration::ZERO);
            }
        }
    }

    /// The templates that stand in ConfigMaps, Secrets and literals.
    async fn texts(&self, object: &ExternalSecret, namespace: &str) -> Result<Texts, Failure> {
        let mut texts = Texts::new();
        let sources =
            object.spec.target.template.iter().flat_map(|template| &template.template_from);
        for from in sources {
            let mut templates = BTreeMap::new();
            if let Some(literal) = &from.literal {
                let made = (literal.clone(), templates::external_secret::Scope::KeysAndValues);
                templates.insert("literal".to_owned(), made);
            }
            if let Some(reference) = &from.config_map {
                let data = self.config_map(namespace, &reference.name).await?;
                let text = |key: &str| data.get(key).cloned();
                pick(&mut templates, "ConfigMap", reference, text)?;
            }
            if let Some(reference) = &from.secret {
                let data = self.secret(namespace, &reference.name).await?;
                let text = |key: &str| {
                    let value = data.data.get(key)?;
                    str::from_utf8(value.expose()).ok().map(ToOwned::to_owned)
                };
                pick(&mut templates, "Secret", reference, text)?;
            }
            texts.push(templates);
        }
        Ok(texts)
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let found = request(api.get_opt(name)).await;
        let found =
            found.map_err(|error| error.failure(&format!("read ConfigMap {namespace}/{name}")))?;
        let found = found.ok_or_else(|| no_template("ConfigMap", name, None))?;
        Ok(found.data.unwrap_or_default())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<SecretObject, Failure> {
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), namespace);
        let found = request(api.get_opt(name)).await;
        let found =
            found.map_err(|error| error.failure(&format!("read Secret {namespace}/{name}")))?;
        found.ok_or_else(|| no_template("Secret", name, None))
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
fn decide(
    known: &Known,
    seen: Option<&Seen>,
    stores: &BTreeMap<StoreKey, Option<Arc<Store>>>,
) -> Decision {
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

fn pick(
    templates: &mut BTreeMap<String, (String, templates::external_secret::Scope)>,
    kind: &str,
    reference: &TemplateRef,
    text: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    for item in &reference.items {
        let found = text(&item.key);
        let found = found.ok_or_else(|| no_template(kind, &reference.name, Some(&item.key)))?;
        templates.insert(item.key.clone(), (found, scope(item.template_as)));
    }
    Ok(())
}

fn no_template(kind: &str, name: &str, key: Option<&str>) -> Failure {
    let name = name.escape_debug();
    let message = match key {
        Some(key) => format!("{kind} {name} has no text as `{}`", key.escape_debug()),
        None => format!("{kind} {name}, with templates, is not there"),
    };
    Failure::new(Reason::TemplateInvalid, message)
}

fn failed(message: &'static str, failure: Failure) -> Ended {
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
