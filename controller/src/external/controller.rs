//! Reconciles ExternalSecrets: observe, plan, apply.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use super::{
    finalizer::remove_finalizer,
    index::{ExternalIndex, SecretState},
    metrics::ExternalMetrics,
    outcome::{NO_DATA, SecretChange, SyncError, SyncFailure, Synced},
    plan::{Action, Observed, plan},
    recorder::{RefreshRecorder, RefreshStart},
    refresh::Refresher,
    render::Renderer,
    settings::Settings,
    status_writer::ExternalStatusWriter,
    store::StoreKey,
    store_controller::SecretStoreController,
    store_index::StoreIndex,
};
use crate::{
    aws::Pool,
    context::Context,
    key::ObjectKey,
    reason::Failure,
    runtime::{
        clock::Now,
        controller::{Controller, Outcome},
        index::Indexed as _,
        queue::{Priority, WorkQueue},
        worker::RECONCILE_TIMEOUT,
    },
};

/// How many stores are checked at the same time.
pub(crate) const STORE_WORKERS: usize = 4;
/// How long an object waits for a store that does not exist.
const STORE_WAIT: Duration = Duration::from_millis(700);

pub(crate) struct ExternalSecretController {
    pub(super) context: Arc<Context>,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) queue: Arc<WorkQueue>,
    pub(super) metrics: ExternalMetrics,
    pub(crate) stores: Arc<SecretStoreController>,
    class: Arc<str>,
    watches_cluster_stores: bool,
    refresher: Refresher,
    recorder: RefreshRecorder,
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
        let stores = Arc::<StoreIndex>::default();
        let store_queue = Arc::new(WorkQueue::<StoreKey>::new(STORE_WORKERS));
        Self {
            refresher: Refresher {
                context: context.clone(),
                objects: objects.clone(),
                stores: stores.clone(),
                pool: pool.clone(),
                store_queue: store_queue.clone(),
                renderer,
                settings: settings.clone(),
            },
            recorder: RefreshRecorder {
                context: context.clone(),
                objects: objects.clone(),
                status: ExternalStatusWriter::new(context.client.clone(), objects.clone()),
                metrics: metrics.clone(),
            },
            class: settings.class.as_str().into(),
            watches_cluster_stores: settings.watches_cluster_stores,
            stores: Arc::new(SecretStoreController {
                context: context.clone(),
                stores,
                objects: objects.clone(),
                pool,
                class: settings.class,
                check_interval: settings.store_check_interval,
                queue: store_queue,
                object_queue: queue.clone(),
                metrics: metrics.clone(),
            }),
            context: context.clone(),
            objects,
            queue,
            metrics,
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
        let entry = self.objects.get(key)?;
        Some(Observed {
            secret: self.context.secrets.get(&entry.target()),
            stores: self.stores.stores.referenced_by(&entry.object),
            namespace_is_terminating: self.context.namespaces.is_terminating(&key.namespace),
            class: self.class.clone(),
            watches_cluster_stores: self.watches_cluster_stores,
            entry,
        })
    }

    fn plan(observed: &Observed, now: Now) -> Action {
        plan(observed, now.wall)
    }

    async fn apply(&self, key: &ObjectKey, observed: Observed, action: Action) -> Outcome {
        let Observed { entry, secret, stores, .. } = observed;
        let start = RefreshStart {
            at: Instant::now(),
            date: Timestamp::now(),
            secret: SecretState::of(secret.as_ref()),
        };
        let result = match action {
            Action::Refresh => self.refresher.refresh(key, &entry, &stores).await,
            Action::Reject(failure) => Err(SyncError::Failed(failure)),
            Action::SkipCreation => Ok(Synced::without_read(SecretChange::NotCreated, &entry)),
            Action::Wait { in_sync_since, clear_diagnosis, next_check } => {
                if let Some(refreshed) = in_sync_since {
                    self.metrics.synced(key, refreshed);
                }
                if clear_diagnosis {
                    self.recorder.clear_diagnosis(key, &entry).await;
                }
                return Outcome { requeue: next_check.map(|delay| (Priority::Resync, delay)) };
            }
            Action::WaitForStore => {
                self.objects.update(key, entry.uid(), |entry| entry.attempts += 1);
                return Outcome::requeue(Priority::Retry, STORE_WAIT);
            }
            Action::MarkUnmanaged(failure) => {
                return self.recorder.record_unmanaged(key, &entry, failure).await;
            }
            Action::RemoveFinalizer => {
                return remove_finalizer(&self.context.client, key, &entry.object).await;
            }
            Action::Ignore(reason) => {
                debug!(object = %key, ?reason, "ignored");
                return Outcome::done();
            }
        };
        self.recorder.record(key, &entry, start, result).await
    }

    async fn fail(&self, key: &ObjectKey, failure: Failure) -> Outcome {
        let Some(entry) = self.objects.get(key) else { return Outcome::done() };
        let failure = SyncFailure::new(NO_DATA, failure);
        self.recorder.record_failed(key, &entry, RECONCILE_TIMEOUT, failure).await
    }
}
