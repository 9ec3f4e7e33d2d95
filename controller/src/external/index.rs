//! The ExternalSecrets, with what this process remembers of their refreshes.

use std::{
    collections::{BTreeSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use crds::{ExternalSecret, ExternalSecretStatus, external_secret::condition};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{census::Census, looks::Looks, names::NameIndex, store::StoreKey, versions::Versions};
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::{ConflictBackoff, Indexed, Mac, ObjectIndex, Repairs, version_of},
    target::{SecretSnapshot, data_hash},
};

/// How repairs slow down when another writer changes the Secret again and again.
const REPAIR_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(5),
    immediate_repairs: 1,
    first_delay: Duration::from_secs(2),
    max_delay: Duration::from_secs(256),
};

/// The reason of `Ready` while the Secret that the object merges into is missing.
pub(super) const MISSING: &str = "SecretMissing";

#[derive(Clone)]
pub(crate) struct ExternalSecretEntry {
    pub(super) key: ObjectKey,
    /// Without status and managed fields.
    pub(super) object: Arc<ExternalSecret>,
    pub(super) status: Arc<ExternalSecretStatus>,
    /// Generation, labels and annotations, as External Secrets records them in the status.
    pub(super) current: String,
    /// The same of the object that the Secret was made for.
    pub(super) synced: Option<String>,
    /// When the values were last read, by the status or by this process.
    pub(super) refreshed: Option<Timestamp>,
    pub(super) read_by_this_process: bool,
    /// When AWS was last seen to have the applied versions, after the last read.
    pub(super) checked: Option<Timestamp>,
    pub(super) versions: Versions,
    /// The MAC of the Secret as it was written, if the Secret has no annotation with a hash.
    pub(super) fingerprint: Option<String>,
    /// The Secret when the last refresh left it unchanged by policy.
    pub(super) left_as: Option<SecretState>,
    /// Why the last refresh of this process failed.
    pub(super) failed: Option<Reason>,
    /// How many refreshes failed since the last that did not.
    pub(super) attempts: u32,
    pub(super) looks: Looks,
    repairs: Repairs,
    pub(super) resource_version: u64,
}

/// The state of a Secret by which the controller detects a later change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SecretState {
    Missing,
    Present(Mac),
}

impl SecretState {
    pub(super) fn of(secret: Option<&SecretSnapshot>) -> Self {
        secret.map_or(Self::Missing, |secret| Self::Present(secret.content))
    }
}

/// The objects, and by Secret the names of those that write it. `entries` is locked first.
#[derive(Default)]
pub(crate) struct ExternalIndex {
    pub(super) entries: ObjectIndex<ObjectKey, ExternalSecretEntry>,
    by_target: ObjectIndex<ObjectKey, BTreeSet<String>>,
    pub(super) census: Census,
    pub(super) names: NameIndex,
}

impl ExternalSecretEntry {
    pub(super) fn of(mut object: ExternalSecret) -> Self {
        let resource_version = version_of(&object.metadata);
        let current = data_hash::version(&object.metadata);
        let status = object.status.take().unwrap_or_default();
        object.metadata.managed_fields = None;
        Self {
            key: ObjectKey::of(&object.metadata),
            current,
            synced: status.synced_resource_version.clone().filter(|synced| !synced.is_empty()),
            refreshed: status.refresh_time.as_deref().and_then(|time| time.parse().ok()),
            read_by_this_process: false,
            checked: None,
            versions: Versions::parse(&status.versions),
            fingerprint: status.fingerprint.clone(),
            left_as: None,
            status: Arc::new(status),
            failed: None,
            attempts: 0,
            looks: Looks::default(),
            repairs: Repairs::default(),
            resource_version,
            object: Arc::new(object),
        }
    }

    pub(super) fn target(&self) -> ObjectKey {
        let name = self.object.target_name().to_owned();
        ObjectKey { namespace: self.key.namespace.clone(), name }
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether a Secret is as it was written, by the hash that it bears or else by the fingerprint.
    pub(super) fn is_as_written(&self, secret: &SecretSnapshot) -> bool {
        let is_fingerprint = |known: &String| *known == secret.content.to_string();
        let matches = secret.data_hash_matches;
        // The Secret appeared after the last refresh, and the hash is that of its creator.
        let ready = condition(&self.status.conditions, "Ready");
        let was_missing = ready.is_some_and(|ready| ready.reason.as_deref() == Some(MISSING));
        !was_missing
            && secret.has_external_secrets_label
            && matches.unwrap_or_else(|| self.fingerprint.as_ref().is_some_and(is_fingerprint))
    }

    /// Whether the last refresh left the Secret unchanged by policy, and it has not changed since.
    pub(super) fn was_left_as(&self, secret: Option<&SecretSnapshot>) -> bool {
        self.left_as == Some(SecretState::of(secret))
    }

    pub(super) fn record_repair(&mut self) {
        self.repairs.record(REPAIR_BACKOFF, Instant::now());
    }

    pub(super) fn repair_delay(&self) -> Duration {
        self.repairs.delay(REPAIR_BACKOFF, Instant::now())
    }

    /// The progress of this process, which was a standby, no longer counts: another one led.
    pub(super) fn follow_status(&mut self) {
        let object = ExternalSecret {
            status: Some(ExternalSecretStatus::clone(&self.status)),
            ..ExternalSecret::clone(&self.object)
        };
        let resource_version = self.resource_version;
        *self = Self { resource_version, ..Self::of(object) };
    }

    /// Keeps what this process remembers of the same object. True if the object changed: then its
    /// failures no longer count.
    fn keep_progress(&mut self, old: &Self) -> bool {
        self.read_by_this_process = old.read_by_this_process && old.refreshed >= self.refreshed;
        self.refreshed = self.refreshed.max(old.refreshed);
        self.checked = old.checked;
        self.synced = old.synced.clone().or_else(|| self.synced.take());
        self.versions = old.versions.clone();
        self.looks = old.looks.clone();
        self.fingerprint = old.fingerprint.clone().or_else(|| self.fingerprint.take());
        self.left_as = old.left_as;
        let is_changed = old.current != self.current || old.is_deleting() != self.is_deleting();
        if !is_changed {
            (self.failed, self.attempts, self.repairs) = (old.failed, old.attempts, old.repairs);
        }
        is_changed
    }

    /// When the values were last read, or seen to be unchanged.
    pub(super) fn proved(&self) -> Option<Timestamp> {
        self.checked.or(self.refreshed)
    }

    pub(super) fn stores(&self) -> impl Iterator<Item = StoreKey> {
        self.object.stores().map(|store| StoreKey::of(store, &self.key.namespace))
    }
}

impl Indexed for ExternalSecretEntry {
    fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }
}

impl ExternalIndex {
    /// Stores an object that a watch delivered. True if it needs a reconcile.
    pub(super) fn upsert(&self, object: ExternalSecret) -> bool {
        let mut new = ExternalSecretEntry::of(object);
        self.entries.entry(new.key.clone(), |entry| {
            if let Entry::Occupied(old) = &entry {
                let old = old.get();
                if old.resource_version > new.resource_version {
                    return false;
                }
                self.census.remove(&old.object);
                self.census.add(&new.object);
                if old.uid() == new.uid() && !new.keep_progress(old) {
                    entry.insert_entry(new);
                    return false;
                }
                self.by_target.remove_from(old.target(), &old.key.name);
                self.names.remove(&old.key, &old.object);
            } else {
                self.census.add(&new.object);
            }
            self.by_target.insert_into(new.target(), new.key.name.clone());
            self.names.insert(&new.key, &new.object);
            entry.insert_entry(new);
            true
        })
    }

    pub(super) fn remove(&self, key: &ObjectKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_target.remove_from(entry.target(), &key.name);
            self.census.remove(&entry.object);
            self.names.remove(key, &entry.object);
        }
    }

    pub(super) fn of_target(&self, secret: &ObjectKey) -> Vec<ObjectKey> {
        let names = self.by_target.get(secret).unwrap_or_default().into_iter();
        names.map(|name| ObjectKey { namespace: secret.namespace.clone(), name }).collect()
    }

    pub(super) fn of_store(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.entries.keys_where(|_, entry| entry.stores().any(|named| named == *store))
    }

    /// The objects that read from this store and are out of sync.
    pub(super) fn waiting_for(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.entries.keys_where(|_, entry| {
            let is_waiting = entry.failed.is_some() || entry.synced.is_none();
            is_waiting && entry.stores().any(|named| named == *store)
        })
    }
}
