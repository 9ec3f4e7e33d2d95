//! What the Secret watch has seen: marks and MACs, never data.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard},
};

use super::{
    desired::label_and_annotation_macs,
    fingerprint::{Mac, MacKey, PairMac},
    object::{SecretObject, Value},
    ownership::OwnershipMetadata,
};
use crate::{key::ObjectKey, runtime::api::version_of, target::data_hash};

/// What is kept of one Secret.
#[derive(Clone, Debug)]
pub struct SecretSnapshot {
    /// By [`version_of`].
    version: u64,
    /// Whose it is.
    pub marks: OwnershipMetadata,
    /// What it holds.
    pub content: Mac,
    /// Its labels and annotations, sorted.
    pairs: Box<[PairMac]>,
    /// It has the label of External Secrets.
    pub is_external: bool,
    /// Whether the hash of its data that it bears is that of its data, if it bears one.
    pub hash_holds: Option<bool>,
    /// For which ExternalSecret it was made.
    pub created_by: Option<String>,
    /// Its items, sorted, where they are kept one by one.
    pub items: Option<Arc<[ItemMac]>>,
}

/// The MACs of one item: 24 bytes, whatever its size.
#[derive(Clone, Copy, Debug)]
pub struct ItemMac {
    /// Over its name.
    pub name: u64,
    /// Over its value, bound to the Secret and the item's name.
    pub value: [u8; 16],
}

/// All Secrets by name.
pub struct SecretIndex {
    mac_key: Arc<MacKey>,
    keeps_items: bool,
    secrets: Mutex<HashMap<ObjectKey, SecretSnapshot>>,
}

impl SecretSnapshot {
    /// Hashes a Secret.
    pub fn of(mac_key: &MacKey, secret: &SecretObject) -> Self {
        let metadata = &secret.metadata;
        let empty = std::collections::BTreeMap::new();
        let label = |name: &str| metadata.labels.as_ref()?.get(name);
        Self {
            version: version_of(&secret.metadata),
            marks: OwnershipMetadata::of(metadata),
            content: mac_key.content(&ObjectKey::of(metadata), secret),
            pairs: label_and_annotation_macs(
                mac_key,
                metadata.labels.as_ref().unwrap_or(&empty),
                metadata.annotations.as_ref().unwrap_or(&empty),
            ),
            is_external: label(data_hash::MANAGED).is_some_and(|value| value == "true"),
            hash_holds: label(data_hash::MANAGED).and_then(|_| {
                let known = metadata.annotations.as_ref()?.get(data_hash::DATA_HASH)?;
                Some(*known == data_hash::data(&secret.data))
            }),
            created_by: label(data_hash::CREATED_BY).cloned(),
            items: None,
        }
    }

    /// Whether it has all these labels and annotations.
    pub fn has_pairs(&self, pairs: &[PairMac]) -> bool {
        pairs.iter().all(|pair| self.pairs.binary_search(pair).is_ok())
    }
}

impl SecretIndex {
    /// An empty index.
    pub fn new(mac_key: Arc<MacKey>) -> Self {
        Self { mac_key, keeps_items: false, secrets: Mutex::default() }
    }

    /// Keeps a MAC of each item too, of all Secrets: 24 bytes an item cost less than to ask for
    /// the Secrets of each workload when it comes.
    #[must_use]
    pub fn with_items(self) -> Self {
        Self { keeps_items: true, ..self }
    }

    /// What is known of a Secret.
    pub fn get(&self, key: &ObjectKey) -> Option<SecretSnapshot> {
        self.lock().get(key).cloned()
    }

    /// Whether a Secret of this name is known.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        self.lock().contains_key(key)
    }

    /// The Secrets of a namespace that were made for this ExternalSecret.
    pub fn created_by(&self, namespace: &str, by: &str) -> Vec<ObjectKey> {
        let secrets = self.lock();
        let made = secrets.iter().filter(|(key, seen)| {
            key.namespace == namespace && seen.created_by.as_deref() == Some(by)
        });
        made.map(|(key, _)| key.clone()).collect()
    }

    /// Notes a Secret, unless something newer is known. Returns what is known now.
    pub fn note(&self, secret: &SecretObject) -> SecretSnapshot {
        let mut seen = SecretSnapshot::of(&self.mac_key, secret);
        seen.items = self.keeps_items.then(|| item_macs(&self.mac_key, secret));
        match self.lock().entry(ObjectKey::of(&secret.metadata)) {
            Entry::Occupied(entry) if entry.get().version > seen.version => entry.get().clone(),
            Entry::Occupied(mut entry) => {
                entry.insert(seen.clone());
                seen
            }
            Entry::Vacant(entry) => entry.insert(seen).clone(),
        }
    }

    /// Forgets a deleted Secret. False when a newer one of that name is known.
    pub fn forget(&self, secret: &SecretObject) -> bool {
        let version = version_of(&secret.metadata);
        match self.lock().entry(ObjectKey::of(&secret.metadata)) {
            Entry::Occupied(entry) if entry.get().version <= version => {
                entry.remove();
                true
            }
            Entry::Occupied(_) => false,
            Entry::Vacant(_) => true,
        }
    }

    /// Forgets a Secret that is not there any more, as it was seen, though no watch has told.
    pub fn lost(&self, key: &ObjectKey, seen: &SecretSnapshot) {
        if let Entry::Occupied(entry) = self.lock().entry(key.clone())
            && entry.get().version == seen.version
        {
            entry.remove();
        }
    }

    /// Forgets all Secrets but those to keep, after a new list: their deletions were missed.
    /// Returns the forgotten ones.
    pub fn retain(&self, keep: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let mut secrets = self.lock();
        let gone: Vec<_> = secrets.keys().filter(|key| !keep(key)).cloned().collect();
        for key in &gone {
            secrets.remove(key);
        }
        gone
    }

    /// How many Secrets are known.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, SecretSnapshot>> {
        self.secrets.lock().expect("no holder of the lock panics")
    }
}

/// The MACs of all items, sorted by that of the name.
fn item_macs(mac_key: &MacKey, secret: &SecretObject) -> Arc<[ItemMac]> {
    let key = ObjectKey::of(&secret.metadata);
    let mac = |(name, value): (&String, &Value)| ItemMac {
        name: mac_key.item_name(name),
        value: mac_key.item(&key, name, value.expose()),
    };
    let mut items: Vec<_> = secret.data.iter().map(mac).collect();
    items.sort_unstable_by_key(|item| item.name);
    items.into()
}

/// The MAC of the value of one of these items, if it is there.
pub fn item_mac(mac_key: &MacKey, name: &str, items: &[ItemMac]) -> Option<[u8; 16]> {
    let name = mac_key.item_name(name);
    let place = items.binary_search_by_key(&name, |item| item.name).ok()?;
    Some(items[place].value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index() -> SecretIndex {
        SecretIndex::new(Arc::new(MacKey::from_bytes(&[1; 32]).unwrap()))
    }

    fn secret(version: &str, value: &str) -> SecretObject {
        serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s", "resourceVersion": version,
                          "labels": { "l": "1" } },
            "data": { "A": value },
        }))
        .unwrap()
    }

    fn key() -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: "s".into() }
    }

    #[test]
    fn an_old_event_after_our_own_write_changes_nothing() {
        let index = index();
        let ours = index.note(&secret("9", "MQ=="));
        index.note(&secret("8", "Mg=="));
        assert_eq!(index.get(&key()).unwrap().content, ours.content);
        assert!(!index.forget(&secret("8", "Mg==")));
        assert!(index.contains(&key()));
        assert!(index.forget(&secret("10", "MQ==")));
        assert!(index.is_empty());
    }

    #[test]
    fn items_are_kept_one_by_one_only_where_asked_for() {
        assert!(index().note(&secret("1", "MQ==")).items.is_none());
        let index = index().with_items();
        let item = |value| {
            let items = index.note(&secret("1", value)).items.unwrap();
            assert_eq!(item_mac(&index.mac_key, "B", &items), None);
            item_mac(&index.mac_key, "A", &items).unwrap()
        };
        assert_eq!(item("MQ=="), item("MQ=="));
        assert_ne!(item("MQ=="), item("Mg=="));
    }

    #[test]
    fn a_missed_deletion_is_found_by_the_next_list() {
        let index = index();
        index.note(&secret("1", "MQ=="));
        assert_eq!(index.retain(|_| false), [key()]);
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn labels_of_others_do_not_matter_but_ours_must_be_there() {
        let index = index();
        let seen = index.note(&secret("1", "MQ=="));
        let pairs = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            label_and_annotation_macs(&index.mac_key, &labels, &std::collections::BTreeMap::new())
        };
        assert!(seen.has_pairs(&pairs(&[])));
        assert!(seen.has_pairs(&pairs(&[("l", "1")])));
        assert!(!seen.has_pairs(&pairs(&[("l", "2")])));
        assert!(!seen.has_pairs(&pairs(&[("l", "1"), ("m", "1")])));
    }
}
