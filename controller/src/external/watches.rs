//! What makes the controller look at an ExternalSecret or a store: the watches, and time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crds::{ClusterSecretStore, ExternalSecret, SecretStore};
use kube::{
    Api, Resource,
    core::DeserializeGuard,
    runtime::watcher::{Config, Event},
};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::{
    controller::{ExternalSecretController, is_valid},
    store::{Store, StoreKey},
    stores,
};
use crate::{
    key::{ObjectKey, QueueKey},
    reason::Reason,
    runtime::queue::{Priority, WorkQueue},
    runtime::scope::{NamespaceScope, WatchScope},
    runtime::watch::{Absence, follow_while_served},
    target::{
        SecretSnapshot,
        watch::{SecretChange, SecretSubscriber},
    },
};

/// How often a kind that is not served is looked for again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long what others do to a Secret may go on before it is put right once more.
pub(super) const CALM: Duration = Duration::from_secs(1);

impl ExternalSecretController {
    /// Follows the ExternalSecrets of a part; calls `ready` after each full list, or when there are
    /// none to see.
    pub async fn watch_objects(&self, part: &NamespaceScope, mut ready: impl FnMut()) {
        let api: Api<DeserializeGuard<ExternalSecret>> = part.api(self.client.clone());
        let what = part.describe("ExternalSecrets");
        let mut listed = HashSet::new();
        loop {
            let absence = follow_while_served(api.clone(), Config::default(), &what, |event| {
                self.object_event(event, part, &mut listed, &mut ready);
            });
            absent(&what, absence.await);
            ready();
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn object_event(
        &self,
        event: Event<DeserializeGuard<ExternalSecret>>,
        part: &NamespaceScope,
        listed: &mut HashSet<ObjectKey>,
        ready: &mut impl FnMut(),
    ) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => listed.extend(self.object_seen(object)),
            Event::InitDone => {
                for key in self.objects.retain(|key| !part.covers(key) || listed.contains(key)) {
                    self.metrics.forget(&key);
                }
                ready();
            }
            Event::Apply(object) => {
                self.object_seen(object);
            }
            Event::Delete(object) => {
                let key = match object.0 {
                    Ok(object) => ObjectKey::of(&object.metadata),
                    Err(invalid) => ObjectKey::of(&invalid.metadata),
                };
                self.objects.forget(&key);
                self.metrics.forget(&key);
            }
        }
    }

    fn object_seen(&self, object: DeserializeGuard<ExternalSecret>) -> Option<ObjectKey> {
        let object = match object.0 {
            Ok(object) => object,
            Err(invalid) => {
                let key = ObjectKey::of(&invalid.metadata);
                warn!(object = %key, "an ExternalSecret is not of its type and is left out");
                return None;
            }
        };
        let key = ObjectKey::of(&object.metadata);
        if self.objects.note(object) {
            self.queue.add(key.clone(), Priority::Change, Duration::ZERO);
        }
        Some(key)
    }

    /// A Secret has changed, or is gone.
    pub fn secret_changed(&self, secret: &ObjectKey, seen: Option<&SecretSnapshot>) {
        for key in self.objects.of_target(secret) {
            let Some(known) = self.objects.get(&key) else { continue };
            let is_fine = known.is_left(seen)
                || seen.is_some_and(|seen| is_valid(seen, known.fingerprint.as_deref()));
            // What failed for another reason is tried again when that says so.
            if known.failed.map_or(!is_fine, Reason::concerns_target) {
                self.queue.add(key, Priority::Drift, known.calm(CALM));
            }
        }
    }

    /// A Secret has other contents, or is listed for the first time: what could not be read with the AWS
    /// credentials in it may be now. A store that can be used was so with what is listed at a start.
    pub fn keys_changed(&self, secret: &ObjectKey, is_listed: bool) {
        for store in self.stores.with_keys_in(secret) {
            let is_told = |store: &Arc<Store>| stores::is_ready(&store.status);
            if !(is_listed && self.stores.get(&store).as_ref().is_some_and(is_told)) {
                self.store_queue.add(store.clone(), Priority::Change, Duration::ZERO);
            }
            self.wake(&store);
        }
    }

    /// Follows the stores of a part.
    pub async fn watch_stores(&self, part: &NamespaceScope, ready: impl FnMut()) {
        let api: Api<DeserializeGuard<SecretStore>> = part.api(self.client.clone());
        let covers = |key: &StoreKey| match &key.namespace {
            Some(namespace) => {
                part.covers(&ObjectKey { namespace: namespace.clone(), name: key.name.clone() })
            }
            None => false,
        };
        let read = |store: SecretStore| {
            Store::new(&store.metadata, store.spec, store.status.unwrap_or_default())
        };
        self.follow_stores(api, &part.describe("SecretStores"), covers, read, ready).await;
    }

    /// Follows the stores of the cluster.
    pub async fn watch_cluster_stores(&self, ready: impl FnMut()) {
        let api: Api<DeserializeGuard<ClusterSecretStore>> = Api::all(self.client.clone());
        let covers = |key: &StoreKey| key.namespace.is_none();
        let read = |store: ClusterSecretStore| {
            Store::new(&store.metadata, store.spec.store, store.status.unwrap_or_default())
        };
        self.follow_stores(api, "ClusterSecretStores", covers, read, ready).await;
    }

    async fn follow_stores<K>(
        &self,
        api: Api<DeserializeGuard<K>>,
        what: &str,
        covers: impl Fn(&StoreKey) -> bool,
        read: impl Fn(K) -> Store,
        mut ready: impl FnMut(),
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
        DeserializeGuard<K>: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        let mut listed = HashSet::new();
        loop {
            let absence =
                follow_while_served(api.clone(), Config::default(), what, |event| match event {
                    Event::Init => listed.clear(),
                    Event::InitApply(store) => {
                        listed.extend(self.store_read(store, &read));
                    }
                    Event::Apply(store) => {
                        self.store_read(store, &read);
                    }
                    Event::InitDone => {
                        for store in self.stores.all() {
                            if covers(&store.key) && !listed.contains(&store.key) {
                                self.store_gone(&store.key);
                            }
                        }
                        ready();
                    }
                    Event::Delete(store) => {
                        let metadata = match &store.0 {
                            Ok(store) => store.meta(),
                            Err(invalid) => &invalid.metadata,
                        };
                        self.store_gone(&StoreKey {
                            namespace: metadata.namespace.clone(),
                            name: metadata.name.clone().unwrap_or_default(),
                        });
                    }
                });
            absent(what, absence.await);
            ready();
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn store_read<K>(
        &self,
        store: DeserializeGuard<K>,
        read: impl Fn(K) -> Store,
    ) -> Option<StoreKey>
    where
        K: DeserializeOwned,
    {
        match store.0 {
            Ok(store) => {
                let store = read(store);
                let key = store.key.clone();
                self.store_seen(store);
                Some(key)
            }
            Err(invalid) => {
                let key = ObjectKey::of(&invalid.metadata);
                warn!(object = %key, "a store is not of its type and is left out");
                None
            }
        }
    }

    fn store_seen(&self, store: Store) {
        let key = store.key.clone();
        // What another process, or another controller, has said of it a moment ago costs no request.
        let is_ours = !store.is_foreign(&self.settings.class) && store.other_provider().is_none();
        let is_first = self.stores.get(&key).is_none();
        let wait = if is_ours && is_first && stores::is_ready(&store.status) {
            self.metrics.store(&key, true);
            let interval = stores::interval(&store).unwrap_or(self.store_interval);
            interval.min(self.store_interval).mul_f64(f64::midpoint(1.0, rand::random()))
        } else {
            Duration::ZERO
        };
        if self.stores.note(store) {
            self.store_queue.add(key.clone(), Priority::Change, wait);
            self.wake(&key);
            // It may have been another controller's, or not there: then nobody looks at its objects again.
            for object in self.objects.of_store(&key) {
                self.queue.add(object, Priority::Resync, CALM);
            }
        }
    }

    fn store_gone(&self, key: &StoreKey) {
        if let Some(store) = self.stores.forget(key) {
            self.pool.forget(&store.uid, &store.key.to_string());
        }
        self.metrics.forget_store(key);
    }

    /// Starts the watches of what is looked after.
    pub fn follow(
        self: &Arc<Self>,
        reach: &WatchScope,
        watches: &mut JoinSet<()>,
        mut mark: impl FnMut() -> Box<dyn FnMut() + Send>,
    ) {
        if *reach == WatchScope::All {
            let (this, done) = (self.clone(), mark());
            watches.spawn(async move { this.watch_cluster_stores(done).await });
        }
        for part in reach.parts() {
            let (this, done, of) = (self.clone(), mark(), part.clone());
            watches.spawn(async move { this.watch_stores(&of, done).await });
            let (this, done) = (self.clone(), mark());
            watches.spawn(async move { this.watch_objects(&part, done).await });
        }
    }

    /// Takes objects from the queue until the process ends. A pass that panics costs that object a
    /// retry, and nobody else anything.
    pub async fn work_off(self: Arc<Self>) {
        let queue = self.queue.clone();
        work_off(&queue, |key| {
            let this = self.clone();
            async move { this.reconcile(&key).await }
        })
        .await;
    }

    /// The same for stores.
    pub async fn work_off_stores(self: Arc<Self>) {
        let queue = self.store_queue.clone();
        work_off(&queue, |key| {
            let this = self.clone();
            async move { this.check_store(&key).await }
        })
        .await;
    }
}

impl SecretSubscriber for ExternalSecretController {
    fn secret_changed(&self, change: &SecretChange<'_>) {
        let SecretChange { key, before, after, is_listed } = change;
        Self::secret_changed(self, key, after.as_ref());
        let Some(after) = after else { return };
        if before.as_ref().is_none_or(|before| before.content != after.content) {
            self.keys_changed(key, *is_listed && before.is_none());
        }
    }
}

async fn work_off<K, F>(queue: &WorkQueue<K>, pass: impl Fn(K) -> F)
where
    K: QueueKey,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let key = queue.next().await;
        if let Err(error) = tokio::spawn(pass(key.clone())).await
            && error.is_panic()
        {
            warn!(object = %key, "a pass failed on a bug: please report it");
            queue.add(key.clone(), Priority::Retry, Duration::from_mins(1));
        }
        queue.done(&key);
    }
}

fn absent(what: &str, absence: Absence) {
    let why = match absence {
        Absence::NotServed => "the API server does not serve them",
        Absence::Forbidden => "the controller may not watch them",
    };
    info!(what, why, "looked for again later");
}
