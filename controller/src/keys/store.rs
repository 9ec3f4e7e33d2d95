//! The key Secrets as they are now, and the ring of their keys.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use anyhow::anyhow;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    by_secret::{ActiveKeys, KeySource, KeysBySecret, Removals, known},
    key_secret::{KeySettings, is_active, load},
    metrics::{KeyCollector, PrivateKeyOperations},
    plan::KnownKeys,
    ring::{KeyRing, LoadedKey},
};
use crate::runtime::{KEY_LABEL, Lenient, SecretObject, Watch, WatchEvent, request};

pub(crate) struct KeyStore {
    pub(super) namespace: String,
    pub(super) settings: KeySettings,
    keys: Arc<Mutex<ActiveKeys>>,
    ring: watch::Sender<Arc<KeyRing>>,
}

impl KeyStore {
    pub(crate) fn new(namespace: &str, settings: KeySettings, registry: &mut Registry) -> Self {
        let keys = Arc::default();
        registry.register_collector(Box::new(PrivateKeyOperations));
        registry.register_collector(Box::new(KeyCollector::new(&keys, settings.order)));
        Self { namespace: namespace.to_owned(), settings, keys, ring: watch::Sender::default() }
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        self.ring.borrow().clone()
    }

    /// Notifies of another ring, and also when the first key Secret appears or the last one disappears, even if
    /// it holds no usable key: [`super::plan`] depends on that.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<KeyRing>> {
        self.ring.subscribe()
    }

    /// Reads all key Secrets.
    pub(crate) async fn load(&self, client: &Client) -> anyhow::Result<()> {
        let found = self.list(client).await?;
        self.change(|keys| keys.by_secret = found);
        Ok(())
    }

    /// Reads all key Secrets, and adds those that are not known yet. Returns what the API server has now.
    pub(super) async fn refresh(&self, client: &Client) -> anyhow::Result<KnownKeys> {
        let before = self.removals();
        let found = self.list(client).await?;
        let known = known(&found, &KeyRing::new(found.values().flatten(), self.settings.order));
        self.add_unknown(found, before);
        Ok(known)
    }

    /// Adds keys that were read after this number of removals. The watch reports changes in order, so it decides
    /// about the Secrets that are known, and about all of them if it reported a removal meanwhile.
    fn add_unknown(&self, found: KeysBySecret, before: Removals) {
        self.change(|keys| {
            if keys.removals() == before {
                for (source, key) in found {
                    keys.by_secret.entry(source).or_insert(key);
                }
            }
        });
    }

    /// Adds a key Secret that this process created after this number of removals.
    pub(super) fn created(&self, secret: &SecretObject, before: Removals) {
        let source = KeySource::Labelled(secret.name_any());
        self.add_unknown(KeysBySecret::from([(source, read(secret))]), before);
    }

    pub(super) fn removals(&self) -> Removals {
        self.keys().removals()
    }

    pub(super) fn known(&self) -> KnownKeys {
        known(&self.keys().by_secret, &self.ring())
    }

    async fn list(&self, client: &Client) -> anyhow::Result<KeysBySecret> {
        let mut found = KeysBySecret::new();
        let keys: Api<Lenient<SecretObject>> = Api::namespaced(client.clone(), &self.namespace);
        let list = request(keys.list(&ListParams::default().labels(KEY_LABEL))).await;
        let list = list.map_err(|error| anyhow!(error.failure("list the key Secrets").message))?;
        for secret in list.items {
            match secret {
                Lenient::Decoded(secret) if !is_active(&secret) => {}
                Lenient::Decoded(secret) => {
                    found.insert(KeySource::Labelled(secret.name_any()), read(&secret));
                }
                // It may be an active key.
                Lenient::Undecodable(metadata) => {
                    warn!(secret = metadata.name, "key Secret cannot be decoded and is left out");
                    found.insert(KeySource::Labelled(metadata.name.unwrap_or_default()), None);
                }
            }
        }
        // The Secret is older than the label, or the user created it under the plain name of the
        // prefix.
        let api: Api<SecretObject> = Api::namespaced(client.clone(), &self.namespace);
        let plain = request(api.get_opt(&self.settings.prefix)).await;
        let action = "read the unlabelled key Secret";
        let plain = plain.map_err(|error| anyhow!(error.failure(action).message))?;
        if let Some(secret) = plain.filter(|secret| !secret.labels().contains_key(KEY_LABEL)) {
            found.insert(KeySource::Unlabelled, read(&secret));
        }
        Ok(found)
    }

    /// Watches the key Secrets: those with the label, and the one with the plain name of the prefix.
    pub(crate) async fn watch(self: Arc<Self>, client: Client) {
        let api = || Api::namespaced(client.clone(), &self.namespace);
        let labelled = Watch::new(api(), "key Secrets").labels(KEY_LABEL);
        let name = format!("metadata.name={}", self.settings.prefix);
        let unlabelled = Watch::new(api(), "the unlabelled key Secret").fields(&name);
        tokio::join!(
            labelled.run(|event| self.labelled_event(event)),
            unlabelled.run(|event| self.unlabelled_event(event)),
        );
    }

    fn labelled_event(&self, event: WatchEvent<SecretObject>) {
        match event {
            WatchEvent::Applied { object, .. } => {
                self.update(&object);
            }
            WatchEvent::Deleted(metadata) => {
                let source = KeySource::Labelled(metadata.name.unwrap_or_default());
                self.change(|keys| keys.remove(&source));
            }
            WatchEvent::Listed(listed) => {
                let listed = listed.into_iter().map(|key| KeySource::Labelled(key.name));
                let kept: HashSet<_> = listed.chain([KeySource::Unlabelled]).collect();
                self.change(|keys| keys.retain(|source| kept.contains(source)));
            }
            WatchEvent::Absent(_) => {}
        }
    }

    fn unlabelled_event(&self, event: WatchEvent<SecretObject>) {
        let is_gone = match &event {
            // The other watch follows it once it has the label.
            WatchEvent::Applied { object, .. } => object.labels().contains_key(KEY_LABEL),
            WatchEvent::Deleted(_) => true,
            WatchEvent::Listed(listed) => listed.is_empty(),
            WatchEvent::Absent(_) => false,
        };
        if is_gone {
            self.change(|keys| keys.remove(&KeySource::Unlabelled));
        } else if let WatchEvent::Applied { object, .. } = event {
            self.insert(KeySource::Unlabelled, &object);
        }
    }

    /// Adds or drops a labelled Secret, depending on its label.
    fn update(&self, secret: &SecretObject) {
        let source = KeySource::Labelled(secret.name_any());
        if is_active(secret) {
            self.insert(source, secret);
        } else {
            self.change(|keys| keys.remove(&source));
        }
    }

    /// The key that this Secret had before counts no more, unless another Secret has it too.
    fn insert(&self, source: KeySource, secret: &SecretObject) {
        let key = read(secret);
        self.change(|keys| keys.by_secret.insert(source, key));
    }

    /// Changes the keys, and notifies receivers: see [`Self::changes`].
    fn change<T>(&self, change: impl FnOnce(&mut ActiveKeys) -> T) {
        let mut keys = self.keys();
        let was_empty = keys.by_secret.is_empty();
        change(&mut keys);
        let is_first_or_last = keys.by_secret.is_empty() != was_empty;
        let ring = KeyRing::new(keys.by_secret.values().flatten(), self.settings.order);
        self.ring.send_if_modified(|current| {
            let modified = !current.equals(&ring);
            if modified {
                *current = Arc::new(ring);
                info!(keys = current.len(), "sealing keys changed");
            }
            modified || is_first_or_last
        });
    }

    fn keys(&self) -> MutexGuard<'_, ActiveKeys> {
        self.keys.lock().expect("no holder of the lock panics")
    }
}

/// The key in the Secret. Logs why it has none, or one that cannot seal.
fn read(secret: &SecretObject) -> Option<LoadedKey> {
    let name = secret.name_any();
    match load(secret) {
        Ok((key, certificate_error)) => {
            if let Some(error) = certificate_error {
                warn!(secret = name, %error, "sealing key can open but not seal");
            }
            Some(key)
        }
        Err(error) => {
            warn!(secret = name, %error, "key Secret ignored");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use jiff::Timestamp;
    use sealing::Certificate;
    use serde_json::json;

    use super::*;

    const KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
    const CERTIFICATE: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.crt");
    /// An older certificate of the same key.
    const OLDER: &[u8] = include_bytes!("../../../cli/tests/cases/files/expired.crt");

    const OTHER_KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa3072.key");

    fn store() -> KeyStore {
        KeyStore::new("kube-system", KeySettings::for_tests(), &mut Registry::default())
    }

    fn secret(name: &str, label: Option<&str>, certificate: &[u8]) -> SecretObject {
        let labels: serde_json::Map<_, _> =
            label.map(|value| (KEY_LABEL.to_owned(), json!(value))).into_iter().collect();
        serde_json::from_value(json!({
            "metadata": { "namespace": "kube-system", "name": name, "labels": labels },
            "data": { "tls.key": STANDARD.encode(KEY), "tls.crt": STANDARD.encode(certificate) },
        }))
        .unwrap()
    }

    fn applied(object: SecretObject) -> WatchEvent<SecretObject> {
        WatchEvent::Applied { object, is_listed: false }
    }

    fn certified(store: &KeyStore) -> Option<Timestamp> {
        store.ring().certificate().map(Certificate::not_before)
    }

    #[test]
    fn renewed_certificate_of_a_known_key_replaces_the_old_one() {
        let [old, new] =
            [OLDER, CERTIFICATE].map(|pem| Some(Certificate::from_pem(pem).unwrap().not_before()));
        let store = store();
        let mut changes = store.changes();
        store.labelled_event(applied(secret("a", Some("active"), OLDER)));
        assert_eq!(certified(&store), old);
        changes.borrow_and_update();
        store.labelled_event(applied(secret("a", Some("active"), CERTIFICATE)));
        assert_eq!(certified(&store), new);
        assert!(changes.has_changed().unwrap());
        changes.borrow_and_update();
        store.labelled_event(applied(secret("b", Some("active"), OLDER)));
        assert_eq!((certified(&store), store.ring().len()), (new, 1));
        assert!(!changes.has_changed().unwrap(), "the same ring is no change");
    }

    #[test]
    fn unlabelled_key_is_dropped_when_its_secret_is_gone() {
        let unlabelled = || secret("sealed-secrets-key", None, CERTIFICATE);
        for gone in [
            WatchEvent::Deleted(Box::default()),
            WatchEvent::Listed(HashSet::new()),
            applied(secret("sealed-secrets-key", Some("compromised"), CERTIFICATE)),
        ] {
            let store = store();
            store.unlabelled_event(applied(unlabelled()));
            store.labelled_event(WatchEvent::Listed(HashSet::new()));
            assert_eq!(store.ring().len(), 1, "the other watch does not list it");
            store.unlabelled_event(gone);
            assert_eq!(store.ring().len(), 0);
        }
    }

    #[test]
    fn replaced_key_is_dropped_unless_another_secret_has_it() {
        let replaced = |name: &str| {
            let mut replaced = secret(name, Some("active"), CERTIFICATE);
            replaced.data.insert("tls.key".to_owned(), OTHER_KEY.into());
            replaced
        };
        let store = store();
        store.labelled_event(applied(secret("a", Some("active"), CERTIFICATE)));
        store.labelled_event(applied(secret("b", Some("active"), CERTIFICATE)));
        assert_eq!(store.ring().len(), 1);
        let old = store.ring().ids().next().cloned().unwrap();
        store.labelled_event(applied(replaced("a")));
        assert!(store.ring().contains(&old), "the other Secret has it");
        store.labelled_event(applied(replaced("b")));
        assert!(!store.ring().contains(&old) && store.ring().len() == 1);
    }

    #[test]
    fn unreadable_key_secret_counts_as_one() {
        let store = store();
        assert_eq!(store.known(), KnownKeys::default());
        let mut broken = secret("a", Some("active"), CERTIFICATE);
        broken.data.insert("tls.key".to_owned(), b"broken".as_slice().into());
        store.labelled_event(applied(broken));
        assert_eq!(store.known(), KnownKeys { any_secret: true, newest: None });
        assert_eq!(store.ring().len(), 0);
        store.labelled_event(applied(secret("a", Some("active"), CERTIFICATE)));
        assert_eq!(store.known().newest, certified(&store));
        store
            .labelled_event(WatchEvent::Deleted(Box::new(secret("a", None, CERTIFICATE).metadata)));
        assert_eq!(store.known(), KnownKeys::default());
    }

    #[test]
    fn receivers_learn_that_the_only_key_secret_is_broken_or_gone() {
        let store = store();
        let mut changes = store.changes();
        let mut broken = secret("a", Some("active"), CERTIFICATE);
        broken.data.insert("tls.key".to_owned(), b"broken".as_slice().into());
        store.labelled_event(applied(broken.clone()));
        assert!(changes.has_changed().unwrap());
        changes.borrow_and_update();
        store.labelled_event(applied(broken));
        assert!(!changes.has_changed().unwrap(), "nothing has changed");
        store
            .labelled_event(WatchEvent::Deleted(Box::new(secret("a", None, CERTIFICATE).metadata)));
        assert!(changes.has_changed().unwrap());
    }

    #[test]
    fn removed_key_does_not_return_with_a_list_that_began_before() {
        let found = || {
            let secret = secret("a", Some("active"), CERTIFICATE);
            KeysBySecret::from([(KeySource::Labelled("a".to_owned()), read(&secret))])
        };
        let deleted =
            || WatchEvent::Deleted(Box::new(secret("a", Some("active"), CERTIFICATE).metadata));
        let relabelled = || applied(secret("a", Some("compromised"), CERTIFICATE));
        for removed in [deleted(), relabelled(), WatchEvent::Listed(HashSet::new())] {
            let store = store();
            let before = store.removals();
            store.labelled_event(removed);
            store.add_unknown(found(), before);
            assert_eq!(store.ring().len(), 0, "the list is stale");
            store.add_unknown(found(), store.removals());
            assert_eq!(store.ring().len(), 1);
        }
        let store = store();
        let before = store.removals();
        store.labelled_event(deleted());
        store.created(&secret("a", Some("active"), CERTIFICATE), before);
        assert_eq!(store.ring().len(), 0, "the new Secret was deleted at once");
    }
}
