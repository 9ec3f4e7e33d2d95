//! Sealing keys: the labelled key Secrets of the controller's namespace.
//!
//! `load` reads one Secret, `create` creates the first key, `store` follows the Secrets and holds
//! the ring that everybody else reads: an immutable snapshot, replaced whole. What can go wrong:
//! one unreadable key Secret (it is ignored, with a warning), a removed key (records that name it no
//! longer count), a new key (objects that failed for want of it are tried again).

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
