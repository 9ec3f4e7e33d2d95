//! The ring of all active sealing keys, kept up to date with the key Secrets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use anyhow::anyhow;
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{counter::ConstCounter, gauge::Gauge},
    registry::Registry,
};
use sealing::{Certificate, Fingerprint, SealingKey};
use tokio::sync::watch;
use tracing::{info, warn};

use super::key_secret::{KeySettings, create, is_active, load};
use crate::runtime::{KEY_LABEL, Lenient, SecretObject, Watch, WatchEvent, metrics, request};

/// The short name of a sealing key: the first 16 digits of its fingerprint.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct KeyId(String);

/// The keys, newest first, as Bitnami's controller orders them: by the start of their certificate.
#[derive(Default)]
pub(crate) struct KeyRing(Vec<(KeyId, Arc<SealingKey>)>);

impl KeyId {
    pub(crate) fn of(fingerprint: &Fingerprint) -> Self {
        let text = fingerprint.to_string();
        let digest = text.trim_start_matches("SHA256:");
        Self(digest.chars().take(16).collect())
    }

    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyRing {
    /// Two Secrets with the same key count once, with the newer certificate.
    pub(crate) fn new<'k>(keys: impl IntoIterator<Item = &'k Arc<SealingKey>>) -> Self {
        let mut by_id = BTreeMap::<_, Arc<SealingKey>>::new();
        for key in keys {
            let known = by_id.entry(KeyId::of(key.fingerprint())).or_insert_with(|| key.clone());
            if certified_at(known) < certified_at(key) {
                *known = key.clone();
            }
        }
        let mut keys: Vec<_> = by_id.into_iter().collect();
        // Stable, so keys of the same moment stay in the order of their ids.
        keys.sort_by_key(|(_, key)| Reverse(certified_at(key)));
        Self(keys)
    }

    /// Whether the other ring has the same keys with the same certificates.
    fn equals(&self, other: &Self) -> bool {
        let content = |(id, key): &(KeyId, Arc<SealingKey>)| {
            (id.clone(), key.certificate().map(Certificate::to_pem))
        };
        self.0.iter().map(content).eq(other.0.iter().map(content))
    }

    pub(crate) fn contains(&self, id: &KeyId) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// The certificate to seal with: that of the newest key with a certificate.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.0.iter().find_map(|(_, key)| key.certificate())
    }

    /// The keys in the order to try them: those that opened the object before, then the newest first.
    pub(crate) fn in_order(&self, first: &[KeyId]) -> impl Iterator<Item = &SealingKey> {
        let (before, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(id, _)| first.contains(id));
        before.into_iter().chain(others).map(|(_, key)| &**key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The start of the key's certificate.
fn certified_at(key: &SealingKey) -> Timestamp {
    key.certificate().map_or(Timestamp::MIN, Certificate::not_before)
}

/// The Secret of a key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum KeySource {
    Labelled(String),
    /// The Secret that has the plain name of the prefix, and no label.
    Unlabelled,
}

pub(crate) struct KeyStore {
    namespace: String,
    settings: KeySettings,
    active: Gauge,
    by_secret: Mutex<HashMap<KeySource, Arc<SealingKey>>>,
    ring: watch::Sender<Arc<KeyRing>>,
}

impl KeyStore {
    pub(crate) fn new(namespace: &str, settings: KeySettings, registry: &mut Registry) -> Self {
        registry.register_collector(Box::new(PrivateKeyOperations));
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        Self {
            namespace: namespace.to_owned(),
            settings,
            active: metrics::register(ours, "sealing_keys", "Active sealing keys"),
            by_secret: Mutex::default(),
            ring: watch::Sender::default(),
        }
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        self.ring.borrow().clone()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Arc<KeyRing>> {
        self.ring.subscribe()
    }

    /// Reads all key Secrets, and creates the first key if there are none. If key Secrets exist but
    /// none is readable, the controller creates no key: a new one would hide the loss.
    pub(crate) async fn load(&self, client: &Client) -> anyhow::Result<()> {
        let keys: Api<Lenient<SecretObject>> = Api::namespaced(client.clone(), &self.namespace);
        let list = request(keys.list(&ListParams::default().labels(KEY_LABEL))).await;
        let list = list.map_err(|error| anyhow!(error.failure("list the key Secrets").message))?;
        let mut found = list.items.iter().filter(|secret| self.update_listed(secret)).count();
        // The Secret is older than the label, or the user created it under the plain name of the
        // prefix.
        let api: Api<SecretObject> = Api::namespaced(client.clone(), &self.namespace);
        let plain = request(api.get_opt(&self.settings.prefix)).await;
        let action = "read the unlabelled key Secret";
        let plain = plain.map_err(|error| anyhow!(error.failure(action).message))?;
        if let Some(secret) = plain.filter(|secret| !secret.labels().contains_key(KEY_LABEL)) {
            found += 1;
            self.insert(KeySource::Unlabelled, &secret);
        }
        if found == 0 {
            let secret = create(client, &self.namespace, &self.settings).await?;
            self.update(&secret);
            info!(secret = secret.metadata.name, "created a new sealing key");
        }
        Ok(())
    }

    /// Watches the key Secrets. A separate watch follows the unlabelled one, if it existed at the
    /// start.
    pub(crate) async fn watch(self: Arc<Self>, client: Client) {
        let api = || Api::namespaced(client.clone(), &self.namespace);
        let labelled = Watch::new(api(), "key Secrets").labels(KEY_LABEL);
        let labelled = labelled.run(|event| self.labelled_event(event));
        let has_unlabelled = self.keys().contains_key(&KeySource::Unlabelled);
        if !has_unlabelled {
            return labelled.await;
        }
        let name = format!("metadata.name={}", self.settings.prefix);
        let unlabelled = Watch::new(api(), "the unlabelled key Secret").fields(&name);
        tokio::join!(labelled, unlabelled.run(|event| self.unlabelled_event(event)));
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
                self.change(|keys| keys.retain(|source, _| kept.contains(source)));
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

    /// [`Self::update`]. A Secret that cannot be decoded may be an active key.
    fn update_listed(&self, secret: &Lenient<SecretObject>) -> bool {
        match secret {
            Lenient::Decoded(secret) => self.update(secret),
            Lenient::Undecodable(metadata) => {
                warn!(secret = metadata.name, "key Secret cannot be decoded and is left out");
                true
            }
        }
    }

    /// Adds or drops a labelled Secret, depending on its label. Returns whether the key is active.
    fn update(&self, secret: &SecretObject) -> bool {
        let active = is_active(secret);
        let source = KeySource::Labelled(secret.name_any());
        if active {
            self.insert(source, secret);
        } else {
            self.change(|keys| keys.remove(&source));
        }
        active
    }

    fn insert(&self, source: KeySource, secret: &SecretObject) {
        let name = secret.name_any();
        match load(secret) {
            Ok((key, certificate_error)) => {
                if let Some(error) = certificate_error {
                    warn!(secret = name, %error, "sealing key can open but not seal");
                }
                self.change(|keys| keys.insert(source, Arc::new(key)));
            }
            Err(error) => {
                warn!(secret = name, %error, "key Secret ignored");
                self.change(|keys| keys.remove(&source));
            }
        }
    }

    /// Changes the keys, and notifies receivers if the ring differs.
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<KeySource, Arc<SealingKey>>) -> T) {
        let mut by_secret = self.keys();
        change(&mut by_secret);
        let ring = KeyRing::new(by_secret.values());
        self.ring.send_if_modified(|current| {
            let modified = !current.equals(&ring);
            if modified {
                *current = Arc::new(ring);
                self.active.set(i64::try_from(current.len()).unwrap_or(i64::MAX));
                info!(keys = current.len(), "sealing keys changed");
            }
            modified
        });
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<KeySource, Arc<SealingKey>>> {
        self.by_secret.lock().expect("no holder of the lock panics")
    }
}

/// Reads the counter of `sealing` at each scrape.
#[derive(Debug)]
struct PrivateKeyOperations;

impl Collector for PrivateKeyOperations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let count = ConstCounter::new(sealing::private_key_operations());
        let name = "mtk_controller_private_key_operations";
        metrics::encode(&mut encoder, name, "RSA operations with a private key", &count)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    const KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");
    const CERTIFICATE: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.crt");
    /// An older certificate of the same key.
    const OLDER: &[u8] = include_bytes!("../../../cli/tests/cases/files/expired.crt");

    fn store() -> KeyStore {
        let settings = KeySettings {
            prefix: "sealed-secrets-key".to_owned(),
            bits: 2048,
            common_name: String::new(),
            lifetime: SignedDuration::from_hours(1),
        };
        KeyStore::new("kube-system", settings, &mut Registry::default())
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
}
