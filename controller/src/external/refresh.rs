//! One refresh: reads the values of an ExternalSecret and writes its Secret.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    fetch::fetch,
    index::{ExternalIndex, ExternalSecretEntry},
    outcome::{NO_DATA, NO_UPDATE, SyncError, SyncFailure, Synced},
    render::{RenderError, RenderJob, Renderer},
    settings::Settings,
    store::StoreKey,
    store_index::{ReferencedStores, StoreIndex},
    template_source::read_templates,
};
use crate::{
    aws::Pool,
    context::Context,
    key::ObjectKey,
    runtime::{index::Indexed as _, queue::WorkQueue},
};

pub(super) struct Refresher {
    pub(super) context: Arc<Context>,
    pub(super) objects: Arc<ExternalIndex>,
    pub(super) stores: Arc<StoreIndex>,
    pub(super) pool: Arc<Pool>,
    pub(super) store_queue: Arc<WorkQueue<StoreKey>>,
    pub(super) renderer: Renderer,
    pub(super) settings: Settings,
}

impl Refresher {
    pub(super) async fn refresh(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        stores: &ReferencedStores,
    ) -> Result<Synced, SyncError> {
        let readable = self.readable_stores(stores, &key.namespace).await;
        let texts = read_templates(&self.context.client, &entry.object).await;
        let entries = fetch(&entry.object, &readable, &entry.versions, Instant::now()).await;
        // Discard the values if the object or the identity of a store changed during the read (F20).
        let is_same = self.objects.get(key).is_some_and(|now| now.uid() == entry.uid());
        if !is_same || !self.stores.has_unchanged(stores) {
            return Err(SyncError::Superseded);
        }
        self.report_batch_permissions(stores, &readable);
        let job = RenderJob {
            object: entry.object.clone(),
            entries,
            texts,
            versions: entry.versions.clone(),
            copies_metadata: self.settings.copies_metadata,
        };
        let rendered = self.renderer.render(job).await.map_err(|error| match error {
            RenderError::Template(failure) => SyncFailure::new(NO_UPDATE, failure),
            RenderError::Values(errors, versions) => SyncFailure {
                message: NO_DATA,
                has_binding: false,
                errors,
                versions: Some(versions),
            },
        })?;
        self.sync_secret(key, entry, rendered).await
    }
}
