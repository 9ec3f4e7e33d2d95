//! The stores by name, and by the Secrets with their AWS credentials.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::Entry},
    ops::Deref,
    sync::Arc,
};

use super::{
    index::ExternalSecretEntry,
    store::{Store, StoreKey},
};
use crate::{key::ObjectKey, runtime::ObjectIndex};

/// The stores that one object refers to. None: the store does not exist.
pub(super) type ReferencedStores = BTreeMap<StoreKey, Option<Arc<Store>>>;

/// `stores` is locked first.
#[derive(Default)]
pub(crate) struct StoreIndex {
    stores: ObjectIndex<StoreKey, Arc<Store>>,
    /// By the name of a Secret, since each changed Secret is looked up.
    by_credentials: ObjectIndex<String, BTreeSet<StoreKey>>,
}

impl StoreIndex {
    /// Stores what a watch delivered. True if the spec is new.
    pub(super) fn upsert(&self, store: Store) -> bool {
        self.stores.entry(store.key.clone(), |entry| {
            let mut is_new = true;
            if let Entry::Occupied(old) = &entry {
                let old = old.get();
                if old.resource_version > store.resource_version {
                    return false;
                }
                is_new = old.version() != store.version();
                self.remove_credentials(old);
            }
            for secret in &store.credentials {
                self.by_credentials.insert_into(secret.name.clone(), store.key.clone());
            }
            entry.insert_entry(Arc::new(store));
            is_new
        })
    }

    pub(super) fn remove(&self, key: &StoreKey) -> Option<Arc<Store>> {
        let store = self.stores.remove(key)?;
        self.remove_credentials(&store);
        Some(store)
    }

    /// The stores whose AWS credentials are in this Secret.
    pub(super) fn with_credentials_in(&self, secret: &ObjectKey) -> BTreeSet<StoreKey> {
        let mut named = self.by_credentials.get(&secret.name).unwrap_or_default();
        named.retain(|key| {
            self.stores.get(key).is_some_and(|store| store.has_credentials_in(secret))
        });
        named
    }

    pub(super) fn referenced_by(&self, object: &ExternalSecretEntry) -> ReferencedStores {
        object.stores().map(|key| (key.clone(), self.stores.get(&key))).collect()
    }

    /// Whether these stores still exist with the same spec.
    pub(super) fn has_unchanged(&self, stores: &ReferencedStores) -> bool {
        stores.iter().all(|(key, before)| {
            let now = self.stores.get(key);
            now.as_deref().map(Store::version) == before.as_deref().map(Store::version)
        })
    }

    fn remove_credentials(&self, store: &Store) {
        for secret in &store.credentials {
            self.by_credentials.remove_from(secret.name.clone(), &store.key);
        }
    }
}

impl Deref for StoreIndex {
    type Target = ObjectIndex<StoreKey, Arc<Store>>;

    fn deref(&self) -> &Self::Target {
        &self.stores
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
