//! Sealing keys: the labelled key Secrets of the controller's namespace. `store` follows them and holds
//! the ring that all other modules read: an immutable snapshot, replaced whole. After a new key, objects
//! that failed for want of it are tried again.

mod key_secret;
pub(crate) mod mac_key;
mod store;

pub(crate) use key_secret::KeySettings;
pub(crate) use store::{KeyId, KeyRing, KeyStore};
