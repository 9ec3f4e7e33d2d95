//! All SealedSecrets that the watch has reported, with the state that the controller keeps for each.
//! The state does not include the items.

use std::{collections::hash_map::Entry, sync::Arc, time::Duration};

use crds::{SealedSecret, SealedSecretStatus, sealed_secret::TemplateMetadata};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    prepare::wants_owner,
    record::{Record, inputs},
};
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::{ConflictBackoff, Indexed, Mac, MacKey, ObjectIndex, Repairs, version_of},
    target::snapshot::{MetadataMac, label_and_annotation_macs},
};

/// How repairs slow down while another writer keeps undoing them.
const REPAIR_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(2),
    immediate_repairs: 5,
    first_delay: Duration::from_secs(2),
    max_delay: Duration::from_secs(64),
};

/// The memory limit for all objects that wait for their first reconcile. At a start, all objects
/// may wait.
const MAX_PENDING_BYTES: usize = 8 << 20;
/// A larger object is read again for its reconcile.
const MAX_PENDING_OBJECT_BYTES: usize = 64 << 10;

/// The budget for objects that are kept until they are synced. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PendingBudget(Arc<Semaphore>);

/// An object that waits, and its share of the budget.
#[derive(Debug)]
pub(super) struct Pending {
    object: Arc<SealedSecret>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Debug)]
pub(crate) struct SealedSecretEntry {
    pub(crate) uid: String,
    /// The [`version_of`] the object.
    pub(crate) version: u64,
    pub(crate) generation: i64,
    pub(crate) is_deleting: bool,
    pub(crate) wants_owner: bool,
    /// The MAC over everything that decides the Secret.
    pub(crate) inputs: Mac,
    /// The MACs of the template's labels and annotations.
    pub(crate) labels_and_annotations: Box<[MetadataMac]>,
    /// The status in the API server, as last seen or written.
    pub(crate) status: SealedSecretStatus,
    /// The record of the last sync. The status may not have it yet, or never: Bitnami's CRD prunes
    /// it.
    pub(crate) applied: Option<Record>,
    pub(crate) failed: Option<Reason>,
    /// Failures in a row.
    pub(crate) attempts: u32,
    /// Whether the CRD in the cluster has no field for the record.
    pub(crate) prunes_record: bool,
    /// Writes that reverted changes of other writers.
    pub(super) repairs: Repairs,
    /// The object itself, until it is synced, if it is small.
    pub(super) pending: Option<Arc<Pending>>,
}

impl Default for PendingBudget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_PENDING_BYTES)))
    }
}

impl PendingBudget {
    fn keep(&self, object: &Arc<SealedSecret>) -> Option<Arc<Pending>> {
        let bytes = u32::try_from(size(object).min(MAX_PENDING_OBJECT_BYTES + 1)).ok()?;
        let is_small = bytes as usize <= MAX_PENDING_OBJECT_BYTES;
        let permit = self.0.clone().try_acquire_many_owned(bytes).ok().filter(|_| is_small)?;
        Some(Arc::new(Pending { object: object.clone(), _permit: permit }))
    }
}

/// About the memory that an object takes.
fn size(object: &SealedSecret) -> usize {
    let (spec, metadata) = (&object.spec, &object.metadata);
    let items = spec.encrypted_data.iter().map(|(key, text)| key.len() + text.len());
    let template = spec.template.data.iter();
    let template = template.map(|(key, text)| key.len() + text.as_ref().map_or(0, String::len));
    let annotations = metadata.annotations.iter().flatten();
    let annotations = annotations.map(|(key, text)| key.len() + text.len());
    let legacy = spec.data.as_ref().map_or(0, String::len);
    items.chain(template).chain(annotations).sum::<usize>() + legacy + size_of::<SealedSecret>()
}

impl SealedSecretEntry {
    pub(crate) fn of(mac_key: &MacKey, sealed: &SealedSecret) -> Self {
        let metadata = &sealed.metadata;
        let TemplateMetadata { labels, annotations, .. } = &sealed.spec.template.metadata;
        let labels_and_annotations = label_and_annotation_macs(mac_key, labels, annotations);
        let status = sealed.status.clone().unwrap_or_default();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version_of(metadata),
            generation: metadata.generation.unwrap_or_default(),
            is_deleting: metadata.deletion_timestamp.is_some(),
            wants_owner: wants_owner(sealed),
            inputs: inputs(mac_key, sealed),
            labels_and_annotations,
            applied: status.fingerprint.as_deref().and_then(Record::parse),
            status,
            failed: None,
            attempts: 0,
            prunes_record: false,
            repairs: Repairs::default(),
            pending: None,
        }
    }

    pub(crate) fn status_reports(&self, record: &Record) -> bool {
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

    /// Clears the failure, so that a later change of the Secret causes a reconcile.
    pub(crate) fn record_recovery(&mut self) {
        self.failed = None;
        self.attempts = 0;
    }

    /// The progress of this process, which was a standby, no longer counts: another one led.
    pub(crate) fn follow_status(&mut self) {
        self.applied = self.status.fingerprint.as_deref().and_then(Record::parse);
    }

    pub(crate) fn record_repair(&mut self) {
        self.repairs.record(REPAIR_BACKOFF, Instant::now());
    }

    pub(crate) fn repair_delay(&self) -> Duration {
        self.repairs.delay(REPAIR_BACKOFF, Instant::now())
    }
}

impl Indexed for SealedSecretEntry {
    fn uid(&self) -> &str {
        &self.uid
    }
}

impl ObjectIndex<ObjectKey, SealedSecretEntry> {
    /// Adds or updates an object. True if it is new, or if its inputs changed, so that an earlier
    /// failure no longer counts. Skips an event that is older than a later read or write: it would
    /// restore the earlier Secret.
    pub(crate) fn upsert(
        &self,
        mac_key: &MacKey,
        budget: &PendingBudget,
        sealed: &Arc<SealedSecret>,
    ) -> bool {
        let mut new = SealedSecretEntry::of(mac_key, sealed);
        let keep = |new: &SealedSecretEntry| {
            // With a record of the same inputs it is in sync, unless its Secret changed.
            let is_recorded =
                new.applied.as_ref().is_some_and(|record| record.inputs == new.inputs);
            if is_recorded { None } else { budget.keep(sealed) }
        };
        self.entry(ObjectKey::of(&sealed.metadata), |entry| match entry {
            Entry::Occupied(mut old) if old.get().uid == new.uid => {
                let old = old.get_mut();
                if old.version > new.version {
                    return false;
                }
                // The progress of this process on the same object.
                new.applied = old.applied.take().or(new.applied);
                new.prunes_record = old.prunes_record;
                new.repairs = old.repairs;
                let is_changed = old.inputs != new.inputs || old.generation != new.generation;
                if is_changed {
                    old.pending = None;
                    new.pending = keep(&new);
                } else {
                    new.failed = old.failed;
                    new.attempts = old.attempts;
                    new.pending = old.pending.take();
                }
                *old = new;
                is_changed
            }
            entry => {
                new.pending = keep(&new);
                entry.insert_entry(new);
                true
            }
        })
    }

    /// Takes the object itself, if the index still keeps it.
    pub(crate) fn take_pending(&self, key: &ObjectKey) -> Option<Arc<SealedSecret>> {
        self.entry(key.clone(), |entry| match entry {
            Entry::Occupied(mut entry) => {
                entry.get_mut().pending.take().map(|pending| pending.object.clone())
            }
            Entry::Vacant(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;
    use serde_json::json;

    use super::*;

    fn upsert(
        index: &ObjectIndex<ObjectKey, SealedSecretEntry>,
        object: &Arc<SealedSecret>,
    ) -> bool {
        index.upsert(&MacKey::from_bytes(&[3; 32]).unwrap(), &PendingBudget::default(), object)
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
        let index = ObjectIndex::default();
        let key = ObjectKey::of(&sealed("1", "x").metadata);
        assert!(upsert(&index, &sealed("1", "x")));
        assert!(!upsert(&index, &sealed("1", "x")), "nothing changed");
        assert!(index.take_pending(&key).is_some());
        assert!(index.take_pending(&key).is_none());
        assert!(upsert(&index, &sealed("2", "y")));
        assert!(index.take_pending(&key).is_some());
    }

    /// At a start, all objects in the cluster may be out of sync.
    #[test]
    fn waiting_objects_take_eight_mebibytes_at_most() {
        let (index, budget) = (ObjectIndex::default(), PendingBudget::default());
        let mac_key = MacKey::from_bytes(&[3; 32]).unwrap();
        let value = "x".repeat(10 << 10);
        let objects: Vec<_> = (0..1000)
            .map(|number| {
                let mut object = SealedSecret::clone(&sealed("1", &value));
                object.metadata.name = Some(format!("s{number}"));
                Arc::new(object)
            })
            .collect();
        for object in &objects {
            assert!(index.upsert(&mac_key, &budget, object));
        }
        let keys = objects.iter().map(|object| ObjectKey::of(&object.metadata));
        let kept = keys.filter_map(|key| index.take_pending(&key)).count();
        assert!((500..820).contains(&kept), "{kept}");
        assert!(index.upsert(&mac_key, &budget, &sealed("1", &value)));
        assert!(index.take_pending(&ObjectKey::of(&sealed("1", "").metadata)).is_some());
        let large = sealed("2", &"x".repeat(65 << 10));
        assert!(index.upsert(&mac_key, &budget, &large));
        assert!(index.take_pending(&ObjectKey::of(&large.metadata)).is_none());
    }

    #[test]
    fn new_leader_counts_the_record_of_the_last_one() {
        let index = ObjectIndex::default();
        let object = |version: &str, record: &Record| {
            let mut object = SealedSecret::clone(&sealed(version, "x"));
            let fingerprint = Some(record.to_string());
            object.status =
                Some(SealedSecretStatus { fingerprint, ..SealedSecretStatus::default() });
            Arc::new(object)
        };
        let record = |byte| {
            let mac = || Mac::from_bytes([byte; 32]);
            Record { keys: Vec::new(), inputs: mac(), content: mac() }
        };
        let [old, new] = [1, 2].map(record);
        upsert(&index, &object("1", &old));
        upsert(&index, &object("2", &new));
        let key = ObjectKey::of(&sealed("1", "x").metadata);
        let applied = || index.get(&key).and_then(|entry| entry.applied);
        assert_eq!(
            applied(),
            Some(old),
            "a lagging status does not undo the progress of this process"
        );
        index.change_each(SealedSecretEntry::follow_status);
        assert_eq!(applied(), Some(new));
    }

    #[test]
    fn stale_event_changes_nothing() {
        let index = ObjectIndex::default();
        assert!(upsert(&index, &sealed("9", "new")));
        assert!(!upsert(&index, &sealed("8", "old")));
        let key = ObjectKey::of(&sealed("9", "new").metadata);
        assert_eq!(index.take_pending(&key).unwrap().spec.encrypted_data["A"], "new");
        let old = sealed("7", "other");
        let replaced = Arc::new(SealedSecret {
            metadata: ObjectMeta { uid: Some("u2".into()), ..old.metadata.clone() },
            ..SealedSecret::clone(&old)
        });
        assert!(upsert(&index, &replaced), "another object of that name");
    }
}
