//! What is known of each SealedSecret: enough to tell that nothing is to be done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crds::{SealedSecret, SealedSecretStatus};
use tokio::time::Instant;

use super::record::{Record, inputs};
use crate::{
    key::ObjectKey,
    keys::KeyRing,
    reason::Reason,
    runtime::api::version_of,
    target::{
        SecretSnapshot,
        fingerprint::{Mac, MacKey, MetadataMac, label_and_annotation_macs},
        ownership::Ownership,
    },
};

/// What is kept of one SealedSecret. Its items are not.
#[derive(Clone, Debug)]
pub struct SealedSecretEntry {
    /// The object's uid.
    pub uid: String,
    /// By [`version_of`].
    pub version: u64,
    /// The generation of its spec.
    pub generation: i64,
    /// It is being deleted: nothing is written for it any more.
    pub deleting: bool,
    /// Whether the Secret gets an owner reference.
    pub wants_owner: bool,
    /// The MAC over what decides the Secret.
    pub inputs: Mac,
    /// The MACs of the template's labels and annotations.
    pub pairs: Box<[MetadataMac]>,
    /// The status in the API server, as last seen or written.
    pub status: SealedSecretStatus,
    /// The record of the last success, which the status may not hold yet (or never: the CRD of
    /// Bitnami prunes it).
    pub applied: Option<Record>,
    /// Why it last failed.
    pub failed: Option<Reason>,
    /// How often in a row.
    pub attempts: u32,
    /// The CRD in the cluster has no field for the record, as Bitnami's has not.
    pub prunes_record: bool,
    /// How often we wrote what others had changed, lately.
    repairs: Repairs,
    /// The object itself, until it was worked on.
    pending: Option<Arc<SealedSecret>>,
}

/// Repairs in a row, each soon after the one before: somebody keeps undoing our writes.
#[derive(Clone, Copy, Debug, Default)]
struct Repairs {
    count: u32,
    last: Option<Instant>,
}

/// Repairs further apart than this are not a quarrel.
const QUARREL: Duration = Duration::from_mins(2);
/// So many repairs in a row are made at once.
const AT_ONCE: u32 = 5;

/// How an object stands before any request is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyncState {
    /// The Secret and the status are as they must be.
    InSync,
    /// The Secret is; the status does not say so.
    StatusStale,
    /// The items must be opened.
    OutOfSync,
}

impl SealedSecretEntry {
    /// What a watch event tells.
    pub fn of(mac_key: &MacKey, sealed: &SealedSecret) -> Self {
        let metadata = &sealed.metadata;
        let template = &sealed.spec.template.metadata;
        let status = sealed.status.clone().unwrap_or_default();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version_of(metadata),
            generation: metadata.generation.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            wants_owner: wants_owner(sealed),
            inputs: inputs(mac_key, sealed),
            pairs: label_and_annotation_macs(mac_key, &template.labels, &template.annotations),
            applied: status.fingerprint.as_deref().and_then(Record::parse),
            status,
            failed: None,
            attempts: 0,
            prunes_record: false,
            repairs: Repairs::default(),
            pending: None,
        }
    }

    /// Whether the Secret, as the watch saw it, is what this object made of it.
    pub fn state(&self, seen: Option<&SecretSnapshot>, keys: &KeyRing) -> SyncState {
        let (Some(record), Some(seen)) = (&self.applied, seen) else {
            return SyncState::OutOfSync;
        };
        let has_owner = seen.ownership.controller.is_some();
        let owned = match seen.ownership.ownership(&self.uid, self.wants_owner) {
            Ownership::Ours => has_owner == self.wants_owner,
            Ownership::Shared { with_owner_reference } => {
                has_owner == (with_owner_reference && self.wants_owner)
            }
            Ownership::TakeOver | Ownership::Foreign { .. } => false,
        };
        let unchanged = record.inputs == self.inputs
            && record.content == seen.content
            && record.keys.iter().all(|key| keys.contains(key))
            && seen.has_labels_and_annotations(&self.pairs);
        if !owned || !unchanged {
            SyncState::OutOfSync
        } else if self.says_so(record) {
            SyncState::InSync
        } else {
            SyncState::StatusStale
        }
    }

    /// Notes that it is in sync: what failed before says nothing any more, and a change of the
    /// Secret is looked at again.
    pub fn recovered(&mut self) {
        self.failed = None;
        self.attempts = 0;
    }

    /// Notes that we wrote over what others had changed.
    pub fn repaired(&mut self, now: Instant) {
        let quarrel = self.repairs.last.is_some_and(|last| now < last + QUARREL);
        let count = if quarrel { self.repairs.count.saturating_add(1) } else { 1 };
        self.repairs = Repairs { count, last: Some(now) };
    }

    /// How long to wait before the next repair: another controller that wants the opposite must
    /// not keep the API server busy, and must not be left to win either.
    pub fn calm(&self) -> Duration {
        let beyond = self.repairs.count.saturating_sub(AT_ONCE);
        if beyond == 0 { Duration::ZERO } else { Duration::from_secs(1 << beyond.min(6)) }
    }

    fn says_so(&self, record: &Record) -> bool {
        let status = &self.status;
        let is_true = |type_: &str| status.condition(type_).is_some_and(|c| c.status == "True");
        status.observed_generation == Some(self.generation)
            && is_true("Synced")
            && is_true("Ready")
            && match &status.fingerprint {
                Some(text) => Record::parse(text).as_ref() == Some(record),
                None => self.prunes_record,
            }
    }
}

/// Whether the Secret gets an owner reference: unless the template says no.
pub fn wants_owner(sealed: &SealedSecret) -> bool {
    let annotations = &sealed.spec.template.metadata.annotations;
    annotations.get(SealedSecret::SKIP_OWNER_REFERENCES).is_none_or(|value| value != "true")
}

/// All SealedSecrets by name.
pub struct SealedIndex {
    mac_key: Arc<MacKey>,
    objects: Mutex<HashMap<ObjectKey, SealedSecretEntry>>,
}

impl SealedIndex {
    /// An empty index.
    pub fn new(mac_key: Arc<MacKey>) -> Self {
        Self { mac_key, objects: Mutex::default() }
    }

    /// What is known of an object.
    pub fn get(&self, key: &ObjectKey) -> Option<SealedSecretEntry> {
        self.lock().get(key).cloned()
    }

    /// Notes an object as the API server gave it. True when it is new or changed in what decides
    /// its Secret, so that a failure of before says nothing of it. An event that is older than what
    /// was read or written meanwhile is none: it would bring back the Secret of before.
    pub fn note(&self, sealed: &Arc<SealedSecret>) -> bool {
        let mut new = SealedSecretEntry::of(&self.mac_key, sealed);
        let mut objects = self.lock();
        let key = ObjectKey::of(&sealed.metadata);
        let changed = match objects.get(&key) {
            Some(old) if old.uid == new.uid && old.version > new.version => return false,
            Some(old) if old.uid == new.uid => {
                new.applied = old.applied.clone().or(new.applied);
                new.prunes_record = old.prunes_record;
                new.repairs = old.repairs;
                let changed = old.inputs != new.inputs || old.generation != new.generation;
                if changed {
                    new.pending = Some(sealed.clone());
                } else {
                    new.failed = old.failed;
                    new.attempts = old.attempts;
                    new.pending.clone_from(&old.pending);
                }
                changed
            }
            _ => {
                new.pending = Some(sealed.clone());
                true
            }
        };
        objects.insert(key, new);
        changed
    }

    /// Changes what is known of an object, if it is still the one with this uid.
    pub fn update(&self, key: &ObjectKey, uid: &str, change: impl FnOnce(&mut SealedSecretEntry)) {
        if let Some(known) = self.lock().get_mut(key).filter(|known| known.uid == uid) {
            change(known);
        }
    }

    /// Takes the object itself, if a watch gave it and nobody took it yet.
    pub fn take_pending(&self, key: &ObjectKey) -> Option<Arc<SealedSecret>> {
        self.lock().get_mut(key)?.pending.take()
    }

    /// Drops the object itself: it is settled.
    pub fn drop_pending(&self, key: &ObjectKey) {
        drop(self.take_pending(key));
    }

    /// Forgets a deleted object.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    /// Forgets all objects but those to keep, after a new list. Returns the forgotten ones.
    pub fn retain(&self, keep: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let mut objects = self.lock();
        let gone: Vec<_> = objects.keys().filter(|key| !keep(key)).cloned().collect();
        for key in &gone {
            objects.remove(key);
        }
        gone
    }

    /// All names.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.lock().keys().cloned().collect()
    }

    /// The names of the objects that last failed for one of these reasons.
    pub fn failed_for(&self, reasons: &[Reason]) -> Vec<ObjectKey> {
        let objects = self.lock();
        let failed = objects
            .iter()
            .filter(|(_, known)| known.failed.is_some_and(|failed| reasons.contains(&failed)));
        failed.map(|(key, _)| key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, SealedSecretEntry>> {
        self.objects.lock().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        runtime::secret::SecretObject,
        sealed::status::{Outcome, next},
    };

    fn mac_key() -> MacKey {
        MacKey::from_bytes(&[3; 32]).unwrap()
    }

    fn sealed(annotations: Value) -> SealedSecret {
        serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "s", "uid": "u1", "generation": 1 },
            "spec": { "encryptedData": { "A": "x" },
                      "template": { "metadata": { "labels": { "l": "1" }, "annotations": annotations } } },
        }))
        .unwrap()
    }

    /// A Secret that the object made, with these changes.
    fn seen(change: impl FnOnce(&mut Value)) -> SecretSnapshot {
        let mut secret = json!({
            "metadata": {
                "namespace": "n", "name": "s", "resourceVersion": "5", "labels": { "l": "1" },
                "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                                      "name": "s", "uid": "u1", "controller": true }],
            },
            "type": "Opaque",
            "data": { "A": "MQ==" },
        });
        change(&mut secret);
        let secret: SecretObject = serde_json::from_value(secret).unwrap();
        SecretSnapshot::of(&mac_key(), &secret)
    }

    /// The object after a successful pass.
    fn settled() -> SealedSecretEntry {
        let sealed = sealed(json!({}));
        let mut known = SealedSecretEntry::of(&mac_key(), &sealed);
        let content = seen(|_| {}).content;
        let record = Record { keys: vec![], inputs: known.inputs, content };
        let now = jiff::Timestamp::UNIX_EPOCH;
        known.status = next(&known.status, 1, Outcome::Synced(&record), now).unwrap();
        known.applied = Some(record);
        known
    }

    fn state(known: &SealedSecretEntry, seen: &SecretSnapshot) -> SyncState {
        known.state(Some(seen), &KeyRing::default())
    }

    #[test]
    fn an_unchanged_pair_is_settled() {
        assert_eq!(state(&settled(), &seen(|_| {})), SyncState::InSync);
        let others = seen(|secret| secret["metadata"]["labels"]["other"] = json!("x"));
        assert_eq!(state(&settled(), &others), SyncState::InSync);
    }

    #[test]
    fn whatever_differs_in_the_secret_unsettles() {
        for change in [
            (|secret| secret["data"]["A"] = json!("Mg==")) as fn(&mut Value),
            |secret| secret["data"]["B"] = json!(""),
            |secret| secret["type"] = json!("x/y"),
            |secret| secret["immutable"] = json!(true),
            |secret| secret["metadata"]["labels"]["l"] = json!("2"),
            |secret| secret["metadata"]["ownerReferences"] = json!([]),
            |secret| secret["metadata"]["ownerReferences"][0]["uid"] = json!("u2"),
        ] {
            assert_eq!(state(&settled(), &seen(change)), SyncState::OutOfSync);
        }
        assert_eq!(settled().state(None, &KeyRing::default()), SyncState::OutOfSync);
    }

    #[test]
    fn whatever_differs_in_the_object_unsettles() {
        let mut known = settled();
        known.applied = None;
        assert_eq!(state(&known, &seen(|_| {})), SyncState::OutOfSync);
        let other = SealedSecretEntry {
            applied: settled().applied,
            ..SealedSecretEntry::of(&mac_key(), &sealed(json!({ "a": "b" })))
        };
        assert_eq!(state(&other, &seen(|_| {})), SyncState::OutOfSync);
    }

    /// Revocation must be seen although nothing else changed.
    #[test]
    fn a_key_that_is_no_longer_active_unsettles() {
        let mut known = settled();
        known.applied.as_mut().unwrap().keys = vec![crate::keys::KeyId::from_text("gone")];
        assert_eq!(state(&known, &seen(|_| {})), SyncState::OutOfSync);
    }

    #[test]
    fn a_status_that_does_not_say_so_is_only_written_again() {
        let mut known = settled();
        known.generation = 2;
        assert_eq!(state(&known, &seen(|_| {})), SyncState::StatusStale);
        let mut known = settled();
        known.status.conditions.clear();
        assert_eq!(state(&known, &seen(|_| {})), SyncState::StatusStale);
        let mut known = settled();
        known.status.fingerprint = None;
        assert_eq!(state(&known, &seen(|_| {})), SyncState::StatusStale);
        known.prunes_record = true;
        assert_eq!(state(&known, &seen(|_| {})), SyncState::InSync);
    }

    /// A tenant may write the status: a record of another object, or of before, must not count.
    #[test]
    fn a_record_of_another_object_unsettles() {
        let mut known = settled();
        let mut other = sealed(json!({}));
        other.metadata.uid = Some("u2".into());
        let inputs = inputs(&mac_key(), &other);
        known.applied = Some(Record { inputs, ..known.applied.unwrap() });
        assert_eq!(state(&known, &seen(|_| {})), SyncState::OutOfSync);
    }

    #[test]
    fn the_object_is_kept_only_until_it_is_taken() {
        let index = SealedIndex::new(Arc::new(mac_key()));
        let object = Arc::new(sealed(json!({})));
        let key = ObjectKey::of(&object.metadata);
        assert!(index.note(&object));
        assert!(!index.note(&object), "nothing changed");
        assert!(index.take_pending(&key).is_some());
        assert!(index.take_pending(&key).is_none());
        assert!(index.note(&Arc::new(sealed(json!({ "a": "b" })))));
        assert!(index.take_pending(&key).is_some());
    }

    #[test]
    fn an_event_older_than_what_is_known_changes_nothing() {
        let index = SealedIndex::new(Arc::new(mac_key()));
        let at = |version: &str, value: &str| {
            let mut object = sealed(json!({}));
            object.metadata.resource_version = Some(version.into());
            object.spec.encrypted_data.insert("A".into(), value.into());
            Arc::new(object)
        };
        assert!(index.note(&at("9", "new")));
        let key = ObjectKey::of(&at("9", "new").metadata);
        assert!(!index.note(&at("8", "old")));
        assert_eq!(index.take_pending(&key).unwrap().spec.encrypted_data["A"], "new");
        let replaced = Arc::new(SealedSecret {
            metadata: kube::api::ObjectMeta {
                uid: Some("u2".into()),
                ..at("7", "").metadata.clone()
            },
            ..SealedSecret::clone(&at("7", "other"))
        });
        assert!(index.note(&replaced), "another object of that name");
    }

    #[test]
    fn a_quarrel_over_a_secret_is_slowed_down_and_not_given_up() {
        let mut known = settled();
        let start = Instant::now();
        for _ in 0..AT_ONCE {
            known.repaired(start);
            assert_eq!(known.calm(), Duration::ZERO);
        }
        known.repaired(start);
        assert_eq!(known.calm(), Duration::from_secs(2));
        (0..50).for_each(|_| known.repaired(start));
        assert_eq!(known.calm(), Duration::from_secs(64));
        known.repaired(start + QUARREL);
        assert_eq!(known.calm(), Duration::ZERO);
    }
}
