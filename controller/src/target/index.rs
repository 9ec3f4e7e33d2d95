//! All Secrets that the watch has reported.

use std::{
    collections::hash_map::Entry,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use kube::api::ObjectMeta;
use tokio::time::Instant;

use super::{
    deletions::ForeignDeletions,
    snapshot::{SecretSnapshot, item_macs},
};
use crate::{
    key::ObjectKey,
    runtime::{api::version_of, index::ObjectIndex, mac::MacKey, secret::SecretObject},
};

/// Snapshots of Secrets by name.
pub(crate) struct SecretIndex {
    mac_key: Arc<MacKey>,
    keeps_items: bool,
    secrets: ObjectIndex<ObjectKey, SecretSnapshot>,
    /// The newest version of any Secret that the watch has reported.
    watched: AtomicU64,
    deletions: ForeignDeletions,
}

impl SecretIndex {
    pub(crate) fn new(mac_key: Arc<MacKey>) -> Self {
        let (secrets, watched) = (ObjectIndex::default(), AtomicU64::new(0));
        let deletions = ForeignDeletions::default();
        Self { mac_key, keeps_items: false, secrets, watched, deletions }
    }

    /// Also keeps a MAC of each item, of all Secrets: 24 bytes an item cost less than a request for
    /// the Secrets of each new workload.
    #[must_use]
    pub(crate) fn with_items(self) -> Self {
        Self { keeps_items: true, ..self }
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<SecretSnapshot> {
        self.secrets.get(key)
    }

    /// Whether the Secret exists, as far as the watch has reported.
    pub(crate) fn contains(&self, key: &ObjectKey) -> bool {
        self.secrets.contains(key)
    }

    /// The time at which a Secret of this name was deleted that its SealedSecret did not control,
    /// if that was so recent that a user may be about to create another one.
    pub(crate) fn foreign_deletion(&self, key: &ObjectKey) -> Option<Instant> {
        self.deletions.last(key)
    }

    /// The Secrets of a namespace that were created for this ExternalSecret.
    pub(crate) fn created_by(&self, namespace: &str, hash: &str) -> Vec<ObjectKey> {
        self.secrets.keys_where(|key, snapshot| {
            key.namespace == namespace && snapshot.created_by.as_deref() == Some(hash)
        })
    }

    /// Adds or updates a Secret that the watch reports. Returns the newest snapshot.
    pub(crate) fn watched(&self, secret: &SecretObject) -> SecretSnapshot {
        self.advance(version_of(&secret.metadata));
        self.insert(secret, |_| true)
    }

    /// Adds or updates a Secret that a request returned, unless the index has a newer version, or the
    /// watch has reported its deletion meanwhile. Returns the newest snapshot.
    pub(crate) fn upsert(&self, secret: &SecretObject) -> SecretSnapshot {
        self.insert(secret, |version| version > self.watched.load(Ordering::Relaxed))
    }

    /// Removes a deleted Secret. False when the index has a newer Secret of that name.
    pub(crate) fn remove(&self, deleted: &ObjectMeta) -> bool {
        let version = version_of(deleted);
        self.advance(version);
        self.remove_if(&ObjectKey::of(deleted), |snapshot| snapshot.version <= version)
    }

    /// Removes a Secret that a request did not find, unless the watch has reported another version
    /// since this snapshot.
    pub(super) fn remove_missing(&self, key: &ObjectKey, known: &SecretSnapshot) {
        self.remove_if(key, |snapshot| snapshot.version == known.version);
    }

    /// Removes all Secrets but those to keep, after a new list: the watch missed their deletions.
    /// Returns the removed ones.
    pub(crate) fn retain(&self, keep: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let gone = |key: &ObjectKey, secret: &SecretSnapshot| !keep(key) && is_foreign(key, secret);
        for key in self.secrets.keys_where(gone) {
            self.deletions.record(key);
        }
        self.secrets.retain(keep)
    }

    /// The number of Secrets in the index.
    pub(crate) fn len(&self) -> usize {
        self.secrets.keys().len()
    }

    fn insert(&self, secret: &SecretObject, is_new: impl FnOnce(u64) -> bool) -> SecretSnapshot {
        let mut snapshot = SecretSnapshot::of(&self.mac_key, secret);
        snapshot.items = self.keeps_items.then(|| item_macs(&self.mac_key, secret));
        self.secrets.entry(ObjectKey::of(&secret.metadata), |entry| match entry {
            Entry::Occupied(entry) if entry.get().version > snapshot.version => entry.get().clone(),
            Entry::Vacant(_) if !is_new(snapshot.version) => snapshot,
            entry => entry.insert_entry(snapshot).get().clone(),
        })
    }

    /// The versions of all Secrets have one order. A version that is not a number is ignored.
    fn advance(&self, version: u64) {
        if version != u64::MAX {
            self.watched.fetch_max(version, Ordering::Relaxed);
        }
    }

    /// Whether the Secret is missing now.
    fn remove_if(&self, key: &ObjectKey, is_old: impl FnOnce(&SecretSnapshot) -> bool) -> bool {
        self.secrets.entry(key.clone(), |entry| match entry {
            Entry::Occupied(entry) if is_old(entry.get()) => {
                if is_foreign(key, &entry.remove()) {
                    self.deletions.record(key.clone());
                }
                true
            }
            Entry::Occupied(_) => false,
            Entry::Vacant(_) => true,
        })
    }
}

fn is_foreign(key: &ObjectKey, secret: &SecretSnapshot) -> bool {
    let controller = secret.ownership.controller.as_ref();
    !controller.is_some_and(|owner| owner.is_sealed_secret(&key.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::target::snapshot::{item_mac, label_and_annotation_macs};

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
    fn stale_event_after_own_write_changes_nothing() {
        let index = index();
        let written = index.upsert(&secret("9", "MQ=="));
        index.upsert(&secret("8", "Mg=="));
        assert_eq!(index.get(&key()).unwrap().content, written.content);
        assert!(!index.remove(&secret("8", "Mg==").metadata));
        assert!(index.contains(&key()));
        assert!(index.remove(&secret("10", "MQ==").metadata));
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn answer_that_arrives_after_the_deletion_does_not_bring_the_secret_back() {
        let index = index();
        index.watched(&secret("8", "MQ=="));
        assert!(index.remove(&secret("9", "MQ==").metadata));
        index.upsert(&secret("8", "MQ=="));
        assert!(!index.contains(&key()));
        index.upsert(&secret("10", "MQ=="));
        assert!(index.contains(&key()));
    }

    #[test]
    fn item_macs_are_kept_only_on_request() {
        assert!(index().upsert(&secret("1", "MQ==")).items.is_none());
        let index = index().with_items();
        let item = |value| {
            let items = index.upsert(&secret("1", value)).items.unwrap();
            assert_eq!(item_mac(&index.mac_key, "B", &items), None);
            item_mac(&index.mac_key, "A", &items).unwrap()
        };
        assert_eq!(item("MQ=="), item("MQ=="));
        assert_ne!(item("MQ=="), item("Mg=="));
    }

    #[test]
    fn missed_deletion_is_found_by_the_next_list() {
        let index = index();
        index.upsert(&secret("1", "MQ=="));
        assert_eq!(index.retain(|_| false), [key()]);
        assert_eq!(index.len(), 0);
    }

    /// Each way in which the controller notices a deletion, for each kind of owner.
    #[test]
    fn deletion_of_a_secret_is_recorded_unless_its_sealed_secret_controls_it() {
        let owned = |kind: &str, name: &str| {
            let mut secret = secret("1", "MQ==");
            let owner = json!([{ "apiVersion": "x/v1", "kind": kind, "name": name, "uid": "u",
                                 "controller": true }]);
            secret.metadata.owner_references = serde_json::from_value(owner).unwrap();
            secret
        };
        let ways: [fn(&SecretIndex, &SecretObject); 3] = [
            |index, secret| assert!(index.remove(&secret.metadata)),
            |index, _| index.remove_missing(&key(), &index.get(&key()).unwrap()),
            |index, _| assert_eq!(index.retain(|_| false), [key()]),
        ];
        for (way, remove) in ways.into_iter().enumerate() {
            for (secret, is_foreign) in [
                (secret("1", "MQ=="), true),
                (owned("SealedSecret", "other"), true),
                (owned("Certificate", "s"), true),
                (owned("SealedSecret", "s"), false),
            ] {
                let index = index();
                index.watched(&secret);
                assert_eq!(index.foreign_deletion(&key()), None);
                remove(&index, &secret);
                assert_eq!(index.foreign_deletion(&key()).is_some(), is_foreign, "way {way}");
            }
        }
    }

    #[test]
    fn snapshot_needs_our_labels_and_ignores_other_labels() {
        let index = index();
        let snapshot = index.upsert(&secret("1", "MQ=="));
        let macs = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            label_and_annotation_macs(&index.mac_key, &labels, &BTreeMap::new())
        };
        assert!(snapshot.has_labels_and_annotations(&macs(&[])));
        assert!(snapshot.has_labels_and_annotations(&macs(&[("l", "1")])));
        assert!(!snapshot.has_labels_and_annotations(&macs(&[("l", "2")])));
        assert!(!snapshot.has_labels_and_annotations(&macs(&[("l", "1"), ("m", "1")])));
    }
}
