//! The controller of SealedSecrets.

use std::{sync::Arc, time::Duration};

use super::{
    entry::SealedSecretEntry,
    index::SealedIndex,
    metrics::SealedSecretMetrics,
    plan::{Action, Observed, plan},
    render::Renderer,
    unseal::Unsealer,
};
use crate::{
    context::Context,
    key::ObjectKey,
    reason::Failure,
    runtime::{
        clock::Now,
        controller::{Controller, Outcome},
        queue::WorkQueue,
        template_settings::TemplateSettings,
    },
    target::watch::SealedSecretSubscriber,
};

/// How long a deleted Secret stays away, so that people can put another one in its place. Users of
/// Bitnami's controller rely on such a pause.
pub(crate) const RECREATE_DELAY: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Whether the deprecated `spec.data` is decrypted.
    pub(crate) accepts_legacy_data: bool,
    pub(crate) templates: TemplateSettings,
    /// Threads for templates, and half of those for RSA.
    pub(crate) cores: usize,
}

/// Turns SealedSecrets into Secrets.
pub(crate) struct SealedSecretController {
    pub(super) context: Arc<Context>,
    pub(crate) objects: SealedIndex,
    pub(crate) queue: Arc<WorkQueue>,
    pub(super) unsealer: Unsealer,
    pub(super) renderer: Renderer,
    pub(super) accepts_legacy_data: bool,
    pub(super) metrics: SealedSecretMetrics,
    /// They learn of the annotations of SealedSecrets.
    pub(super) subscribers: Vec<Arc<dyn SealedSecretSubscriber>>,
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
            objects: SealedIndex::new(context.mac_key.clone()),
            queue,
            // Two a core: with an odd number of items no core is idle during the last one.
            unsealer: Unsealer::new(2 * settings.cores),
            renderer: Renderer::new(settings.templates, settings.cores),
            accepts_legacy_data: settings.accepts_legacy_data,
            metrics,
            subscribers,
            context,
        }
    }

    fn confirm(&self, key: &ObjectKey, entry: &SealedSecretEntry) -> Outcome {
        drop(self.objects.take_pending(key));
        self.objects.update(key, &entry.uid, SealedSecretEntry::record_recovery);
        self.metrics.synced(key);
        Outcome::done()
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
        Some(Observed {
            entry: self.objects.get(key)?,
            secret: self.context.secrets.get(key),
            keys: self.context.keys.ring(),
            is_namespace_terminating: self.context.namespaces.is_terminating(&key.namespace),
        })
    }

    fn plan(observed: &Observed, _: Now) -> Action {
        plan(observed)
    }

    async fn apply(&self, key: &ObjectKey, observed: Observed, action: Action) -> Outcome {
        match action {
            Action::Ignore => Outcome::done(),
            Action::Confirm => self.confirm(key, &observed.entry),
            Action::WriteStatus(record) => self.repair_status(key, &observed.entry, &record).await,
            Action::Sync => self.sync(key).await,
        }
    }

    async fn fail(&self, key: &ObjectKey, failure: Failure) -> Outcome {
        match self.objects.get(key) {
            Some(entry) => self.report_failure(key, &entry, &failure).await,
            None => Outcome::done(),
        }
    }
}
