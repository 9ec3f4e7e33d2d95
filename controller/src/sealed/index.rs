//! All SealedSecrets that the watch has reported, with the state that the controller keeps for each. It
//! does not include the items.

use std::{collections::hash_map::Entry, sync::Arc, time::Duration};

use crds::{SealedSecret, SealedSecretStatus, sealed_secret::TemplateMetadata};
use tokio::time::Instant;

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

/// How repairs slow down when somebody keeps undoing them.
const REPAIR_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(2),
    immediate_repairs: 5,
    first_delay: Duration::from_secs(2),
    max_delay: Duration::from_secs(64),
};

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
    /// The CRD in the cluster has no field for the record.
    pub(crate) prunes_record: bool,
    /// Writes over what others had changed.
    pub(super) repairs: Repairs,
    /// The object itself, until it is synced.
    pub(super) pending: Option<Arc<SealedSecret>>,
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

    /// Clears the failure: a later change of the Secret leads to a reconcile again.
    pub(crate) fn record_recovery(&mut self) {
        self.failed = None;
        self.attempts = 0;
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
    /// Takes an object in. True when it is new, or changed in what decides its Secret: then an
    /// earlier failure no longer counts. An event that is older than what was read or written since
    /// is skipped, since it would bring the earlier Secret back.
    pub(crate) fn upsert(&self, mac_key: &MacKey, sealed: &Arc<SealedSecret>) -> bool {
        let mut new = SealedSecretEntry::of(mac_key, sealed);
        new.pending = Some(sealed.clone());
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
                if !is_changed {
                    new.failed = old.failed;
                    new.attempts = old.attempts;
                    new.pending = old.pending.take();
                }
                *old = new;
                is_changed
            }
            entry => {
                entry.insert_entry(new);
                true
            }
        })
    }

    /// Takes the object itself, if the watch reported it and nobody took it yet.
    pub(crate) fn take_pending(&self, key: &ObjectKey) -> Option<Arc<SealedSecret>> {
        self.entry(key.clone(), |entry| match entry {
            Entry::Occupied(mut entry) => entry.get_mut().pending.take(),
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
        index.upsert(&MacKey::from_bytes(&[3; 32]).unwrap(), object)
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
