//! The stores of an ExternalSecret as sources of values: permission to use them, and their identity.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    batch_reads,
    fetch::store::{ReadableStore, ReadableStores},
    refresh::Refresher,
    store::{Store, StoreKey},
    store_index::ReferencedStores,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::queue::Priority,
};

impl Refresher {
    /// The stores, with an identity to read from each for an object of this namespace.
    pub(super) async fn readable_stores(
        &self,
        stores: &ReferencedStores,
        namespace: &str,
    ) -> ReadableStores {
        let mut readable = ReadableStores::new();
        for (key, store) in stores {
            let store = self.readable_store(key, store.as_deref(), namespace).await;
            readable.insert(key.clone(), store);
        }
        readable
    }

    /// Has new batch permissions recorded in the status of the stores.
    pub(super) fn report_batch_permissions(
        &self,
        stores: &ReferencedStores,
        readable: &ReadableStores,
    ) {
        for (key, store) in stores {
            if let (Some(store), Some(Ok(readable))) = (store, readable.get(key))
                && !store.has_identity_per_namespace()
                && batch_reads::is_news(
                    &store.status.conditions,
                    readable.reader.planner.batch_permission(),
                )
            {
                self.store_queue.add(key.clone(), Priority::Change, Duration::ZERO);
            }
        }
    }

    async fn readable_store(
        &self,
        key: &StoreKey,
        store: Option<&Store>,
        namespace: &str,
    ) -> Result<ReadableStore, Failure> {
        let invalid = |message: String| Failure::new(Reason::StoreInvalid, message);
        let store = store.ok_or_else(|| invalid(format!("{key} was not found")))?;
        if !store.allows(namespace, || self.context.namespaces.labels(namespace))? {
            let message = format!("the conditions of {key} do not allow namespace {namespace}");
            return Err(invalid(message));
        }
        let aws = store.aws()?;
        let content =
            |secret: &ObjectKey| Some(*self.context.secrets.get(secret)?.content.as_bytes());
        let identity = store.identity(namespace, content)?;
        let recorded = batch_reads::recorded(store, Timestamp::now());
        let reader = self.pool.reader(identity, recorded).await?;
        Ok(ReadableStore {
            name: key.to_string(),
            uid: store.uid.clone(),
            provider: serde_json::json!(store.spec.provider),
            service: aws.service,
            region: aws.region,
            prefix: aws.prefix,
            reader,
        })
    }
}
