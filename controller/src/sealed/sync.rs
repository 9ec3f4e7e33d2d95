//! The full work on one SealedSecret: read, check, decrypt, render, write the Secret.

use std::sync::Arc;

use crds::SealedSecret;
use kube::Api;
use tracing::debug;

use super::{
    controller::{RECREATE_DELAY, SealedSecretController},
    entry::SealedSecretEntry,
    prepare::{Sealed, desired, desired_legacy, prepare},
    record::{Record, inputs},
    unseal::Sealing,
};
use crate::{
    key::ObjectKey,
    keys::KeyId,
    reason::Failure,
    runtime::{api::request, controller::Outcome, queue::Priority},
    target::{Applied, ApplyError, DesiredSecret},
};

/// A Secret that is in sync.
pub(super) struct Synced {
    pub(super) applied: Applied,
    pub(super) record: Record,
    /// How many items it has.
    pub(super) items: usize,
    /// The keys of randomly generated values.
    pub(super) random: Vec<String>,
}

impl SealedSecretController {
    /// Syncs the object as the watch just reported it, or else as it is now.
    pub(super) async fn sync(&self, key: &ObjectKey) -> Outcome {
        let object = match self.objects.take_pending(key) {
            Some(object) => object,
            None => match self.read(key).await {
                Ok(Some(object)) => object,
                Ok(None) => return Outcome::done(),
                Err(failure) => return self.retry(key, &failure),
            },
        };
        let Some(entry) = self.objects.get(key) else { return Outcome::done() };
        if object.metadata.deletion_timestamp.is_some() {
            return Outcome::done();
        }
        self.metrics.unseal_requests.inc();
        let failure = match self.write_secret(&object, &entry).await {
            Ok(synced) => return self.report_synced(key, &object, &synced).await,
            // The watch of namespaces reports it if there is work again.
            Err(ApplyError::NamespaceGone) => {
                debug!(object = %key, "the namespace is terminating");
                return Outcome::done();
            }
            Err(ApplyError::Vanished) => return Outcome::requeue(Priority::Drift, RECREATE_DELAY),
            Err(ApplyError::Failed(failure)) => failure,
            Err(ApplyError::Refused(refusal)) => refusal.failure(),
        };
        self.report_failure(key, &self.entry_of(key, &object), &failure).await
    }

    async fn read(&self, key: &ObjectKey) -> Result<Option<Arc<SealedSecret>>, Failure> {
        let api: Api<SealedSecret> = Api::namespaced(self.context.client.clone(), &key.namespace);
        let object = request(api.get_opt(&key.name)).await;
        let object = object.map_err(|error| error.failure(&format!("read SealedSecret {key}")))?;
        Ok(object.map(|object| {
            let object = Arc::new(object);
            self.objects.upsert(&object);
            drop(self.objects.take_pending(key));
            object
        }))
    }

    async fn write_secret(
        &self,
        object: &SealedSecret,
        entry: &SealedSecretEntry,
    ) -> Result<Synced, ApplyError> {
        let (desired, keys) = self.decrypt(object, entry).await.map_err(ApplyError::Failed)?;
        let (applied, snapshot) = self.context.writer.apply(&desired).await?;
        let content = snapshot.expect("a SealedSecret always creates its Secret").content;
        let record = Record { keys, inputs: inputs(&self.context.mac_key, object), content };
        let random = desired.random.into_iter().flat_map(|random| random.keys).collect();
        Ok(Synced { applied, record, items: desired.data.len(), random })
    }

    /// The Secret that the items and the template give, and the keys that opened the items.
    async fn decrypt(
        &self,
        object: &SealedSecret,
        entry: &SealedSecretEntry,
    ) -> Result<(DesiredSecret, Vec<KeyId>), Failure> {
        let sealed = prepare(object, &self.context.policy, self.accepts_legacy_data)?;
        let last_keys = entry.applied.as_ref().map(|record| record.keys.clone());
        let sealing = Sealing {
            key: ObjectKey::of(&object.metadata),
            scope: object.scope(),
            ring: self.context.keys.ring(),
            first: last_keys.unwrap_or_default().into(),
        };
        match sealed {
            Sealed::Items(items) => {
                let (items, keys) = self.unsealer.unseal_items(&sealing, items).await?;
                let rendered = self.renderer.render(&object.spec.template.data, items).await?;
                Ok((desired(object, rendered), keys))
            }
            Sealed::Legacy(bytes) => {
                let (json, key) = self.unsealer.unseal_legacy(&sealing, bytes).await?;
                Ok((desired_legacy(object, &json, &self.context.policy)?, vec![key]))
            }
        }
    }
}
