//! Sealing keys: the labelled key Secrets of the controller's namespace.
//!
//! `load` reads one Secret, `create` creates the first key, `store` follows the Secrets and holds
//! the ring that all other modules read: an immutable snapshot, replaced whole. `store` ignores an
//! unreadable key Secret, with a warning. Records that name a removed key no longer count. After a
//! new key, objects that failed for want of it are tried again.

pub mod create;
mod load;
pub mod mac_key;
pub mod metrics;
pub mod ring;
pub mod store;

pub use create::KeySettings;
pub use metrics::KeyMetrics;
pub use ring::{KeyId, KeyRing};
pub use store::KeyStore;
