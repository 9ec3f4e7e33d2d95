//! What triggers a check of a store: the watches of stores, and changes of Secrets with credentials.

use std::{collections::HashSet, fmt::Debug, time::Duration};

use crds::{ClusterSecretStore, SecretStore};
use kube::{
    Api, Resource,
    core::DeserializeGuard,
    runtime::watcher::{Config, Event},
};
use serde::de::DeserializeOwned;
use tracing::warn;

use super::{
    crd_watch::watch_served,
    index::CONFLICT_BACKOFF_FIRST,
    store::{Store, StoreKey},
    store_controller::{SecretStoreController, check_interval},
    store_status,
};
use crate::{
    key::ObjectKey,
    runtime::{queue::Priority, scope::NamespaceScope},
};

impl SecretStoreController {
    /// Watches the SecretStores of a scope. Calls `ready` after each full list.
    pub(super) async fn watch_stores(&self, scope: &NamespaceScope, ready: impl FnMut()) {
        let api: Api<DeserializeGuard<SecretStore>> = scope.api(self.client.clone());
        let covers = |key: &StoreKey| match &key.namespace {
            Some(namespace) => {
                scope.covers(&ObjectKey { namespace: namespace.clone(), name: key.name.clone() })
            }
            None => false,
        };
        let read = |store: SecretStore| {
            Store::new(&store.metadata, store.spec, store.status.unwrap_or_default())
        };
        self.watch(api, &scope.describe("SecretStores"), covers, read, ready).await;
    }

    /// Watches the ClusterSecretStores. Calls `ready` after each full list.
    pub(super) async fn watch_cluster_stores(&self, ready: impl FnMut()) {
        let api: Api<DeserializeGuard<ClusterSecretStore>> = Api::all(self.client.clone());
        let read = |store: ClusterSecretStore| {
            Store::new(&store.metadata, store.spec.store, store.status.unwrap_or_default())
        };
        self.watch(api, "ClusterSecretStores", StoreKey::is_cluster_store, read, ready).await;
    }

    /// A Secret has other contents, or is listed for the first time: stores whose AWS credentials were
    /// wrong may work now. On startup every listed Secret looks changed. Ready stores were checked with
    /// it already, so they are left out.
    pub(super) fn credentials_changed(&self, secret: &ObjectKey, is_first_list: bool) {
        for key in self.stores.with_credentials_in(secret) {
            let is_ready = || {
                let store = self.stores.get(&key);
                store.is_some_and(|store| store_status::is_ready(&store.status))
            };
            if !(is_first_list && is_ready()) {
                self.queue.add(key.clone(), Priority::Change, Duration::ZERO);
            }
            self.requeue_waiting(&key);
        }
    }

    async fn watch<K>(
        &self,
        api: Api<DeserializeGuard<K>>,
        what: &str,
        covers: impl Fn(&StoreKey) -> bool,
        read: impl Fn(K) -> Store,
        mut ready: impl FnMut(),
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
        DeserializeGuard<K>: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let mut listed = HashSet::new();
        watch_served(api, Config::default(), what, |event| match event {
            None => ready(),
            Some(Event::Init) => listed.clear(),
            Some(Event::InitApply(store)) => listed.extend(self.applied(store, &read)),
            Some(Event::Apply(store)) => {
                self.applied(store, &read);
            }
            Some(Event::InitDone) => {
                for key in self.stores.keys() {
                    if covers(&key) && !listed.contains(&key) {
                        self.deleted(&key);
                    }
                }
                ready();
            }
            Some(Event::Delete(store)) => {
                let metadata = match &store.0 {
                    Ok(store) => store.meta(),
                    Err(invalid) => &invalid.metadata,
                };
                self.deleted(&StoreKey {
                    namespace: metadata.namespace.clone(),
                    name: metadata.name.clone().unwrap_or_default(),
                });
            }
        })
        .await;
    }

    fn applied<K: DeserializeOwned>(
        &self,
        store: DeserializeGuard<K>,
        read: impl Fn(K) -> Store,
    ) -> Option<StoreKey> {
        match store.0 {
            Ok(store) => Some(self.store_applied(read(store))),
            Err(invalid) => {
                let key = ObjectKey::of(&invalid.metadata);
                warn!(object = %key, "store ignored: it does not match its schema");
                None
            }
        }
    }

    pub(super) fn store_applied(&self, store: Store) -> StoreKey {
        let key = store.key.clone();
        let delay = self.first_check_delay(&store);
        if self.stores.upsert(store) {
            self.queue.add(key.clone(), Priority::Change, delay);
            self.requeue_waiting(&key);
            // The store may have been missing, or another controller's. Then its objects were ignored.
            for object in self.objects.of_store(&key) {
                self.object_queue.add(object, Priority::Resync, CONFLICT_BACKOFF_FIRST);
            }
        }
        key
    }

    /// On startup, a store that another process found ready is not checked again at once.
    fn first_check_delay(&self, store: &Store) -> Duration {
        let is_ours = !store.is_foreign(&self.class) && !store.has_other_provider();
        let is_first = self.stores.get(&store.key).is_none();
        if !(is_ours && is_first && store_status::is_ready(&store.status)) {
            return Duration::ZERO;
        }
        self.metrics.store(&store.key, true);
        let interval = check_interval(store).unwrap_or(self.check_interval);
        interval.min(self.check_interval).mul_f64(f64::midpoint(1.0, rand::random()))
    }

    fn deleted(&self, key: &StoreKey) {
        if let Some(store) = self.stores.remove(key) {
            self.pool.forget(&store.uid, &store.key.to_string());
        }
        self.metrics.forget_store(key);
    }
}
