//! Sealing keys: the labelled key Secrets of the controller's namespace. `store` watches them and holds
//! the ring that all other modules read: an immutable snapshot that is replaced as a whole. After a new
//! key, the controller retries objects that failed because no key opened them.

mod key_secret;
pub(crate) mod mac_key;
mod store;

pub(crate) use key_secret::KeySettings;
pub(crate) use store::{KeyId, KeyRing, KeyStore};
