//! What triggers a reconcile of an ExternalSecret: its own watch, and changes of its Secret.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crds::ExternalSecret;
use kube::{
    Api,
    core::DeserializeGuard,
    runtime::watcher::{Config, Event},
};
use tokio::{task::JoinSet, time::Instant};
use tracing::warn;

use super::{
    controller::ExternalSecretController, crd_watch::watch_served, index::is_as_written,
    store::Store,
};
use crate::{
    key::{ObjectKey, QueueKey},
    reason::Reason,
    runtime::{
        queue::{Priority, WorkQueue},
        scope::{NamespaceScope, WatchScope},
    },
    target::{
        SecretSnapshot,
        watch::{SecretChange, SecretSubscriber},
    },
};

impl ExternalSecretController {
    /// Starts the watches. Each gets a callback from `ready` to call after each full list.
    pub fn watch(
        self: &Arc<Self>,
        scope: &WatchScope,
        watches: &mut JoinSet<()>,
        mut ready: impl FnMut() -> Box<dyn FnMut() + Send>,
    ) {
        if *scope == WatchScope::All {
            let (stores, ready) = (self.stores.clone(), ready());
            watches.spawn(async move { stores.watch_cluster_stores(ready).await });
        }
        for scope in scope.parts() {
            let (stores, done, of) = (self.stores.clone(), ready(), scope.clone());
            watches.spawn(async move { stores.watch_stores(&of, done).await });
            let (this, done) = (self.clone(), ready());
            watches.spawn(async move { this.watch_objects(&scope, done).await });
        }
    }

    async fn watch_objects(&self, scope: &NamespaceScope, mut ready: impl FnMut()) {
        let api: Api<DeserializeGuard<ExternalSecret>> = scope.api(self.client.clone());
        let what = scope.describe("ExternalSecrets");
        let mut listed = HashSet::new();
        watch_served(api, Config::default(), &what, |event| match event {
            None => ready(),
            Some(Event::Init) => listed.clear(),
            Some(Event::InitApply(object)) => listed.extend(self.applied(object)),
            Some(Event::InitDone) => {
                let keep = |key: &ObjectKey| !scope.covers(key) || listed.contains(key);
                for key in self.objects.retain(keep) {
                    self.metrics.forget(&key);
                }
                ready();
            }
            Some(Event::Apply(object)) => {
                self.applied(object);
            }
            Some(Event::Delete(object)) => {
                let key = match object.0 {
                    Ok(object) => ObjectKey::of(&object.metadata),
                    Err(invalid) => ObjectKey::of(&invalid.metadata),
                };
                self.objects.remove(&key);
                self.metrics.forget(&key);
            }
        })
        .await;
    }

    fn applied(&self, object: DeserializeGuard<ExternalSecret>) -> Option<ObjectKey> {
        match object.0 {
            Ok(object) => Some(self.object_applied(object)),
            Err(invalid) => {
                let key = ObjectKey::of(&invalid.metadata);
                warn!(object = %key, "ExternalSecret ignored: it does not match its schema");
                None
            }
        }
    }

    /// An ExternalSecret was listed, created or changed.
    pub fn object_applied(&self, object: ExternalSecret) -> ObjectKey {
        let key = ObjectKey::of(&object.metadata);
        if self.objects.upsert(object) {
            self.queue.add(key.clone(), Priority::Change, Duration::ZERO);
        }
        key
    }

    /// A store was listed, created or changed.
    pub fn store_applied(&self, store: Store) {
        self.stores.store_applied(store);
    }

    fn target_changed(&self, secret: &ObjectKey, snapshot: Option<&SecretSnapshot>) {
        for key in self.objects.of_target(secret) {
            let Some(entry) = self.objects.get(&key) else { continue };
            let is_as_written = |secret| is_as_written(secret, entry.fingerprint.as_deref());
            let is_up_to_date = entry.was_left_as(snapshot) || snapshot.is_some_and(is_as_written);
            // If the object failed for another reason, its back-off decides when to retry.
            if entry.failed.map_or(!is_up_to_date, Reason::concerns_target) {
                let delay = entry.conflict_backoff(Instant::now());
                self.queue.add(key, Priority::Drift, delay);
            }
        }
    }

    /// Reconciles objects from the queue until the process ends.
    pub async fn run_worker(self: Arc<Self>) {
        let queue = self.queue.clone();
        run_worker(&queue, |key| {
            let this = self.clone();
            async move { this.reconcile(&key).await }
        })
        .await;
    }

    /// Checks stores from their queue until the process ends.
    pub async fn run_store_worker(self: Arc<Self>) {
        let queue = self.stores.queue.clone();
        run_worker(&queue, |key| {
            let stores = self.stores.clone();
            async move { stores.reconcile(&key).await }
        })
        .await;
    }
}

impl SecretSubscriber for ExternalSecretController {
    fn secret_changed(&self, change: &SecretChange<'_>) {
        let SecretChange { key, before, after, is_listed } = change;
        self.target_changed(key, after.as_ref());
        let Some(after) = after else { return };
        if before.as_ref().is_none_or(|before| before.content != after.content) {
            self.stores.credentials_changed(key, *is_listed && before.is_none());
        }
    }
}

async fn run_worker<K, F>(queue: &WorkQueue<K>, reconcile: impl Fn(K) -> F)
where
    K: QueueKey,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let key = queue.next().await;
        if let Err(error) = tokio::spawn(reconcile(key.clone())).await
            && error.is_panic()
        {
            warn!(object = %key, "reconcile panicked; please report this bug");
            queue.add(key.clone(), Priority::Retry, Duration::from_mins(1));
        }
        queue.done(&key);
    }
}
