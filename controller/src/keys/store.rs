//! The ring of all active sealing keys, kept up to date with the key Secrets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex},
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
    /// Two Secrets with the same key count once.
    pub(crate) fn new<'k>(keys: impl IntoIterator<Item = &'k Arc<SealingKey>>) -> Self {
        let by_id: BTreeMap<_, _> =
            keys.into_iter().map(|key| (KeyId::of(key.fingerprint()), key.clone())).collect();
        let mut keys: Vec<_> = by_id.into_iter().collect();
        // Stable, so keys of the same moment stay in the order of their ids.
        keys.sort_by_key(|(_, key)| {
            Reverse(key.certificate().map_or(Timestamp::MIN, Certificate::not_before))
        });
        Self(keys)
    }

    pub(crate) fn contains(&self, id: &KeyId) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// The certificate to seal with: that of the newest key that has one.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.0.iter().find_map(|(_, key)| key.certificate())
    }

    /// The keys in the order to try them: those that opened the object before, then the newest first.
    pub(crate) fn in_order(&self, first: &[KeyId]) -> impl Iterator<Item = &SealingKey> {
        let (before, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(id, _)| first.contains(id));
        before.into_iter().chain(others).map(|(_, key)| &**key)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.iter().map(|(id, _)| id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

pub(crate) struct KeyStore {
    namespace: String,
    settings: KeySettings,
    active: Gauge,
    by_secret: Mutex<HashMap<String, Arc<SealingKey>>>,
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
        // Created before labels were in use, or by the user under the prefix's plain name.
        let api: Api<SecretObject> = Api::namespaced(client.clone(), &self.namespace);
        let plain = request(api.get_opt(&self.settings.prefix)).await;
        let action = "read the unlabelled key Secret";
        let plain = plain.map_err(|error| anyhow!(error.failure(action).message))?;
        if let Some(secret) = plain.filter(|secret| !secret.labels().contains_key(KEY_LABEL)) {
            found += 1;
            self.insert(&secret);
        }
        if found == 0 {
            let secret = create(client, &self.namespace, &self.settings).await?;
            self.update(&secret);
            info!(secret = secret.metadata.name, "created a new sealing key");
        }
        Ok(())
    }

    pub(crate) async fn watch(self: Arc<Self>, client: Client) {
        let handle = |event| match event {
            WatchEvent::Applied { object, .. } => {
                self.update(&object);
            }
            WatchEvent::Deleted(metadata) => {
                let name = metadata.name.unwrap_or_default();
                self.change(|keys| keys.remove(&name));
            }
            WatchEvent::Listed(listed) => {
                let mut kept: HashSet<_> = listed.into_iter().map(|key| key.name).collect();
                kept.insert(self.settings.prefix.clone());
                self.change(|keys| keys.retain(|name, _| kept.contains(name)));
            }
            WatchEvent::Absent(_) => {}
        };
        let api = Api::namespaced(client, &self.namespace);
        Watch::new(api, "key Secrets").labels(KEY_LABEL).run(handle).await;
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

    /// Takes in or drops a labelled Secret, as its label says. Returns whether the key is active.
    fn update(&self, secret: &SecretObject) -> bool {
        let active = is_active(secret);
        if active {
            self.insert(secret);
        } else {
            self.change(|keys| keys.remove(&secret.name_any()));
        }
        active
    }

    fn insert(&self, secret: &SecretObject) {
        let name = secret.name_any();
        match load(secret) {
            Ok((key, certificate_error)) => {
                if let Some(error) = certificate_error {
                    warn!(secret = name, %error, "sealing key can open but not seal");
                }
                self.change(|keys| keys.insert(name, Arc::new(key)));
            }
            Err(error) => {
                warn!(secret = name, %error, "key Secret ignored");
                self.change(|keys| keys.remove(&name));
            }
        }
    }

    /// Changes the keys, and notifies receivers if the ring differs then.
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<String, Arc<SealingKey>>) -> T) {
        let mut by_secret = self.by_secret.lock().expect("no holder of the lock panics");
        change(&mut by_secret);
        let ring = KeyRing::new(by_secret.values());
        self.ring.send_if_modified(|current| {
            let modified = current.ids().ne(ring.ids());
            if modified {
                *current = Arc::new(ring);
                self.active.set(i64::try_from(current.len()).unwrap_or(i64::MAX));
                info!(keys = current.len(), "sealing keys changed");
            }
            modified
        });
    }
}

/// Reads the count of `sealing` when it is scraped.
#[derive(Debug)]
struct PrivateKeyOperations;

impl Collector for PrivateKeyOperations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let count = ConstCounter::new(sealing::private_key_operations());
        let name = "mtk_controller_private_key_operations";
        metrics::encode(&mut encoder, name, "RSA operations with a private key", &count)
    }
}
