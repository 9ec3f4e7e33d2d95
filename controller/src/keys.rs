//! Sealing keys: the labelled key Secrets of the controller's namespace. `store` follows them and holds
//! the ring that all other modules read: an immutable snapshot, replaced whole. After a new key, objects
//! that failed for want of it are tried again.

pub(crate) mod create;
mod load;
pub(crate) mod mac_key;
pub(crate) mod metrics;
pub(crate) mod ring;
pub(crate) mod store;

pub(crate) use create::KeySettings;
pub(crate) use metrics::KeyMetrics;
pub(crate) use ring::{KeyId, KeyRing};
pub(crate) use store::KeyStore;
