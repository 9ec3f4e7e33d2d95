//! Checks SecretStores and ClusterSecretStores from time to time: can the controller get credentials?

use std::{sync::Arc, time::Duration};

use crds::{
    ClusterSecretStore, SecretStore, StoreStatus,
    external_secret::{Condition, condition},
    secret_store::ClusterSecretStoreSpec,
};
use jiff::Timestamp;
use kube::{Api, api::ObjectMeta};
use tokio::time::Instant;
use tracing::warn;

use super::{
    batch_reads,
    index::ExternalIndex,
    metrics::ExternalMetrics,
    store::{Store, StoreKey},
    store_index::StoreIndex,
    store_status::{self, StoreCheck, Validity},
};
use crate::{
    aws::{Pool, identity::has_references_without_namespace, planner::BatchPermission},
    context::Context,
    key::ObjectKey,
    reason::Failure,
    runtime::{
        clock::Now,
        controller::{Controller, Outcome},
        events::Severity,
        go_duration,
        queue::{Priority, WorkQueue},
        status::{StatusWrite, write_status},
        worker::RECONCILE_TIMEOUT,
    },
};

/// The longest time between two checks. It caps the interval of the store.
const MAX_CHECK_INTERVAL: Duration = Duration::from_hours(24);

pub(crate) struct SecretStoreController {
    pub(super) context: Arc<Context>,
    pub(super) stores: Arc<StoreIndex>,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) pool: Arc<Pool>,
    pub(super) class: String,
    pub(super) check_interval: Duration,
    pub(super) queue: Arc<WorkQueue<StoreKey>>,
    /// The queue of the ExternalSecrets.
    pub(super) object_queue: Arc<WorkQueue>,
    pub(super) metrics: ExternalMetrics,
}

pub(crate) struct Observed {
    store: Arc<Store>,
    is_foreign: bool,
}

pub(crate) enum Action {
    Ignore,
    Check,
}

impl Controller for SecretStoreController {
    type Key = StoreKey;
    type Observed = Observed;
    type Action = Action;

    const NAME: &'static str = "secretstore";

    fn queue(&self) -> &WorkQueue<StoreKey> {
        &self.queue
    }

    fn observe(&self, key: &StoreKey) -> Option<Observed> {
        let store = self.stores.get(key)?;
        Some(Observed { is_foreign: store.is_foreign(&self.class), store })
    }

    fn plan(observed: &Observed, _: Now) -> Action {
        if observed.is_foreign { Action::Ignore } else { Action::Check }
    }

    async fn apply(&self, _: &StoreKey, observed: Observed, action: Action) -> Outcome {
        match action {
            Action::Ignore => Outcome::done(),
            Action::Check => {
                let started = Instant::now();
                let check = self.check(&observed.store).await;
                self.report(&observed.store, &check, started.elapsed()).await
            }
        }
    }

    async fn fail(&self, key: &StoreKey, failure: Failure) -> Outcome {
        let Some(store) = self.stores.get(key) else { return Outcome::done() };
        let check = StoreCheck {
            validity: Validity::NoCredentials(failure),
            batches: BatchPermission::Unknown,
            generation: store.generation,
        };
        self.report(&store, &check, RECONCILE_TIMEOUT).await
    }
}

impl SecretStoreController {
    async fn report(&self, store: &Store, check: &StoreCheck, took: Duration) -> Outcome {
        let interval = check_interval(store).unwrap_or(self.check_interval);
        let outcome = Outcome::requeue(Priority::Resync, interval);
        let is_ready = check.validity.is_ready();
        self.metrics.store(&store.key, is_ready);
        self.metrics.store_checked(&store.key, took);
        let next = store_status::next(&store.status, check, Timestamp::now());
        let Some(next) = next else { return outcome };
        if !self.write_status(store, &next).await {
            return outcome;
        }
        self.publish_change(store, &next.conditions, is_ready).await;
        if is_ready && !store_status::is_ready(&store.status) {
            self.requeue_waiting(&store.key);
        }
        outcome
    }

    /// Reconciles the objects again that read from this store and are out of sync.
    pub(super) fn requeue_waiting(&self, store: &StoreKey) {
        for object in self.objects.waiting_for(store) {
            self.object_queue.add(object, Priority::Change, Duration::ZERO);
        }
    }

    async fn check(&self, store: &Store) -> StoreCheck {
        let (validity, batches) = match self.credentials(store).await {
            Ok(found) => found,
            Err(validity) => (validity, BatchPermission::Unknown),
        };
        StoreCheck { validity, batches, generation: store.generation }
    }

    async fn credentials(&self, store: &Store) -> Result<(Validity, BatchPermission), Validity> {
        let is_aws = store.spec.provider.contains_key("aws");
        let wrong_provider = if is_aws { Validity::Invalid } else { Validity::Unsupported };
        let aws = store.aws().map_err(wrong_provider)?;
        store.check_conditions().map_err(Validity::Invalid)?;
        let recorded = batch_reads::recorded(store, Timestamp::now());
        if store.key.is_cluster_store() && has_references_without_namespace(&aws) {
            return Ok((Validity::PerNamespace, recorded));
        }
        let namespace = store.key.namespace.clone().unwrap_or_default();
        let content =
            |secret: &ObjectKey| Some(*self.context.secrets.get(secret)?.content.as_bytes());
        let identity = store.identity(&namespace, content).map_err(Validity::Invalid)?;
        if store.has_identity_per_namespace() {
            return Ok((Validity::PerNamespace, recorded));
        }
        let reader = self.pool.reader(identity, recorded).await;
        let reader = reader.map_err(Validity::without_credentials)?;
        let validity = match reader.credentials.get().await {
            Ok(_) => Validity::Valid,
            Err(failure) => Validity::without_credentials(failure),
        };
        Ok((validity, reader.planner.batch_permission()))
    }

    async fn write_status(&self, store: &Store, next: &StoreStatus) -> bool {
        let (key, client) = (&store.key, self.context.client.clone());
        if key.is_cluster_store() {
            let api: Api<ClusterSecretStore> = Api::all(client);
            is_written(key, write_status(&api, &key.name, &store.uid, next).await)
        } else {
            let api: Api<SecretStore> = Api::namespaced(client, &key.object_key().namespace);
            is_written(key, write_status(&api, &key.name, &store.uid, next).await)
        }
    }

    /// Publishes an Event if the status of `Ready` has changed.
    async fn publish_change(&self, store: &Store, conditions: &[Condition], is_ready: bool) {
        let before = condition(&store.status.conditions, "Ready").map(|ready| &ready.status);
        let ready = condition(conditions, "Ready").or_else(|| conditions.first());
        let Some(ready) = ready.filter(|ready| before != Some(&ready.status)) else { return };
        let severity = if is_ready { Severity::Normal } else { Severity::Warning };
        let reason = ready.reason.as_deref().unwrap_or_default();
        let message = ready.message.as_deref().unwrap_or_default();
        let metadata = ObjectMeta {
            name: Some(store.key.name.clone()),
            namespace: store.key.namespace.clone(),
            uid: Some(store.uid.clone()),
            ..ObjectMeta::default()
        };
        let spec = store.spec.clone();
        if store.key.is_cluster_store() {
            let spec = ClusterSecretStoreSpec { store: spec };
            let object = ClusterSecretStore { metadata, spec, status: None };
            self.context.events.publish(&object, severity, reason, message).await;
        } else {
            let object = SecretStore { metadata, spec, status: None };
            self.context.events.publish(&object, severity, reason, message).await;
        }
    }
}

fn is_written<K>(key: &StoreKey, written: StatusWrite<K>) -> bool {
    match written {
        StatusWrite::Written(_) => true,
        StatusWrite::Unchanged => false,
        StatusWrite::Invalid(failure) | StatusWrite::Failed(failure) => {
            let Failure { reason, message } = failure;
            warn!(store = %key, %reason, message, "status not written");
            false
        }
    }
}

/// `refreshInterval` of a store: a number of seconds, or a duration of Go.
pub(super) fn check_interval(store: &Store) -> Option<Duration> {
    let interval = match store.spec.refresh_interval.as_ref()? {
        serde_json::Value::Number(seconds) => Duration::from_secs(seconds.as_u64()?),
        serde_json::Value::String(text) => go_duration::parse(text)?,
        _ => return None,
    };
    (interval >= Duration::from_secs(1)).then(|| interval.min(MAX_CHECK_INTERVAL))
}
