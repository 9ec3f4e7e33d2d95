//! Sealing keys: the labelled key Secrets of the controller's namespace.
//!
//! `load` reads one Secret, `create` makes the first key, `store` follows the Secrets and holds
//! the ring that everybody else reads: an immutable snapshot, replaced whole. What can go wrong:
//! one unreadable key Secret (it is left out, and said), a key that goes (records that name it no
//! longer count), a key that comes (what failed for want of it is tried again).

pub mod create;
pub mod load;
pub mod mac_key;
pub mod ring;
pub mod store;

pub use ring::{KeyId, KeyRing};
pub use store::KeyStore;

/// On key Secrets: `active` means the key is used; any other value, that it is not.
pub const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// The value of [`KEY_LABEL`] on keys that are used.
pub const ACTIVE: &str = "active";
