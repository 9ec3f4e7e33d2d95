//! The ExternalSecrets, with what this process remembers of their refreshes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crds::{ExternalSecret, ExternalSecretStatus};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{store::StoreKey, versions::Versions};
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::{api::version_of, mac::Mac},
    target::{SecretSnapshot, data_hash},
};

/// Repairs that are closer together than this are a fight with another writer.
const FIGHT_WINDOW: Duration = Duration::from_mins(5);
/// The delay of the second repair in a fight. It doubles with each further one.
pub(super) const CONFLICT_BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// One ExternalSecret.
#[derive(Clone)]
pub(crate) struct ExternalSecretEntry {
    /// Without status and managed fields.
    pub(super) object: Arc<ExternalSecret>,
    /// The status in the API server.
    pub(super) status: Arc<ExternalSecretStatus>,
    /// Generation, labels and annotations, as External Secrets records them in the status.
    pub(super) current: String,
    /// The same of the object that the Secret was made for.
    pub(super) synced: Option<String>,
    /// When the values were last read, by the status or by this process.
    pub(super) refreshed: Option<Timestamp>,
    pub(super) read_by_this_process: bool,
    pub(super) versions: Versions,
    /// The MAC of the Secret as it was written, if the Secret has no annotation with a hash.
    pub(super) fingerprint: Option<String>,
    /// The Secret when the last refresh left it alone by policy.
    pub(super) left_as: Option<SecretState>,
    /// Why the last refresh of this process failed.
    pub(super) failed: Option<Reason>,
    /// How many refreshes failed since the last that did not.
    pub(super) attempts: u32,
    /// When the Secret was last repaired, and how many repairs came shortly before.
    repairs: Option<(Instant, u32)>,
    resource_version: u64,
}

/// A Secret, as far as a later change can be told from it.
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

#[derive(Default)]
pub(crate) struct ExternalIndex(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    objects: HashMap<ObjectKey, ExternalSecretEntry>,
    /// The names of the objects that write this Secret.
    by_target: HashMap<ObjectKey, BTreeSet<String>>,
}

impl ExternalSecretEntry {
    pub(super) fn of(mut object: ExternalSecret) -> Self {
        let resource_version = version_of(&object.metadata);
        let current = data_hash::version(&object.metadata);
        let status = object.status.take().unwrap_or_default();
        object.metadata.managed_fields = None;
        Self {
            current,
            synced: status.synced_resource_version.clone().filter(|synced| !synced.is_empty()),
            refreshed: status.refresh_time.as_deref().and_then(|time| time.parse().ok()),
            read_by_this_process: false,
            versions: Versions::parse(&status.versions),
            fingerprint: status.fingerprint.clone(),
            left_as: None,
            status: Arc::new(status),
            failed: None,
            attempts: 0,
            repairs: None,
            resource_version,
            object: Arc::new(object),
        }
    }

    pub(super) fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The Secret that this object writes.
    pub(super) fn target(&self) -> ObjectKey {
        ObjectKey {
            namespace: self.object.metadata.namespace.clone().unwrap_or_default(),
            name: self.object.target_name().to_owned(),
        }
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether the last refresh left the Secret alone, and it has not changed since.
    pub(super) fn was_left_as(&self, secret: Option<&SecretSnapshot>) -> bool {
        self.left_as == Some(SecretState::of(secret))
    }

    /// Records that the Secret was changed back.
    pub(super) fn record_repair(&mut self, now: Instant) {
        let before = self.repairs.filter(|(at, _)| now.duration_since(*at) < FIGHT_WINDOW);
        self.repairs = Some((now, before.map_or(0, |(_, count)| count.saturating_add(1))));
    }

    /// The delay of the next repair: none, unless another writer changes the Secret again and again.
    pub(super) fn conflict_backoff(&self, now: Instant) -> Duration {
        let recent = self.repairs.filter(|(at, _)| now.duration_since(*at) < FIGHT_WINDOW);
        match recent {
            None | Some((_, 0)) => Duration::ZERO,
            Some((_, count)) => CONFLICT_BACKOFF_FIRST.saturating_mul(1 << count.min(8)),
        }
    }

    /// Records the status that the API server has now.
    pub(super) fn record_status(&mut self, status: Arc<ExternalSecretStatus>, version: u64) {
        self.status = status;
        self.resource_version = self.resource_version.max(version);
    }

    /// Takes over what this process remembers of the same object.
    fn remember(&mut self, old: &Self) {
        self.read_by_this_process = old.read_by_this_process && old.refreshed >= self.refreshed;
        self.refreshed = self.refreshed.max(old.refreshed);
        self.synced = old.synced.clone().or_else(|| self.synced.take());
        self.versions = old.versions.clone();
        self.fingerprint = old.fingerprint.clone().or_else(|| self.fingerprint.take());
        self.left_as = old.left_as;
    }
}

/// Whether a Secret is as it was written, by the hash that it bears or else by this fingerprint.
pub(super) fn is_as_written(secret: &SecretSnapshot, fingerprint: Option<&str>) -> bool {
    match secret.data_hash_matches {
        _ if !secret.has_external_secrets_label => false,
        Some(matches) => matches,
        None => fingerprint.is_some_and(|fingerprint| fingerprint == secret.content.to_string()),
    }
}

impl ExternalIndex {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<ExternalSecretEntry> {
        self.lock().objects.get(key).cloned()
    }

    /// Stores an object that a watch delivered. True if it needs a reconcile.
    pub(super) fn upsert(&self, object: ExternalSecret) -> bool {
        let key = ObjectKey::of(&object.metadata);
        let mut new = ExternalSecretEntry::of(object);
        let mut inner = self.lock();
        if let Some(old) = inner.objects.get(&key) {
            if old.resource_version > new.resource_version {
                return false;
            }
            if old.uid() == new.uid() {
                new.remember(old);
                if old.current == new.current && old.is_deleting() == new.is_deleting() {
                    (new.failed, new.attempts) = (old.failed, old.attempts);
                    new.repairs = old.repairs;
                    inner.objects.insert(key, new);
                    return false;
                }
            }
        }
        inner.remove_target(&key);
        inner.by_target.entry(new.target()).or_default().insert(key.name.clone());
        inner.objects.insert(key, new);
        true
    }

    /// Changes the entry of the object with this uid.
    pub(super) fn update(
        &self,
        key: &ObjectKey,
        uid: &str,
        change: impl FnOnce(&mut ExternalSecretEntry),
    ) {
        if let Some(entry) = self.lock().objects.get_mut(key).filter(|entry| entry.uid() == uid) {
            change(entry);
        }
    }

    pub(super) fn remove(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    /// Removes all but those to keep, and returns the removed ones.
    pub(super) fn retain(&self, keep: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let mut inner = self.lock();
        let gone: Vec<_> = inner.objects.keys().filter(|key| !keep(key)).cloned().collect();
        for key in &gone {
            inner.remove(key);
        }
        gone
    }

    /// The objects that write this Secret.
    pub(super) fn of_target(&self, secret: &ObjectKey) -> Vec<ObjectKey> {
        let inner = self.lock();
        let names = inner.by_target.get(secret).into_iter().flatten();
        let key =
            |name: &String| ObjectKey { namespace: secret.namespace.clone(), name: name.clone() };
        names.map(key).collect()
    }

    /// The objects that read from this store.
    pub(super) fn of_store(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.reading(store, |_| true)
    }

    /// The objects that read from this store and are out of sync.
    pub(super) fn waiting_for(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.reading(store, |entry| entry.failed.is_some() || entry.synced.is_none())
    }

    fn reading(
        &self,
        store: &StoreKey,
        filter: impl Fn(&ExternalSecretEntry) -> bool,
    ) -> Vec<ObjectKey> {
        let inner = self.lock();
        let reads = |(key, entry): &(&ObjectKey, &ExternalSecretEntry)| {
            let mut stores = entry.object.stores();
            filter(entry)
                && stores.any(|reference| StoreKey::of(reference, &key.namespace) == *store)
        };
        inner.objects.iter().filter(reads).map(|(key, _)| key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn remove(&mut self, key: &ObjectKey) {
        self.remove_target(key);
        self.objects.remove(key);
    }

    fn remove_target(&mut self, key: &ObjectKey) {
        let Some(entry) = self.objects.get(key) else { return };
        let target = entry.target();
        if let Some(names) = self.by_target.get_mut(&target) {
            names.remove(&key.name);
            if names.is_empty() {
                self.by_target.remove(&target);
            }
        }
    }
}
