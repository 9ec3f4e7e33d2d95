//! The stores that values are read from.

use std::{collections::BTreeMap, sync::Arc};

use crds::secret_store::AwsService;

use crate::{aws::pool::Reader, external::store::StoreKey, reason::Failure};

/// A store, with credentials to read from it.
pub(crate) struct ReadableStore {
    /// `SecretStore n/s`
    pub(crate) name: String,
    pub(crate) uid: String,
    /// `spec.provider`
    pub(crate) provider: serde_json::Value,
    pub(crate) service: AwsService,
    pub(crate) region: String,
    /// The prefix of all keys.
    pub(crate) prefix: String,
    pub(crate) reader: Arc<Reader>,
}

/// The stores of an object, or why a store cannot be used.
pub(crate) type ReadableStores = BTreeMap<StoreKey, Result<ReadableStore, Failure>>;
