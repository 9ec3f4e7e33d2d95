//! The triggers of a reconcile of an ExternalSecret: its own watch, and changes of its Secret.

use std::{sync::Arc, time::Duration};

use crds::ExternalSecret;
use kube::{Api, core::DeserializeGuard};
use tokio::{task::JoinSet, time::Instant};
use tracing::info;

use super::{controller::ExternalSecretController, index::is_as_written};
use crate::{
    key::ObjectKey,
    reason::Reason,
    runtime::{
        queue::Priority,
        scope::{NamespaceScope, WatchScope},
        watch::{CRD_POLL_INTERVAL, Listing, Watch, WatchEvent},
    },
    target::{
        SecretSnapshot,
        watch::{SecretChange, SecretSubscriber},
    },
};

impl ExternalSecretController {
    pub(crate) fn watch(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let readiness = &self.context.readiness;
        if self.context.scope == WatchScope::All {
            let (stores, listing) = (self.stores.clone(), readiness.add_watch());
            tasks.spawn(async move { stores.watch_cluster_stores(listing).await });
        }
        for scope in self.context.scope.parts() {
            let (stores, listing, of) = (self.stores.clone(), readiness.add_watch(), scope.clone());
            tasks.spawn(async move { stores.watch_stores(of, listing).await });
            let (this, listing) = (self.clone(), readiness.add_watch());
            tasks.spawn(async move { this.watch_objects(scope, listing).await });
        }
    }

    async fn watch_objects(&self, scope: NamespaceScope, mut listing: Listing) {
        let api: Api<DeserializeGuard<ExternalSecret>> = scope.api(self.context.client.clone());
        let what = scope.describe("ExternalSecrets");
        let handle = |event| match event {
            WatchEvent::Applied { object, .. } => self.object_applied(object),
            WatchEvent::Deleted(metadata) => {
                let key = ObjectKey::of(&metadata);
                self.objects.remove(&key);
                self.metrics.forget(&key);
            }
            WatchEvent::Listed(listed) => {
                let keep = |key: &ObjectKey| !scope.covers(key) || listed.contains(key);
                for key in self.objects.retain(keep) {
                    self.metrics.forget(&key);
                }
                listing.complete();
            }
            WatchEvent::Absent(absence) => {
                info!(what, why = %absence, "not watched");
                listing.complete();
            }
        };
        Watch::new(api, what.clone()).optional(CRD_POLL_INTERVAL).run_guarded(handle).await;
    }

    pub(crate) fn object_applied(&self, object: ExternalSecret) {
        let key = ObjectKey::of(&object.metadata);
        if self.objects.upsert(object) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }

    fn target_changed(&self, secret: &ObjectKey, snapshot: Option<&SecretSnapshot>) {
        for key in self.objects.of_target(secret) {
            let Some(entry) = self.objects.get(&key) else { continue };
            let is_as_written = |secret| is_as_written(secret, entry.fingerprint.as_deref());
            let is_up_to_date = entry.was_left_as(snapshot) || snapshot.is_some_and(is_as_written);
            // If the object failed for another reason, its back-off decides when to retry.
            if entry.failed.map_or(!is_up_to_date, Reason::concerns_target) {
                let delay = entry.repair_delay(Instant::now());
                self.queue.add(key, Priority::Drift, delay);
            }
        }
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
