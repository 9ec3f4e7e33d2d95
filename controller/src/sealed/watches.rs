//! The triggers of a reconcile of a SealedSecret: its watch, changes of its Secret, the keys, and time.

use std::{sync::Arc, time::Duration};

use crds::SealedSecret;
use kube::Api;
use templates::tool_metadata::remove_tool_metadata;
use tokio::{sync::watch, task::JoinSet};

use super::{controller::SealedSecretController, key_usage::objects_by_key};
use crate::{
    key::ObjectKey,
    keys::KeyRing,
    reason::Reason,
    runtime::{
        LARGE_OBJECTS_PAGE, Lenient, Listing, NamespaceScope, Priority, Watch, controller::resync,
    },
    target::{
        RECREATE_DELAY, SecretSnapshot,
        ownership::Ownership,
        watch::{SecretChange, SecretSubscriber},
    },
};

impl SealedSecretController {
    pub(crate) fn watch(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for scope in self.context.settings.scope.parts() {
            tasks.spawn(self.clone().watch_objects(scope, self.context.readiness.add_watch()));
        }
    }

    /// Starts the tasks that add objects to the queue once the watches have listed.
    pub(crate) fn start(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        tasks.spawn(self.clone().watch_keys(self.context.keys.changes()));
        let this = Arc::downgrade(self);
        self.metrics.key_usage.measure(move || {
            let count = |this: Arc<Self>| objects_by_key(&this.context.keys.ring(), &this.objects);
            this.upgrade().map(count).unwrap_or_default()
        });
        let this = self.clone();
        tasks.spawn(async move {
            resync(&this.queue, this.context.settings.resync_period, || this.objects.keys()).await;
        });
    }

    async fn watch_objects(self: Arc<Self>, scope: NamespaceScope, listing: Listing) {
        let api: Api<Lenient<SealedSecret>> = scope.api(self.context.client.clone());
        let watch = Watch::new(api, scope.describe("SealedSecrets")).page(LARGE_OBJECTS_PAGE);
        let watch = watch.labels(&self.context.settings.label_selector.to_string());
        let known = || self.objects.keys_where(|key, _| scope.covers(key));
        let applied = |mut object: SealedSecret| {
            object.metadata.managed_fields = None;
            self.object_applied(object);
        };
        let deleted = |key: &ObjectKey| {
            self.objects.remove(key);
            self.metrics.forget(key, || self.objects.has_namespace(&key.namespace));
            for subscriber in &self.subscribers {
                subscriber.sealed_secret_deleted(key);
            }
        };
        watch.run_indexed(listing, known, applied, deleted).await;
    }

    pub(crate) fn object_applied(&self, object: SealedSecret) {
        let object = &Arc::new(self.without_tool_metadata(object));
        let key = ObjectKey::of(&object.metadata);
        let labels = object.metadata.labels.as_ref();
        let instance = labels.and_then(|labels| labels.get("app.kubernetes.io/instance"));
        self.metrics.observed(&key, instance);
        for subscriber in &self.subscribers {
            subscriber.clone().sealed_secret_applied(&object.metadata);
        }
        if self.objects.upsert(&self.context.mac_key, &self.pending, object) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        } else if let Some(entry) = self.objects.get(&key).filter(|entry| entry.failed.is_none()) {
            // Others may have written the status. The reason of a failure decides when to retry it.
            self.queue.add(key, Priority::Drift, entry.repair_delay());
        }
    }

    /// The fields of the object that decide its Secret.
    pub(super) fn without_tool_metadata(&self, mut object: SealedSecret) -> SealedSecret {
        if !self.context.settings.copies_tool_metadata {
            let metadata = &mut object.spec.template.metadata;
            remove_tool_metadata(&mut metadata.labels);
            remove_tool_metadata(&mut metadata.annotations);
        }
        object
    }

    async fn watch_keys(self: Arc<Self>, mut changes: watch::Receiver<Arc<KeyRing>>) {
        while changes.changed().await.is_ok() {
            let waits = |reason| matches!(reason, Reason::UnknownKey | Reason::ScopeMismatch);
            for key in self.objects.keys_where(|_, entry| entry.failed.is_some_and(waits)) {
                self.queue.add(key, Priority::Retry, Duration::ZERO);
            }
            // A key may be revoked.
            for key in self.objects.keys_where(|_, entry| entry.failed.is_none()) {
                self.queue.add(key, Priority::Resync, Duration::ZERO);
            }
        }
    }
}

impl SecretSubscriber for SealedSecretController {
    fn secret_changed(&self, change: &SecretChange<'_>) {
        let Some(entry) = self.objects.get(change.key) else { return };
        let is_foreign = |secret: &SecretSnapshot| {
            let ownership = secret.ownership.ownership(&entry.uid, entry.wants_owner);
            matches!(ownership, Ownership::Foreign { .. })
        };
        let delay = match entry.failed {
            Some(reason) if !reason.concerns_target() => return,
            Some(_) if change.after.is_none() => RECREATE_DELAY,
            // Changes of a foreign Secret must not each cause a decryption.
            Some(Reason::NotOwned) if change.after.as_ref().is_some_and(is_foreign) => return,
            _ => entry.repair_delay(),
        };
        self.queue.add(change.key.clone(), Priority::Drift, delay);
    }
}
