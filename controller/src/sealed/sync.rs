//! The full work on one SealedSecret: read, check, decrypt, render, write the Secret.

use std::sync::Arc;

use crds::SealedSecret;
use kube::Api;
use templates::tool_metadata::remove_tool_metadata;
use tracing::debug;

use super::{
    controller::{Attempt, SealedSecretController},
    index::SealedSecretEntry,
    prepare::{Sealed, desired, desired_legacy, prepare},
    record::{Record, inputs},
    unseal::Sealing,
};
use crate::{
    key::ObjectKey,
    keys::KeyId,
    reason::Failure,
    runtime::{Outcome, Priority, request},
    target::{Applied, ApplyError, DesiredSecret, RECREATE_DELAY},
};

pub(super) struct Synced {
    pub(super) applied: Applied,
    pub(super) record: Record,
    pub(super) items: usize,
    /// The keys of randomly generated values.
    pub(super) random: Vec<String>,
}

impl Attempt<'_> {
    /// Syncs the object that the watch just reported, or reads the current one.
    pub(super) async fn sync(mut self) -> Outcome {
        let objects = &self.controller.objects;
        let object = match objects.take_pending(self.key) {
            Some(object) => object,
            None => match self.read().await {
                Ok(Some(object)) => object,
                Ok(None) => return Outcome::done(),
                Err(failure) => return self.retry(&failure),
            },
        };
        let Some(entry) = objects.get(self.key) else { return Outcome::done() };
        if object.metadata.deletion_timestamp.is_some() {
            return Outcome::done();
        }
        self.controller.metrics.unseal_requests.inc();
        let result = self.write_secret(&object, entry.applied.as_ref()).await;
        // Compare with the current status, for the generation that was synced.
        self.entry = SealedSecretEntry {
            generation: object.metadata.generation.unwrap_or_default(),
            uid: object.metadata.uid.clone().unwrap_or_default(),
            ..objects.get(self.key).unwrap_or(entry)
        };
        match result {
            Ok(synced) => self.report_synced(&object, &synced).await,
            // The watch of namespaces reports a change.
            Err(ApplyError::NamespaceGone) => {
                debug!(object = %self.key, "the namespace is terminating");
                Outcome::done()
            }
            Err(ApplyError::Vanished) => Outcome::requeue(Priority::Drift, RECREATE_DELAY),
            Err(ApplyError::Failed(failure)) => self.report_failure(&failure).await,
            Err(ApplyError::Refused(refusal)) => self.report_failure(&refusal.failure()).await,
        }
    }

    async fn read(&self) -> Result<Option<Arc<SealedSecret>>, Failure> {
        let SealedSecretController { context, objects, pending, .. } = self.controller;
        let key = self.key;
        let api: Api<SealedSecret> = Api::namespaced(context.client.clone(), &key.namespace);
        let object = request(api.get_opt(&key.name)).await;
        let object = object.map_err(|error| error.failure(&format!("read SealedSecret {key}")))?;
        let object = object.map(|object| Arc::new(self.controller.without_tool_metadata(object)));
        if let Some(object) = &object {
            objects.upsert(&context.mac_key, pending, object);
            drop(objects.take_pending(key));
        }
        Ok(object)
    }

    async fn write_secret(
        &self,
        object: &SealedSecret,
        last: Option<&Record>,
    ) -> Result<Synced, ApplyError> {
        let context = &self.controller.context;
        let first = last.map(|record| record.keys.clone()).unwrap_or_default();
        let result = self.decrypt(object, first).await;
        let (desired, keys) = result.map_err(ApplyError::Failed)?;
        // Decryption is slow, so another owner may have deleted their Secret meanwhile.
        let secrets = &context.secrets;
        if secrets.foreign_deletion(self.key).is_some() && !secrets.contains(self.key) {
            return Err(ApplyError::Vanished);
        }
        let (applied, snapshot) = context.writer.apply(&desired).await?;
        let secret = snapshot.expect("a SealedSecret always creates its Secret");
        let inputs = inputs(&context.mac_key, object);
        let record = Record { keys, inputs, content: secret.content };
        let random = desired.random.into_iter().flat_map(|random| random.keys).collect();
        Ok(Synced { applied, record, items: desired.data.len(), random })
    }

    /// The Secret from the items and the template, and the keys that opened the items.
    async fn decrypt(
        &self,
        object: &SealedSecret,
        first: Vec<KeyId>,
    ) -> Result<(DesiredSecret, Vec<KeyId>), Failure> {
        let SealedSecretController { context, unseal_pool, renderer, .. } = self.controller;
        let sealed = prepare(object, self.controller.accepts_legacy_data)?;
        let sealing = Sealing {
            pool: unseal_pool.clone(),
            key: ObjectKey::of(&object.metadata),
            scope: object.scope(),
            ring: context.keys.ring(),
            first: first.into(),
        };
        match sealed {
            Sealed::Items(items) => {
                let (items, keys) = sealing.unseal_items(items).await?;
                let rendered = renderer.render(self.key, &object.spec.template.data, items).await?;
                Ok((desired(object, rendered), keys))
            }
            Sealed::Legacy(bytes) => {
                let (json, key) = sealing.unseal_legacy(bytes).await?;
                let mut desired = desired_legacy(object, &json)?;
                if !context.settings.copies_tool_metadata {
                    remove_tool_metadata(&mut desired.labels);
                    remove_tool_metadata(&mut desired.annotations);
                }
                Ok((desired, vec![key]))
            }
        }
    }
}
