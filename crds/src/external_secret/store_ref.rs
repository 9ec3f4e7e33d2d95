//! References to stores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lenient;

/// A reference to a store.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub struct StoreRef {
    /// The name of the store.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// The kind of the store.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub kind: StoreKind,
}

/// The kind of a store.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
pub enum StoreKind {
    /// A store in the namespace of the ExternalSecret.
    #[default]
    SecretStore,
    /// A store for the whole cluster.
    ClusterSecretStore,
}
