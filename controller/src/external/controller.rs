//! Reconciles ExternalSecrets: observe, plan, apply. Their watch, and changes of their Secrets trigger it.

use std::{sync::Arc, time::Duration};

use crds::ExternalSecret;
use kube::Api;
use tokio::{task::JoinSet, time::Instant};
use tracing::debug;

use super::{
    concerned::is_announced,
    index::{ExternalIndex, ExternalSecretEntry},
    metrics::ExternalMetrics,
    outcome::{Checked, NO_DATA, SecretEffect, SyncFailure, Synced},
    paths::EventPaths,
    plan::{Action, Observed, Settings, plan},
    render::Renderer,
    schedule,
    status::{CrdSupport, StatusUpdate},
    store::StoreIndex,
    store_controller::SecretStoreController,
    wakes::Wakes,
};
use crate::{
    aws::Pool,
    context::Context,
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        CRD_POLL_INTERVAL, Controller, Lenient, Listing, NamespaceScope, Now, Outcome, Priority,
        RECONCILE_TIMEOUT, Watch, WatchScope, WorkQueue,
    },
    target::watch::{SecretChange, SecretSubscriber},
};

/// How many stores are checked at the same time. One namespace holds at most a quarter of the workers,
/// and all ClusterSecretStores count as one namespace.
pub(crate) const STORE_WORKERS: usize = 16;
/// How long an object waits for a store that does not exist.
const STORE_WAIT: Duration = Duration::from_millis(700);

pub(crate) struct ExternalSecretController {
    pub(super) context: Arc<Context>,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) queue: Arc<WorkQueue>,
    pub(super) metrics: ExternalMetrics,
    pub(super) renderer: Renderer,
    pub(super) settings: Arc<Settings>,
    pub(super) crd: CrdSupport,
    pub(crate) stores: Arc<SecretStoreController>,
}

impl ExternalSecretController {
    pub(crate) fn new(
        context: &Arc<Context>,
        queue: Arc<WorkQueue>,
        pool: Arc<Pool>,
        renderer: Renderer,
        metrics: ExternalMetrics,
        settings: Settings,
    ) -> Self {
        let objects = Arc::<ExternalIndex>::default();
        let settings = Arc::new(settings);
        let stores = SecretStoreController {
            context: context.clone(),
            index: StoreIndex::default(),
            objects: objects.clone(),
            pool,
            settings: settings.clone(),
            queue: WorkQueue::new(STORE_WORKERS),
            object_queue: queue.clone(),
            metrics: metrics.clone(),
            wakes: Wakes::default(),
            paths: EventPaths::new(settings.event_queues, settings.max_event_silence),
        };
        Self {
            context: context.clone(),
            objects,
            queue,
            metrics,
            renderer,
            settings,
            crd: CrdSupport::default(),
            stores: Arc::new(stores),
        }
    }

    /// The namespace is selected from now on.
    pub(crate) fn enqueue_namespace(&self, namespace: &str) {
        for key in self.objects.entries.keys_where(|key, _| key.namespace == namespace) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
        self.stores.enqueue_namespace(namespace);
    }

    /// Another process led until now.
    pub(crate) fn follow_statuses(&self) {
        self.objects.entries.change_each(ExternalSecretEntry::follow_status);
    }

    pub(crate) fn watch(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        let readiness = &self.context.readiness;
        if self.context.settings.scope == WatchScope::All {
            let (stores, listing) = (self.stores.clone(), readiness.add_watch());
            tasks.spawn(async move { stores.watch_cluster_stores(listing).await });
        }
        for scope in self.context.settings.scope.parts() {
            let (stores, listing, of) = (self.stores.clone(), readiness.add_watch(), scope.clone());
            tasks.spawn(async move { stores.watch_stores(of, listing).await });
            let (this, listing) = (self.clone(), readiness.add_watch());
            tasks.spawn(async move { this.watch_objects(scope, listing).await });
        }
    }

    async fn watch_objects(&self, scope: NamespaceScope, listing: Listing) {
        let api: Api<Lenient<ExternalSecret>> = scope.api(self.context.client.clone());
        let watch = Watch::new(api, scope.describe("ExternalSecrets"));
        let known = || self.objects.entries.keys_where(|key, _| scope.covers(key));
        let applied = |object| self.object_applied(object);
        let deleted = |key: &ObjectKey| {
            self.objects.remove(key);
            self.metrics.forget(key, || self.objects.entries.has_namespace(&key.namespace));
        };
        let watch = watch.labels(&self.context.settings.label_selector.to_string());
        watch.optional(CRD_POLL_INTERVAL).run_indexed(listing, known, applied, deleted).await;
    }

    /// Records metrics of an object, unless it was deleted meanwhile.
    pub(super) fn measure(&self, key: &ObjectKey, record: impl FnOnce(&ExternalMetrics)) {
        self.metrics.record(|| self.objects.entries.contains(key), record);
    }

    pub(crate) fn object_applied(&self, object: ExternalSecret) {
        let key = ObjectKey::of(&object.metadata);
        if self.objects.upsert(object) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }
}

impl SecretSubscriber for ExternalSecretController {
    fn secret_changed(&self, change: &SecretChange<'_>) {
        let SecretChange { key: secret, before, after, is_listed } = change;
        for key in self.objects.of_target(secret) {
            let Some(entry) = self.objects.entries.get(&key) else { continue };
            let is_as_written = after.as_ref().is_some_and(|after| entry.is_as_written(after));
            let is_up_to_date = is_as_written || entry.was_left_as(after.as_ref());
            // If the object failed for another reason, its back-off decides when to retry.
            if entry.failed.map_or(!is_up_to_date, Reason::concerns_target) {
                self.queue.add(key, Priority::Drift, entry.repair_delay());
            }
        }
        let Some(after) = after else { return };
        if before.as_ref().is_none_or(|before| before.content != after.content) {
            self.stores.credentials_changed(secret, *is_listed && before.is_none());
        }
    }
}

impl Controller for ExternalSecretController {
    type Key = ObjectKey;
    type Observed = Observed;
    type Action = Action;

    const NAME: &'static str = "externalsecret";

    fn queue(&self) -> &WorkQueue {
        &self.queue
    }

    fn observe(&self, key: &ObjectKey) -> Option<Observed> {
        if !self.context.namespaces.is_selected(&key.namespace) {
            return None;
        }
        let entry = self.objects.entries.get(key)?;
        let stores = self.stores.index.find(entry.stores());
        Some(Observed {
            secret: self.context.secrets.get(&entry.target()),
            events: schedule::Events {
                look_in: entry.looks.look_in(Instant::now()),
                announce_changes: self.stores.announces_changes(&stores)
                    && is_announced(&entry.object.spec),
            },
            stores,
            namespace_is_terminating: self.context.namespaces.is_terminating(&key.namespace),
            settings: self.settings.clone(),
            entry,
        })
    }

    fn plan(observed: &Observed, now: Now) -> Action {
        plan(observed, now.wall)
    }

    async fn apply(&self, key: &ObjectKey, observed: Observed, action: Action) -> Outcome {
        let Observed { entry, stores, .. } = &observed;
        let attempt = self.attempt(entry);
        match action {
            Action::Refresh => attempt.record(attempt.refresh(stores).await).await,
            Action::Check => match attempt.check(stores).await {
                Checked::Proved(at) => attempt.record_proof(at),
                Checked::Later(delay) => Outcome::requeue(Priority::Resync, delay),
                Checked::Unknown => attempt.record(attempt.refresh(stores).await).await,
            },
            Action::Reject(failure) => attempt.record(Err(failure.into())).await,
            Action::SkipCreation => {
                attempt.record(Ok(Synced::without_read(SecretEffect::NotCreated, entry))).await
            }
            Action::Wait { in_sync_since, clear_diagnosis, next_check } => {
                if let Some(refreshed) = in_sync_since {
                    self.report_proof(entry, refreshed);
                }
                if clear_diagnosis {
                    let _ = attempt.write_status(StatusUpdate::ClearDiagnosis).await;
                }
                let is_event = observed.events.look_in.is_some();
                let priority = if is_event { Priority::Event } else { Priority::Resync };
                next_check.map_or_else(Outcome::done, |delay| Outcome::requeue(priority, delay))
            }
            Action::WaitForStore => {
                attempt.remember(|memory| memory.attempts += 1);
                Outcome::requeue(Priority::Retry, STORE_WAIT)
            }
            Action::MarkUnmanaged(failure) => attempt.record_unmanaged(failure).await,
            Action::RemoveFinalizer => attempt.remove_finalizer().await,
            Action::Ignore(reason) => {
                debug!(object = %key, ?reason, "ignored");
                Outcome::done()
            }
        }
    }

    async fn fail(&self, key: &ObjectKey, failure: Failure) -> Outcome {
        let Some(entry) = self.objects.entries.get(key) else { return Outcome::done() };
        let failure = SyncFailure::new(NO_DATA, failure);
        self.attempt(&entry).record_failed(failure, RECONCILE_TIMEOUT).await
    }
}
