//! The controller of SealedSecrets.

use std::{
    sync::{Arc, Once},
    time::Duration,
};

use super::{
    index::{PendingBudget, SealedSecretEntry},
    metrics::SealedSecretMetrics,
    plan::{Action, Observed, plan},
    render::Renderer,
};
use crate::{
    context::{Context, TemplateSettings},
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{BlockingPool, Controller, Now, ObjectIndex, Outcome, Priority, WorkQueue},
    target::watch::SealedSecretSubscriber,
};

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether the deprecated `spec.data` is decrypted.
    pub(crate) accepts_legacy_data: bool,
    /// Whether results are written to the status.
    pub(crate) writes_status: bool,
    /// Whether a Secret that others changed or deleted stays so until the SealedSecret changes.
    pub(crate) skips_recreate: bool,
    pub(crate) templates: TemplateSettings,
    /// Half of the threads for templates, and of those for RSA.
    pub(crate) cores: usize,
}

pub(crate) struct SealedSecretController {
    pub(super) context: Arc<Context>,
    pub(crate) objects: ObjectIndex<ObjectKey, SealedSecretEntry>,
    pub(super) pending: PendingBudget,
    pub(crate) queue: Arc<WorkQueue>,
    pub(super) unseal_pool: BlockingPool,
    pub(super) renderer: Renderer,
    pub(super) accepts_legacy_data: bool,
    pub(super) writes_status: bool,
    pub(super) skips_recreate: bool,
    pub(crate) metrics: SealedSecretMetrics,
    /// They receive the annotations of SealedSecrets.
    pub(super) subscribers: Vec<Arc<dyn SealedSecretSubscriber>>,
    /// Whether the controller has warned that the CRD in the cluster drops the records.
    pub(super) pruning_warning: Once,
}

/// One reconcile of one object.
pub(super) struct Attempt<'a> {
    pub(super) controller: &'a SealedSecretController,
    pub(super) key: &'a ObjectKey,
    pub(super) entry: SealedSecretEntry,
}

impl SealedSecretController {
    pub(crate) fn new(
        context: Arc<Context>,
        queue: Arc<WorkQueue>,
        metrics: SealedSecretMetrics,
        settings: Settings,
        subscribers: Vec<Arc<dyn SealedSecretSubscriber>>,
    ) -> Self {
        Self {
            context,
            objects: ObjectIndex::default(),
            pending: PendingBudget::default(),
            queue,
            // Two per core, because one namespace may hold half of them: that is one per core.
            unseal_pool: BlockingPool::new(2 * settings.cores),
            renderer: Renderer::new(settings.templates, 2 * settings.cores),
            accepts_legacy_data: settings.accepts_legacy_data,
            writes_status: settings.writes_status,
            skips_recreate: settings.skips_recreate,
            metrics,
            subscribers,
            pruning_warning: Once::new(),
        }
    }

    pub(super) fn count_failure(&self, key: &ObjectKey, reason: Reason) {
        self.metrics.failed(key, reason, || self.objects.has_namespace(&key.namespace));
    }

    /// The namespace is selected from now on.
    pub(crate) fn enqueue_namespace(&self, namespace: &str) {
        for key in self.objects.keys_where(|key, _| key.namespace == namespace) {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }

    /// Another process led until now.
    pub(crate) fn follow_statuses(&self) {
        self.objects.change_each(SealedSecretEntry::follow_status);
    }
}

impl Controller for SealedSecretController {
    type Key = ObjectKey;
    type Observed = Observed;
    type Action = Action;

    const NAME: &'static str = "sealedsecret";

    fn queue(&self) -> &WorkQueue {
        &self.queue
    }

    fn observe(&self, key: &ObjectKey) -> Option<Observed> {
        if !self.context.namespaces.is_selected(&key.namespace) {
            return None;
        }
        Some(Observed {
            entry: self.objects.get(key)?,
            secret: self.context.secrets.get(key),
            foreign_deletion: self.context.secrets.foreign_deletion(key),
            keys: self.context.keys.ring(),
            is_namespace_terminating: self.context.namespaces.is_terminating(&key.namespace),
            writes_status: self.writes_status,
            skips_recreate: self.skips_recreate,
        })
    }

    fn plan(observed: &Observed, now: Now) -> Action {
        plan(observed, now)
    }

    async fn apply(&self, key: &ObjectKey, observed: Observed, action: Action) -> Outcome {
        let attempt = Attempt { controller: self, key, entry: observed.entry };
        match action {
            Action::Ignore => Outcome::done(),
            Action::Confirm => attempt.confirm(),
            Action::WriteStatus(record) => attempt.repair_status(&record).await,
            Action::Sync => attempt.sync().await,
            Action::Wait(delay) => Outcome::requeue(Priority::Drift, delay),
        }
    }

    async fn fail(&self, key: &ObjectKey, failure: Failure) -> Outcome {
        let Some(entry) = self.objects.get(key) else { return Outcome::done() };
        Attempt { controller: self, key, entry }.report_failure(&failure).await
    }
}
