//! What is known of the ExternalSecrets.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crds::{ExternalSecret, ExternalSecretStatus};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{store::StoreKey, versions::Versions};
use crate::target::data_hash;
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::api::version_of,
    target::{SecretSnapshot, fingerprint::Mac},
};

/// Changes that are closer together than this are a quarrel.
const QUARREL: Duration = Duration::from_mins(5);

/// One ExternalSecret.
#[derive(Clone)]
pub struct ExternalSecretEntry {
    /// The object, without what others wrote where.
    pub object: Arc<ExternalSecret>,
    /// Its version as External Secrets tells it.
    pub current: String,
    /// The version of the object that the Secret was made for.
    pub synced: Option<String>,
    /// The status as it is in the API server.
    pub status: Arc<ExternalSecretStatus>,
    /// When its values were last read: by the status, or later by this process.
    pub refreshed: Option<Timestamp>,
    /// Whether it was this process that read them.
    pub is_own: bool,
    /// What was read.
    pub versions: Versions,
    /// The MAC of the Secret as it was written, where it bears no hash.
    pub fingerprint: Option<String>,
    /// What the Secret was like when the last refresh left it alone, by policy; none within: not there.
    pub left: Option<Option<Mac>>,
    /// Why it is not in sync, by this process.
    pub failed: Option<Reason>,
    /// How often it has failed since it last was in sync.
    pub attempts: u32,
    /// When its Secret was last changed, and how often within a short time before.
    mends: Option<(Instant, u32)>,
    /// By [`version_of`].
    version: u64,
}

/// All of them.
#[derive(Default)]
pub struct ExternalIndex(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    objects: HashMap<ObjectKey, ExternalSecretEntry>,
    /// Which objects write a Secret of this name.
    targets: HashMap<ObjectKey, BTreeSet<String>>,
}

impl ExternalSecretEntry {
    fn of(mut object: ExternalSecret) -> Self {
        let version = version_of(&object.metadata);
        let current = data_hash::version(&object.metadata);
        let status = object.status.take().unwrap_or_default();
        object.metadata.managed_fields = None;
        Self {
            current,
            synced: status.synced_resource_version.clone().filter(|synced| !synced.is_empty()),
            refreshed: status.refresh_time.as_deref().and_then(|time| time.parse().ok()),
            is_own: false,
            versions: Versions::parse(&status.versions),
            fingerprint: status.fingerprint.clone(),
            left: None,
            status: Arc::new(status),
            failed: None,
            attempts: 0,
            mends: None,
            version,
            object: Arc::new(object),
        }
    }

    /// The uid.
    pub fn uid(&self) -> &str {
        self.object.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The Secret was changed.
    pub fn mended(&mut self, now: Instant) {
        let before = self.mends.filter(|(at, _)| now.duration_since(*at) < QUARREL);
        self.mends = Some((now, before.map_or(0, |(_, count)| count.saturating_add(1))));
    }

    /// How long to wait until the Secret is put right: at once, but ever longer when somebody else
    /// changes it again and again.
    pub fn calm(&self, first: Duration) -> Duration {
        let recent = self.mends.filter(|(at, _)| at.elapsed() < QUARREL);
        match recent {
            None | Some((_, 0)) => Duration::ZERO,
            Some((_, count)) => first.saturating_mul(1 << count.min(8)),
        }
    }

    /// Whether the Secret is as the last refresh has left it.
    pub fn is_left(&self, seen: Option<&SecretSnapshot>) -> bool {
        self.left.as_ref().is_some_and(|left| left.as_ref() == seen.map(|seen| &seen.content))
    }

    /// The status was written.
    pub fn noted(&mut self, status: Arc<ExternalSecretStatus>, version: u64) {
        self.status = status;
        self.version = self.version.max(version);
    }

    /// The Secret.
    pub fn target(&self) -> ObjectKey {
        target(&self.object)
    }
}

fn target(object: &ExternalSecret) -> ObjectKey {
    ObjectKey {
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.target_name().to_owned(),
    }
}

impl ExternalIndex {
    /// What is known of an object.
    pub fn get(&self, key: &ObjectKey) -> Option<ExternalSecretEntry> {
        self.lock().objects.get(key).cloned()
    }

    /// Notes an object as a watch gives it. True when there is something to do.
    pub fn note(&self, object: ExternalSecret) -> bool {
        let key = ObjectKey::of(&object.metadata);
        let mut new = ExternalSecretEntry::of(object);
        let mut inner = self.lock();
        if let Some(old) = inner.objects.get(&key) {
            if old.version > new.version {
                return false;
            }
            if old.uid() == new.uid() {
                // What this process knows goes beyond what the status tells.
                new.is_own = old.is_own && old.refreshed >= new.refreshed;
                new.refreshed = new.refreshed.max(old.refreshed);
                new.synced = old.synced.clone().or(new.synced);
                new.versions = old.versions.clone();
                new.fingerprint = old.fingerprint.clone().or(new.fingerprint);
                new.left.clone_from(&old.left);
                let same = old.current == new.current
                    && old.object.metadata.deletion_timestamp.is_some()
                        == new.object.metadata.deletion_timestamp.is_some();
                if same {
                    (new.failed, new.attempts) = (old.failed, old.attempts);
                    new.mends = old.mends;
                    inner.objects.insert(key, new);
                    return false;
                }
            }
        }
        inner.untarget(&key);
        inner.targets.entry(new.target()).or_default().insert(key.name.clone());
        inner.objects.insert(key, new);
        true
    }

    /// Changes what is known of an object with this uid.
    pub fn update(
        &self,
        key: &ObjectKey,
        uid: &str,
        change: impl FnOnce(&mut ExternalSecretEntry),
    ) {
        if let Some(known) = self.lock().objects.get_mut(key).filter(|known| known.uid() == uid) {
            change(known);
        }
    }

    /// Forgets an object.
    pub fn forget(&self, key: &ObjectKey) {
        let mut inner = self.lock();
        inner.untarget(key);
        inner.objects.remove(key);
    }

    /// Forgets all but those to keep, and returns them.
    pub fn retain(&self, keep: impl Fn(&ObjectKey) -> bool) -> Vec<ObjectKey> {
        let mut inner = self.lock();
        let gone: Vec<_> = inner.objects.keys().filter(|key| !keep(key)).cloned().collect();
        for key in &gone {
            inner.untarget(key);
            inner.objects.remove(key);
        }
        gone
    }

    /// The objects that write this Secret.
    pub fn of_target(&self, secret: &ObjectKey) -> Vec<ObjectKey> {
        let inner = self.lock();
        let names = inner.targets.get(secret).into_iter().flatten();
        let key =
            |name: &String| ObjectKey { namespace: secret.namespace.clone(), name: name.clone() };
        names.map(key).collect()
    }

    /// The objects that read from this store.
    pub fn of_store(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.reading(store, |_| true)
    }

    /// The objects that read from this store and are not in sync.
    pub fn waiting_for(&self, store: &StoreKey) -> Vec<ObjectKey> {
        self.reading(store, |known| known.failed.is_some() || known.synced.is_none())
    }

    fn reading(
        &self,
        store: &StoreKey,
        is_meant: impl Fn(&ExternalSecretEntry) -> bool,
    ) -> Vec<ObjectKey> {
        let inner = self.lock();
        let reads = |(key, known): &(&ObjectKey, &ExternalSecretEntry)| {
            let mut stores = known.object.stores();
            is_meant(known)
                && stores.any(|reference| StoreKey::of(reference, &key.namespace) == *store)
        };
        inner.objects.iter().filter(reads).map(|(key, _)| key.clone()).collect()
    }

    /// The names of all objects.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.lock().objects.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn untarget(&mut self, key: &ObjectKey) {
        let Some(known) = self.objects.get(key) else { return };
        let target = known.target();
        if let Some(names) = self.targets.get_mut(&target) {
            names.remove(&key.name);
            if names.is_empty() {
                self.targets.remove(&target);
            }
        }
    }
}
