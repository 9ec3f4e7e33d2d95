//! The stores by name, and by the Secrets with their AWS credentials.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use crds::ExternalSecret;

use super::store::{Store, StoreKey};
use crate::key::ObjectKey;

/// The stores that one object refers to. None: the store does not exist.
pub(super) type ReferencedStores = BTreeMap<StoreKey, Option<Arc<Store>>>;

#[derive(Default)]
pub(crate) struct StoreIndex(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    stores: HashMap<StoreKey, Arc<Store>>,
    /// By the name of a Secret, since each changed Secret is looked up.
    by_credentials: HashMap<String, BTreeSet<StoreKey>>,
}

impl StoreIndex {
    pub(super) fn get(&self, key: &StoreKey) -> Option<Arc<Store>> {
        self.lock().stores.get(key).cloned()
    }

    /// Stores what a watch delivered. True if the spec is new.
    pub(super) fn upsert(&self, store: Store) -> bool {
        let mut inner = self.lock();
        let old = inner.stores.get(&store.key);
        if old.is_some_and(|old| old.resource_version > store.resource_version) {
            return false;
        }
        let is_new =
            old.is_none_or(|old| old.uid != store.uid || old.generation != store.generation);
        inner.remove(&store.key);
        for secret in store.credentials() {
            inner.by_credentials.entry(secret.name.clone()).or_default().insert(store.key.clone());
        }
        inner.stores.insert(store.key.clone(), Arc::new(store));
        is_new
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Option<Arc<Store>> {
        self.lock().remove(key)
    }

    /// The stores whose AWS credentials are in this Secret.
    pub(super) fn with_credentials_in(&self, secret: &ObjectKey) -> Vec<StoreKey> {
        let inner = self.lock();
        let named = inner.by_credentials.get(&secret.name).into_iter().flatten();
        let refers =
            |key: &&StoreKey| inner.stores[*key].credentials().iter().any(|at| at.is_in(secret));
        named.filter(refers).cloned().collect()
    }

    /// The stores that an object refers to.
    pub(super) fn referenced_by(&self, object: &ExternalSecret) -> ReferencedStores {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        let keys = object.stores().map(|reference| StoreKey::of(reference, namespace));
        let inner = self.lock();
        keys.map(|key| (key.clone(), inner.stores.get(&key).cloned())).collect()
    }

    /// Whether these stores still exist with the same spec.
    pub(super) fn has_unchanged(&self, stores: &ReferencedStores) -> bool {
        let inner = self.lock();
        let version = |store: &Arc<Store>| (store.uid.clone(), store.generation);
        stores
            .iter()
            .all(|(key, before)| inner.stores.get(key).map(version) == before.as_ref().map(version))
    }

    pub(super) fn keys(&self) -> Vec<StoreKey> {
        self.lock().stores.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn remove(&mut self, key: &StoreKey) -> Option<Arc<Store>> {
        let store = self.stores.remove(key)?;
        for secret in store.credentials() {
            if let Some(stores) = self.by_credentials.get_mut(&secret.name) {
                stores.remove(key);
                if stores.is_empty() {
                    self.by_credentials.remove(&secret.name);
                }
            }
        }
        Some(store)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::external::store::tests::{cluster_store, store};

    #[test]
    fn stores_are_found_by_their_credentials_secret() {
        let item = |key: &str| json!({ "name": "keys", "key": key });
        let aws = json!({ "service": "SecretsManager", "region": "r", "auth": { "secretRef": {
            "accessKeyIDSecretRef": item("i"), "secretAccessKeySecretRef": item("s") } } });
        let index = StoreIndex::default();
        for store in [store("a", "own", aws.clone()), cluster_store("all", aws)] {
            index.upsert(store);
        }
        let with = |namespace: &str, name: &str| {
            let mut names: Vec<_> = index
                .with_credentials_in(&ObjectKey { namespace: namespace.into(), name: name.into() })
                .into_iter()
                .map(|key| key.name)
                .collect();
            names.sort();
            names
        };
        assert_eq!(with("a", "keys"), ["all", "own"]);
        assert_eq!(
            with("b", "keys"),
            ["all"],
            "a ClusterSecretStore without a namespace reads from each namespace"
        );
        assert!(with("a", "other").is_empty());
        index.remove(&StoreKey { namespace: Some("a".into()), name: "own".into() });
        assert_eq!(with("a", "keys"), ["all"]);
    }
}
