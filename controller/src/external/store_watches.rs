//! The triggers of a check of a store: the watches of stores, and changes of Secrets with credentials.

use std::{fmt::Debug, time::Duration};

use crds::{ClusterSecretStore, SecretStore};
use kube::{Api, Resource, core::DeserializeGuard};
use serde::de::DeserializeOwned;
use tracing::info;

use super::{
    store::{Store, StoreKey},
    store_controller::{SecretStoreController, check_interval},
    store_status,
};
use crate::{
    key::ObjectKey,
    runtime::{
        queue::Priority,
        scope::NamespaceScope,
        watch::{CRD_POLL_INTERVAL, Listing, Watch, WatchEvent},
    },
};

/// How long the objects of a new store wait, so that their own first reconcile goes first.
const STORE_RESYNC_DELAY: Duration = Duration::from_secs(1);

impl SecretStoreController {
    pub(super) async fn watch_stores(&self, scope: NamespaceScope, listing: Listing) {
        let api: Api<DeserializeGuard<SecretStore>> = scope.api(self.context.client.clone());
        let covers = |key: &StoreKey| !key.is_cluster_store() && scope.covers(&key.object_key());
        let read = |store: SecretStore| {
            Store::new(&store.metadata, store.spec, store.status.unwrap_or_default())
        };
        self.watch(api, &scope.describe("SecretStores"), covers, read, listing).await;
    }

    pub(super) async fn watch_cluster_stores(&self, listing: Listing) {
        let api: Api<DeserializeGuard<ClusterSecretStore>> = Api::all(self.context.client.clone());
        let read = |store: ClusterSecretStore| {
            Store::new(&store.metadata, store.spec.store, store.status.unwrap_or_default())
        };
        let covers = StoreKey::is_cluster_store;
        self.watch(api, "ClusterSecretStores", covers, read, listing).await;
    }

    async fn watch<K>(
        &self,
        api: Api<DeserializeGuard<K>>,
        what: &str,
        covers: impl Fn(&StoreKey) -> bool,
        read: impl Fn(K) -> Store,
        mut listing: Listing,
    ) where
        DeserializeGuard<K>: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let handle = |event| match event {
            WatchEvent::Applied { object, .. } => self.store_applied(read(object)),
            WatchEvent::Deleted(metadata) => self.deleted(&StoreKey::of_metadata(&metadata)),
            WatchEvent::Listed(listed) => {
                let is_gone = |key: &StoreKey| covers(key) && !listed.contains(&key.object_key());
                for key in self.stores.keys_where(|key, _| is_gone(key)) {
                    self.deleted(&key);
                }
                listing.complete();
            }
            WatchEvent::Absent(absence) => {
                info!(what, why = %absence, "not watched");
                listing.complete();
            }
        };
        Watch::new(api, what).optional(CRD_POLL_INTERVAL).run_guarded(handle).await;
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

    pub(crate) fn store_applied(&self, store: Store) {
        let key = store.key.clone();
        let delay = self.first_check_delay(&store);
        if self.stores.upsert(store) {
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
        let is_ours = !store.is_foreign(&self.class) && !store.has_other_provider();
        let is_first = !self.stores.contains(&store.key);
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
