//! All SealedSecrets that the watch has reported.

use std::{collections::hash_map::Entry, ops::Deref, sync::Arc};

use crds::SealedSecret;

use super::entry::SealedSecretEntry;
use crate::{
    key::ObjectKey,
    runtime::{index::ObjectIndex, mac::MacKey},
};

pub(crate) struct SealedIndex {
    mac_key: Arc<MacKey>,
    objects: ObjectIndex<ObjectKey, SealedSecretEntry>,
}

impl SealedIndex {
    pub(crate) fn new(mac_key: Arc<MacKey>) -> Self {
        Self { mac_key, objects: ObjectIndex::default() }
    }

    /// Takes an object in. True when it is new, or changed in what decides its Secret: then an
    /// earlier failure no longer counts. An event that is older than what was read or written since
    /// is skipped, since it would bring the earlier Secret back.
    pub(crate) fn upsert(&self, sealed: &Arc<SealedSecret>) -> bool {
        let mut new = SealedSecretEntry::of(&self.mac_key, sealed);
        self.objects.entry(ObjectKey::of(&sealed.metadata), |entry| match entry {
            Entry::Occupied(mut old) if old.get().uid == new.uid => {
                if old.get().version > new.version {
                    return false;
                }
                let is_changed = keep_progress(&mut new, old.get());
                if is_changed {
                    new.pending = Some(sealed.clone());
                }
                old.insert(new);
                is_changed
            }
            entry => {
                new.pending = Some(sealed.clone());
                entry.insert_entry(new);
                true
            }
        })
    }

    /// Takes the object itself, if the watch reported it and nobody took it yet.
    pub(crate) fn take_pending(&self, key: &ObjectKey) -> Option<Arc<SealedSecret>> {
        self.objects.entry(key.clone(), |entry| match entry {
            Entry::Occupied(mut entry) => entry.get_mut().pending.take(),
            Entry::Vacant(_) => None,
        })
    }
}

/// Keeps what this process knows of the same object. True when what decides its Secret changed.
fn keep_progress(new: &mut SealedSecretEntry, old: &SealedSecretEntry) -> bool {
    new.applied = old.applied.clone().or_else(|| new.applied.take());
    new.prunes_record = old.prunes_record;
    new.repairs = old.repairs;
    let is_changed = old.inputs != new.inputs || old.generation != new.generation;
    if !is_changed {
        new.failed = old.failed;
        new.attempts = old.attempts;
        new.pending.clone_from(&old.pending);
    }
    is_changed
}

impl Deref for SealedIndex {
    type Target = ObjectIndex<ObjectKey, SealedSecretEntry>;

    fn deref(&self) -> &Self::Target {
        &self.objects
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;
    use serde_json::json;

    use super::*;

    fn index() -> SealedIndex {
        SealedIndex::new(Arc::new(MacKey::from_bytes(&[3; 32]).unwrap()))
    }

    fn sealed(version: &str, value: &str) -> Arc<SealedSecret> {
        let object = json!({
            "metadata": { "namespace": "n", "name": "s", "uid": "u1", "generation": 1,
                          "resourceVersion": version },
            "spec": { "encryptedData": { "A": value } },
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn object_is_pending_until_it_is_taken() {
        let index = index();
        let key = ObjectKey::of(&sealed("1", "x").metadata);
        assert!(index.upsert(&sealed("1", "x")));
        assert!(!index.upsert(&sealed("1", "x")), "nothing changed");
        assert!(index.take_pending(&key).is_some());
        assert!(index.take_pending(&key).is_none());
        assert!(index.upsert(&sealed("2", "y")));
        assert!(index.take_pending(&key).is_some());
    }

    #[test]
    fn stale_event_changes_nothing() {
        let index = index();
        assert!(index.upsert(&sealed("9", "new")));
        assert!(!index.upsert(&sealed("8", "old")));
        let key = ObjectKey::of(&sealed("9", "new").metadata);
        assert_eq!(index.take_pending(&key).unwrap().spec.encrypted_data["A"], "new");
        let old = sealed("7", "other");
        let replaced = Arc::new(SealedSecret {
            metadata: ObjectMeta { uid: Some("u2".into()), ..old.metadata.clone() },
            ..SealedSecret::clone(&old)
        });
        assert!(index.upsert(&replaced), "another object of that name");
    }
}
