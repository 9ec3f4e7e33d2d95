//! Reconciles ExternalSecrets: observe, plan, apply.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::Client;
use tokio::time::Instant;
use tracing::debug;

use super::{
    finalizer::remove_finalizer,
    index::{ExternalIndex, SecretState},
    metrics::ExternalMetrics,
    outcome::{SecretChange, SyncError, Synced},
    plan::{Action, Observed, plan},
    recorder::{BACKOFF_MAX_TRANSIENT, RefreshRecorder, RefreshStart},
    refresh::Refresher,
    render::Renderer,
    sources::StoreSources,
    status_writer::StatusWriter,
    store::StoreKey,
    store_controller::SecretStoreController,
    store_index::StoreIndex,
    target_secret::TargetSecrets,
    template_source::TemplateSource,
};
use crate::{
    aws::Pool,
    key::ObjectKey,
    runtime::{
        events::EventPublisher,
        namespaces::Namespaces,
        queue::{Priority, WorkQueue},
    },
    target::{SecretIndex, Writer, policy::Policy},
};

/// How many stores are checked at the same time.
pub const STORE_WORKERS: usize = 4;
/// How long an object waits for a store that does not exist.
const STORE_WAIT: Duration = Duration::from_millis(700);

#[derive(Clone, Debug)]
pub struct Settings {
    /// The class of this controller. It ignores stores of other classes.
    pub class: String,
    /// Whether Secrets have an annotation with the hash of their data.
    pub writes_data_hash: bool,
    /// Whether a Secret without a template gets the object's labels and annotations.
    pub copies_metadata: bool,
    /// Whether an existing Secret is only adopted if its annotation allows that.
    pub requires_consent: bool,
    /// False if the controller is limited to some namespaces.
    pub watches_cluster_stores: bool,
    /// The time between two checks of a store without `refreshInterval`.
    pub store_check_interval: Duration,
}

/// What the controller shares with others.
pub struct Dependencies {
    pub client: Client,
    pub secrets: Arc<SecretIndex>,
    pub writer: Writer,
    pub namespaces: Arc<Namespaces>,
    pub pool: Arc<Pool>,
    pub renderer: Renderer,
    pub policy: Policy,
    pub queue: Arc<WorkQueue>,
    pub events: EventPublisher,
    pub metrics: ExternalMetrics,
}

pub struct ExternalSecretController {
    pub(super) client: Client,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) secrets: Arc<SecretIndex>,
    pub(super) queue: Arc<WorkQueue>,
    pub(super) metrics: ExternalMetrics,
    pub(super) stores: Arc<SecretStoreController>,
    settings: Settings,
    namespaces: Arc<Namespaces>,
    refresher: Refresher,
    recorder: RefreshRecorder,
}

impl ExternalSecretController {
    pub fn new(shared: Dependencies, settings: Settings) -> Self {
        let Dependencies {
            client,
            secrets,
            writer,
            namespaces,
            pool,
            renderer,
            policy,
            queue,
            events,
            metrics,
        } = shared;
        let objects = Arc::<ExternalIndex>::default();
        let stores = Arc::<StoreIndex>::default();
        let store_queue = Arc::new(WorkQueue::<StoreKey>::new(STORE_WORKERS));
        let store_controller = SecretStoreController {
            client: client.clone(),
            stores: stores.clone(),
            objects: objects.clone(),
            secrets: secrets.clone(),
            pool: pool.clone(),
            class: settings.class.clone(),
            check_interval: settings.store_check_interval,
            queue: store_queue.clone(),
            object_queue: queue.clone(),
            events: events.clone(),
            metrics: metrics.clone(),
        };
        let refresher = Refresher {
            objects: objects.clone(),
            stores,
            sources: StoreSources {
                secrets: secrets.clone(),
                namespaces: namespaces.clone(),
                pool,
                store_queue,
            },
            templates: TemplateSource { client: client.clone() },
            renderer,
            target: TargetSecrets {
                writer,
                secrets: secrets.clone(),
                policy,
                writes_data_hash: settings.writes_data_hash,
                requires_consent: settings.requires_consent,
                events: events.clone(),
            },
            copies_metadata: settings.copies_metadata,
        };
        let recorder = RefreshRecorder {
            objects: objects.clone(),
            secrets: secrets.clone(),
            queue: queue.clone(),
            status: StatusWriter::new(client.clone(), objects.clone()),
            events,
            metrics: metrics.clone(),
        };
        Self {
            client,
            objects,
            secrets,
            queue,
            metrics,
            stores: Arc::new(store_controller),
            settings,
            namespaces,
            refresher,
            recorder,
        }
    }

    pub async fn reconcile(&self, key: &ObjectKey) {
        let Some(entry) = self.objects.get(key) else { return };
        let secret = self.secrets.get(&entry.target());
        let stores = self.stores.stores.referenced_by(&entry.object);
        let observed = Observed {
            entry: &entry,
            secret: secret.as_ref(),
            stores: &stores,
            namespace_is_terminating: self.namespaces.is_terminating(&key.namespace),
            class: &self.settings.class,
            watches_cluster_stores: self.settings.watches_cluster_stores,
        };
        let now = Timestamp::now();
        let start = RefreshStart {
            at: Instant::now(),
            date: now,
            secret: SecretState::of(secret.as_ref()),
        };
        let outcome = match plan(&observed, now) {
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
                if let Some(delay) = next_check {
                    self.queue.add(key.clone(), Priority::Resync, delay);
                }
                return;
            }
            Action::WaitForStore => {
                self.objects.update(key, entry.uid(), |entry| entry.attempts += 1);
                return self.queue.add(key.clone(), Priority::Retry, STORE_WAIT);
            }
            Action::MarkUnmanaged(failure) => {
                return self.recorder.record_unmanaged(key, &entry, failure).await;
            }
            Action::RemoveFinalizer => {
                if remove_finalizer(&self.client, key, &entry.object).await.is_err() {
                    self.queue.add(key.clone(), Priority::Retry, BACKOFF_MAX_TRANSIENT);
                }
                return;
            }
            Action::Ignore(reason) => return debug!(object = %key, ?reason, "ignored"),
        };
        self.recorder.record(key, &entry, start, outcome).await;
    }
}
