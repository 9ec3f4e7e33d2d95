//! Checks SecretStores and ClusterSecretStores: can the controller get credentials? Their watches, changes of
//! Secrets with credentials, and time trigger a check.

use std::{fmt::Debug, sync::Arc, time::Duration};

use crds::{
    ClusterSecretStore, SecretStore, StoreStatus,
    external_secret::{Condition, condition},
};
use jiff::Timestamp;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::warn;

use super::{
    index::ExternalIndex,
    looks::Source,
    metrics::ExternalMetrics,
    paths::{EventMode, EventPaths, Path},
    plan::Settings,
    store::{ReferencedStores, Store, StoreIndex, StoreKey},
    store_status::{self, Findings, Validity},
    wakes::Wakes,
};
use crate::{
    aws::{Identity, Pool, StoreSpec, identity::has_references_without_namespace},
    context::Context,
    key::{ObjectKey, QueueKey as _},
    reason::Failure,
    runtime::{
        CRD_POLL_INTERVAL, Controller, Lenient, Listing, NamespaceScope, Now, Outcome, Priority,
        RECONCILE_TIMEOUT, Severity, Watch, WorkQueue, events::reference, go_duration,
        write_status,
    },
};

/// How long the objects of a new store wait, so that their own first reconcile goes first.
const STORE_RESYNC_DELAY: Duration = Duration::from_secs(1);
/// The longest time between two checks. It caps the interval of the store.
const MAX_CHECK_INTERVAL: Duration = Duration::from_hours(24);

pub(crate) struct SecretStoreController {
    pub(super) context: Arc<Context>,
    pub(super) index: StoreIndex,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) pool: Arc<Pool>,
    pub(super) settings: Arc<Settings>,
    pub(super) queue: WorkQueue<StoreKey>,
    /// The queue of the ExternalSecrets.
    pub(super) object_queue: Arc<WorkQueue>,
    pub(super) metrics: ExternalMetrics,
    /// By store, and namespace of the Secret with credentials.
    pub(super) wakes: Wakes<(StoreKey, String)>,
    pub(super) paths: EventPaths,
}

pub(crate) enum Action {
    /// The store has the class of another controller.
    Ignore,
    Check,
}

impl Controller for SecretStoreController {
    type Key = StoreKey;
    type Observed = (Arc<Store>, Arc<Settings>);
    type Action = Action;

    const NAME: &'static str = "secretstore";

    fn queue(&self) -> &WorkQueue<StoreKey> {
        &self.queue
    }

    fn observe(&self, key: &StoreKey) -> Option<Self::Observed> {
        let is_selected = |namespace: &String| self.context.namespaces.is_selected(namespace);
        if !key.namespace.as_ref().is_none_or(is_selected) {
            return None;
        }
        Some((self.index.stores.get(key)?, self.settings.clone()))
    }

    fn plan((store, settings): &Self::Observed, _: Now) -> Action {
        if store.is_foreign(&settings.class) { Action::Ignore } else { Action::Check }
    }

    async fn apply(&self, _: &StoreKey, (store, _): Self::Observed, action: Action) -> Outcome {
        match action {
            Action::Ignore => Outcome::done(),
            Action::Check => {
                let started = Instant::now();
                let checked = self.check(&store).await;
                let (validity, found) =
                    checked.unwrap_or_else(|validity| (validity, Findings::NONE));
                self.report(&store, &validity, found, started.elapsed()).await
            }
        }
    }

    async fn fail(&self, key: &StoreKey, failure: Failure) -> Outcome {
        let Some(store) = self.index.stores.get(key) else { return Outcome::done() };
        let validity = Validity::NoCredentials(failure);
        self.report(&store, &validity, Findings::NONE, RECONCILE_TIMEOUT).await
    }
}

impl SecretStoreController {
    /// The namespace is selected from now on.
    pub(super) fn enqueue_namespace(&self, namespace: &str) {
        let is_there = |key: &StoreKey| key.namespace.as_deref() == Some(namespace);
        for key in self.index.stores.keys_where(|key, _| is_there(key)) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }

    pub(super) async fn watch_stores(&self, scope: NamespaceScope, listing: Listing) {
        let api: Api<Lenient<SecretStore>> = scope.api(self.context.client.clone());
        let covers = |key: &StoreKey| !key.is_cluster_store() && scope.covers(&key.object_key());
        let read = |store: SecretStore| {
            Store::new(&store.metadata, store.spec, store.status.unwrap_or_default())
        };
        let watch = Watch::new(api, scope.describe("SecretStores"));
        self.watch(watch, listing, covers, read).await;
    }

    pub(super) async fn watch_cluster_stores(&self, listing: Listing) {
        let api: Api<Lenient<ClusterSecretStore>> = Api::all(self.context.client.clone());
        let read = |store: ClusterSecretStore| {
            Store::new(&store.metadata, store.spec.store, store.status.unwrap_or_default())
        };
        let watch = Watch::new(api, "ClusterSecretStores");
        self.watch(watch, listing, StoreKey::is_cluster_store, read).await;
    }

    async fn watch<K>(
        &self,
        watch: Watch<K>,
        listing: Listing,
        covers: impl Fn(&StoreKey) -> bool,
        read: impl Fn(K) -> Store,
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let known = || {
            let stores = self.index.stores.keys_where(|key, _| covers(key));
            stores.iter().map(StoreKey::object_key).collect()
        };
        let applied = |store| self.store_applied(read(store));
        let deleted = |key: &ObjectKey| self.store_deleted(&StoreKey::of_object(key.clone()));
        watch.optional(CRD_POLL_INTERVAL).run_indexed(listing, known, applied, deleted).await;
    }

    /// A Secret has other contents, or is listed for the first time: stores whose AWS credentials were
    /// wrong may work now. On startup every listed Secret looks changed. Ready stores were checked with
    /// it already, so they are left out.
    pub(crate) fn credentials_changed(&self, secret: &ObjectKey, is_first_list: bool) {
        for key in self.index.with_credentials_in(secret) {
            let wake = (key.clone(), secret.namespace.clone());
            let Some(delay) = self.wakes.delay(wake, Instant::now()) else { continue };
            let Some(store) = self.index.stores.get(&key) else { continue };
            if !(is_first_list && store_status::is_ready(&store.status)) {
                self.queue.add(key.clone(), Priority::Change, delay);
            }
            // Without a namespace in the reference, objects of other namespaces read other Secrets of this name.
            let is_fixed = store.names_namespace_of(secret);
            let waiting = self.objects.waiting_for(&key).into_iter();
            for object in waiting.filter(|object| is_fixed || object.namespace == secret.namespace)
            {
                self.object_queue.add(object, Priority::Retry, delay);
            }
        }
    }

    pub(crate) fn store_applied(&self, store: Store) {
        let key = store.key.clone();
        let delay = self.first_check_delay(&store);
        if self.index.upsert(store) {
            self.queue.add(key.clone(), Priority::Change, delay);
            self.requeue_waiting(&key);
            // The store may have been missing, or another controller's. Then its objects were ignored.
            for object in self.objects.of_store(&key) {
                self.object_queue.add(object, Priority::Resync, STORE_RESYNC_DELAY);
            }
        }
    }

    /// On startup, a store that another process found ready is not checked again at once.
    fn first_check_delay(&self, store: &Store) -> Duration {
        let is_ours = !store.is_foreign(&self.settings.class) && !store.has_other_provider();
        let is_first = !self.index.stores.contains(&store.key);
        if !(is_ours && is_first && store_status::is_ready(&store.status)) {
            return Duration::ZERO;
        }
        self.metrics.set_store_ready(&store.key, true);
        let interval = self.check_interval(store).min(self.settings.store_check_interval);
        interval.mul_f64(f64::midpoint(1.0, rand::random()))
    }

    fn store_deleted(&self, key: &StoreKey) {
        if let Some(store) = self.index.remove(key) {
            self.pool.forget(&store.uid, &store.key.to_string());
        }
        self.metrics.forget_store(key);
    }

    /// The identity with which objects of this namespace read from the store.
    pub(crate) fn identity(&self, store: &Store, namespace: &str) -> Result<Identity, Failure> {
        let spec = StoreSpec {
            label: &store.key.to_string(),
            namespace: store.key.namespace.as_deref(),
            name: &store.key.name,
            uid: &store.uid,
            generation: store.generation,
            aws: &store.aws()?,
            retry_settings: store.spec.retry_settings.as_ref(),
        };
        let secrets = &self.context.secrets;
        let identity =
            Identity::of(&spec, namespace, |key| Some(*secrets.get(key)?.content.as_bytes()))?;
        self.settings.pod_identity.check(&spec, &identity)?;
        Ok(identity)
    }

    /// How changes of the store arrive.
    pub(super) fn event_mode(&self, store: &Store) -> EventMode {
        let path = Path::of(store);
        path.map_or(EventMode::Off, |path| self.paths.mode(&path, Instant::now()))
    }

    /// Whether it is proved that events announce the changes of all these stores.
    pub(super) fn announces_changes(&self, stores: &ReferencedStores) -> bool {
        let is_proved = |store: &Option<Arc<Store>>| {
            store.as_ref().is_some_and(|store| self.event_mode(store) == EventMode::Proved)
        };
        !stores.is_empty() && stores.values().all(is_proved)
    }

    /// A true event came from there.
    pub(super) fn prove(&self, source: &Source, now: Instant) {
        let store = self.index.stores.get(&source.store);
        if let Some(path) = store.and_then(|store| Path::of(&store)) {
            self.paths.prove(path, source.queue, now);
        }
    }

    /// A read has found other versions under these keys than the ones before.
    pub(super) fn found(&self, store: &Store, keys: &[String], now: Instant) {
        let path = Path::of(store).filter(|_| self.event_mode(store) == EventMode::Proved);
        if let Some(path) = path {
            keys.iter().for_each(|key| self.paths.found(key, &path, now));
        }
    }

    /// Reconciles the objects again that read from this store and are out of sync.
    pub(super) fn requeue_waiting(&self, store: &StoreKey) {
        for object in self.objects.waiting_for(store) {
            self.object_queue.add(object, Priority::Change, Duration::ZERO);
        }
    }

    /// The time between two checks: `refreshInterval`, a number of seconds or a duration of Go.
    pub(super) fn check_interval(&self, store: &Store) -> Duration {
        let interval = match &store.spec.refresh_interval {
            Some(serde_json::Value::Number(seconds)) => seconds.as_u64().map(Duration::from_secs),
            Some(serde_json::Value::String(text)) => go_duration::parse(text),
            _ => None,
        };
        let interval = interval.filter(|interval| *interval >= Duration::from_secs(1));
        interval.map_or(self.settings.store_check_interval, |own| own.min(MAX_CHECK_INTERVAL))
    }

    async fn check(&self, store: &Store) -> Result<(Validity, Findings), Validity> {
        let is_aws = store.spec.provider.contains_key("aws");
        let wrong_provider = if is_aws { Validity::Invalid } else { Validity::Unsupported };
        let aws = store.aws().map_err(wrong_provider)?;
        store.check_conditions().map_err(Validity::Invalid)?;
        let recorded = store_status::recorded_batches(store, Timestamp::now());
        if store.key.is_cluster_store() && has_references_without_namespace(&aws) {
            return Ok((Validity::PerNamespace, Findings::of_batches(recorded)));
        }
        let namespace = store.key.namespace.as_deref().unwrap_or_default();
        let identity = self.identity(store, namespace).map_err(Validity::Invalid)?;
        if store.has_identity_per_namespace() {
            return Ok((Validity::PerNamespace, Findings::of_batches(recorded)));
        }
        let reader = self.pool.reader(identity, recorded).await;
        let reader = reader.map_err(Validity::without_credentials)?;
        let credentials = reader.credentials.get().await;
        let validity = credentials.map_or_else(Validity::without_credentials, |_| Validity::Valid);
        Ok((validity, Findings::of(&reader)))
    }

    async fn report(
        &self,
        store: &Store,
        validity: &Validity,
        found: Findings,
        took: Duration,
    ) -> Outcome {
        let is_ready = validity.is_ready();
        let next = Outcome::requeue(Priority::Resync, self.check_interval(store));
        let outcome = Outcome { has_failed: !is_ready, ..next };
        let (key, events) = (&store.key, self.event_mode(store));
        let exists = || self.index.stores.contains(key);
        self.metrics.record(exists, |metrics| {
            metrics.store_checked(key, is_ready, took);
            metrics.set_events_proved(key, &events);
            metrics.set_version_checks(key, found.versions);
        });
        let next = store_status::next(store, validity, found, &events, Timestamp::now());
        if let Some(next) = next
            && self.write_status(store, &next).await
        {
            self.publish_change(store, &next.conditions, is_ready).await;
            if is_ready && !store_status::is_ready(&store.status) {
                self.requeue_waiting(&store.key);
            }
        }
        outcome
    }

    async fn write_status(&self, store: &Store, next: &StoreStatus) -> bool {
        let (key, client) = (&store.key, self.context.client.clone());
        let is_written = if key.is_cluster_store() {
            let api: Api<ClusterSecretStore> = Api::all(client);
            write_status(&api, &key.name, &store.uid, next).await.map(|written| written.is_some())
        } else {
            let api: Api<SecretStore> = Api::namespaced(client, key.namespace());
            write_status(&api, &key.name, &store.uid, next).await.map(|written| written.is_some())
        };
        is_written.unwrap_or_else(|error| {
            let Failure { reason, message } = error.failure;
            warn!(store = %key, %reason, cause = message, "status not written");
            false
        })
    }

    /// Publishes an Event if the status of `Ready` has changed.
    async fn publish_change(&self, store: &Store, conditions: &[Condition], is_ready: bool) {
        let before = condition(&store.status.conditions, "Ready").map(|ready| &ready.status);
        let ready = condition(conditions, "Ready").or_else(|| conditions.first());
        let Some(ready) = ready.filter(|ready| before != Some(&ready.status)) else { return };
        let severity = if is_ready { Severity::Normal } else { Severity::Warning };
        let reason = ready.reason.as_deref().unwrap_or_default();
        let message = ready.message.as_deref().unwrap_or_default();
        let key = store.key.object_key();
        let object = if store.key.is_cluster_store() {
            reference::<ClusterSecretStore>(&key, &store.uid)
        } else {
            reference::<SecretStore>(&key, &store.uid)
        };
        self.context.events.publish(object, "Unseal", severity, reason, message).await;
    }
}
