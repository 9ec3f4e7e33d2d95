//! What makes the controller look at an object: the watches, the keys, and time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crds::SealedSecret;
use kube::{
    Api,
    core::DeserializeGuard,
    runtime::watcher::{Config, Event},
};
use tokio::sync::watch;
use tracing::warn;

use super::controller::{SealedSecretController, VACANCY, concerns_target};
use crate::{
    key::ObjectKey,
    keys::KeyRing,
    reason::Reason,
    restart::{
        annotations::RESTART_TARGETS,
        source::{SourceKey, SourceKind},
    },
    runtime::queue::Priority,
    runtime::scope::NamespaceScope,
    runtime::secret::SecretObject,
    runtime::watch::follow,
    target::ownership::Ownership,
};

/// Releases of Helm are Secrets of up to 1 MiB, and nobody's SealedSecret.
const NOT_HELM: &str = "type!=helm.sh/release.v1";

impl SealedSecretController {
    /// Follows the SealedSecrets of a part; calls `ready` after each full list.
    pub async fn watch_objects(&self, part: &NamespaceScope, mut ready: impl FnMut()) {
        let api: Api<DeserializeGuard<SealedSecret>> = part.api(self.client.clone());
        let mut listed = HashSet::new();
        follow(api, Config::default(), &part.describe("SealedSecrets"), |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.extend(self.object_seen(object));
            }
            Event::InitDone => {
                let keep = |key: &ObjectKey| !part.covers(key) || listed.contains(key);
                for key in self.objects.retain(keep) {
                    self.metrics.forget(&key);
                }
                if let Some(restarts) = &self.restarts {
                    restarts.sources_listed(SourceKind::SealedSecret, keep);
                }
                ready();
            }
            Event::Apply(object) => {
                self.object_seen(object);
            }
            Event::Delete(object) => {
                let key = match object.0 {
                    Ok(object) => ObjectKey::of(&object.metadata),
                    Err(invalid) => ObjectKey::of(&invalid.metadata),
                };
                self.objects.forget(&key);
                self.metrics.forget(&key);
                if let Some(restarts) = &self.restarts {
                    restarts.source_deleted(&SourceKey::sealed(key));
                }
            }
        })
        .await;
    }

    fn object_seen(&self, object: DeserializeGuard<SealedSecret>) -> Option<ObjectKey> {
        let object = match object.0 {
            Ok(object) => Arc::new(object),
            Err(invalid) => {
                // The schema rules it out; without the CRD's schema it must still not stop the rest.
                let key = ObjectKey::of(&invalid.metadata);
                warn!(object = %key, "a SealedSecret is not of its type and is left out");
                return None;
            }
        };
        let key = ObjectKey::of(&object.metadata);
        if let Some(restarts) = &self.restarts {
            let metadata = &object.metadata;
            let annotation = metadata.annotations.as_ref().and_then(|all| all.get(RESTART_TARGETS));
            let uid = metadata.uid.as_deref().unwrap_or_default();
            let source = SourceKey::sealed(key.clone());
            restarts.source_changed(&source, uid, &key.name, annotation.map(String::as_str));
        }
        let changed = self.objects.note(&object);
        if changed {
            self.queue.add(key.clone(), Priority::Change, Duration::ZERO);
        } else if let Some(known) = self.objects.get(&key).filter(|known| known.failed.is_none()) {
            // Others may have written the status. What failed is tried again when its reason says.
            self.queue.add(key.clone(), Priority::Drift, known.calm());
        }
        Some(key)
    }

    /// Follows the Secrets of a part; calls `ready` after each full list.
    pub async fn watch_secrets(&self, part: &NamespaceScope, mut ready: impl FnMut()) {
        let api: Api<SecretObject> = part.api(self.client.clone());
        let config = Config::default().fields(NOT_HELM);
        let mut listed = HashSet::new();
        follow(api, config, &part.describe("Secrets"), |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(secret) => {
                listed.insert(ObjectKey::of(&secret.metadata));
                self.secret_seen(&secret, true);
            }
            Event::InitDone => {
                for key in self.secrets.retain(|key| !part.covers(key) || listed.contains(key)) {
                    self.secret_gone(&key);
                }
                listed.clear();
                ready();
            }
            Event::Apply(secret) => self.secret_seen(&secret, false),
            Event::Delete(secret) => {
                if self.secrets.remove(&secret) {
                    self.secret_gone(&ObjectKey::of(&secret.metadata));
                }
            }
        })
        .await;
    }

    fn secret_seen(&self, secret: &SecretObject, is_listed: bool) {
        let key = ObjectKey::of(&secret.metadata);
        let before = self.secrets.get(&key);
        let seen = self.secrets.upsert(secret);
        if let Some(restarts) = &self.restarts {
            restarts.secret_changed(&key);
        }
        if let Some(externals) = &self.externals {
            externals.secret_changed(&key, Some(&seen));
            if before.as_ref().is_none_or(|before| before.content != seen.content) {
                externals.keys_changed(&key, is_listed && before.is_none());
            }
        }
        let Some(known) = self.objects.get(&key) else {
            return;
        };
        let standing = seen.ownership.ownership(&known.uid, known.wants_owner);
        // What others do to their own Secrets must not have our items opened each time.
        let still_foreign =
            known.failed == Some(Reason::NotOwned) && matches!(standing, Ownership::Foreign { .. });
        if !still_foreign && known.failed.is_none_or(concerns_target) {
            self.queue.add(key, Priority::Drift, known.calm());
        }
    }

    fn secret_gone(&self, key: &ObjectKey) {
        if let Some(restarts) = &self.restarts {
            restarts.secret_changed(key);
        }
        if let Some(externals) = &self.externals {
            externals.secret_changed(key, None);
        }
        let Some(known) = self.objects.get(key) else {
            return;
        };
        match known.failed {
            None => self.queue.add(key.clone(), Priority::Drift, known.calm()),
            Some(reason) if concerns_target(reason) => {
                self.queue.add(key.clone(), Priority::Drift, VACANCY);
            }
            Some(_) => {}
        }
    }

    /// Looks again at what wants other keys than those there were.
    pub async fn watch_keys(&self, mut changes: watch::Receiver<Arc<KeyRing>>) {
        while changes.changed().await.is_ok() {
            for key in self.objects.failed_for(&[Reason::UnknownKey, Reason::ScopeMismatch]) {
                self.queue.add(key, Priority::Retry, Duration::ZERO);
            }
            for key in self.objects.keys() {
                let fine = self.objects.get(&key).is_some_and(|known| known.failed.is_none());
                if fine {
                    self.queue.add(key, Priority::Resync, Duration::ZERO);
                }
            }
        }
    }

    /// Looks at everything once in a period. What is in sync costs nothing.
    pub async fn resync(&self, period: Duration) {
        let mut ticks = tokio::time::interval(period);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            for key in self.objects.keys() {
                self.queue.add(key, Priority::Resync, Duration::ZERO);
            }
        }
    }

    /// Takes from the queue until the process ends. A pass that panics costs that object a retry,
    /// and nobody else anything.
    pub async fn work_off(self: Arc<Self>) {
        loop {
            let key = self.queue.next().await;
            let this = self.clone();
            let of = key.clone();
            let pass = tokio::spawn(async move { this.reconcile(&of).await });
            if let Err(error) = pass.await
                && error.is_panic()
            {
                warn!(object = %key, "a pass failed on a bug: please report it");
                self.queue.add(key.clone(), Priority::Retry, Duration::from_mins(1));
            }
            self.queue.done(&key);
        }
    }
}
