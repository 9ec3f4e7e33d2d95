//! Keeps the ring of sealing keys up to date with the key Secrets.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use kube::{Api, Client, ResourceExt as _, api::ListParams};
use sealing::SealingKey;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    create::{KeySettings, KeyStoreError, create},
    load::{is_active, load},
    metrics::KeyMetrics,
    ring::KeyRing,
};
use crate::runtime::{
    api::{RequestError, request},
    secret::{KEY_LABEL, SecretObject},
    watch::{Watch, WatchEvent},
};

/// The sealing keys, as they are now.
pub(crate) struct KeyStore {
    namespace: String,
    settings: KeySettings,
    metrics: KeyMetrics,
    by_secret: Mutex<HashMap<String, Arc<SealingKey>>>,
    ring: watch::Sender<Arc<KeyRing>>,
}

impl KeyStore {
    pub(crate) fn new(namespace: &str, settings: KeySettings, metrics: KeyMetrics) -> Self {
        Self {
            namespace: namespace.to_owned(),
            settings,
            metrics,
            by_secret: Mutex::default(),
            ring: watch::Sender::default(),
        }
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        self.ring.borrow().clone()
    }

    /// Receives each change of the keys.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<KeyRing>> {
        self.ring.subscribe()
    }

    /// Reads all key Secrets, and creates the first key if there are none. If key Secrets exist but
    /// none is readable, the controller creates no key: a new one would hide the loss.
    pub(crate) async fn load(&self, client: &Client) -> Result<(), KeyStoreError> {
        let api: Api<SecretObject> = Api::namespaced(client.clone(), &self.namespace);
        let failed = |error: &RequestError, action: &str| {
            KeyStoreError::Request(error.failure(action).message)
        };
        let list = request(api.list(&ListParams::default().labels(KEY_LABEL))).await;
        let list = list.map_err(|error| failed(&error, "list the key Secrets"))?;
        let mut found = list.items.iter().filter(|secret| self.update(secret)).count();
        // Created before labels were in use, or by the user under the prefix's plain name.
        let plain = request(api.get_opt(&self.settings.prefix)).await;
        let plain = plain.map_err(|error| failed(&error, "read the unlabelled key Secret"))?;
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

    /// Watches the key Secrets until the process ends.
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
                let listed: HashSet<_> = listed.into_iter().map(|key| key.name).collect();
                let is_kept =
                    |name: &String| listed.contains(name) || *name == self.settings.prefix;
                self.change(|keys| keys.retain(|name, _| is_kept(name)));
            }
            WatchEvent::Absent(_) => {}
        };
        let api = Api::namespaced(client, &self.namespace);
        Watch::new(api, "key Secrets").labels(KEY_LABEL).run(handle).await;
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
                self.metrics.set_active(current.len());
                info!(keys = current.len(), "sealing keys changed");
            }
            modified
        });
    }
}
