//! The only writer of Secrets.
//!
//! ```text
//! watch ──▶ index (marks, MACs; the data is dropped) ──▶ is it settled? ── yes ──▶ nothing
//!                                                              │ no
//! desired ──▶ apply: read what exists ──▶ plan (pure) ──▶ create, or patch under guards
//! ```
//!
//! `apply` owns every write. What can go wrong: others create, edit or delete the Secret between
//! our read and our write. A patch carries uid and resourceVersion, so the API server refuses it
//! then, and the plan is made anew from what is there; a creation never overwrites.

pub mod apply;
pub mod data_hash;
pub mod desired;
pub mod external;
pub mod fingerprint;
pub mod index;
pub mod object;
pub mod ownership;
pub mod plan;
pub mod policy;

pub use apply::{Applied, ApplyError, Writer};
pub use desired::DesiredSecret;
pub use external::ExternalSecretTarget;
pub use index::{SecretIndex, SecretSnapshot};
pub use object::SecretObject;
