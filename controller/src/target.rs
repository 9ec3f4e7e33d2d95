//! The only writer of Secrets: it creates, patches and deletes them.
//!
//! ```text
//! watch ──▶ index (ownership and MACs; the data is dropped) ──▶ in sync? ── yes ──▶ nothing
//!                                                                 │ no
//! target ──▶ Writer::apply: read what exists ──▶ plan (pure) ──▶ create, or patch under guards
//! ```
//!
//! Others may create, edit or delete the Secret between our read and our write. A patch and a
//! deletion carry uid and resourceVersion, so the API server refuses them then, and the writer plans
//! again. A creation never overwrites.
//!
//! Two planners share the patch: `plan` for SealedSecrets, `external` for ExternalSecrets.

pub mod data_hash;
pub mod desired;
pub mod external;
pub mod fingerprint;
pub mod index;
pub mod ownership;
pub mod patch;
mod plan;
pub mod policy;
pub mod producer;
pub mod refusal;
pub mod snapshot;
pub mod watch;
pub mod writer;

pub use desired::DesiredSecret;
pub use external::ExternalSecretTarget;
pub use index::SecretIndex;
pub use refusal::Refusal;
pub use snapshot::SecretSnapshot;
pub use writer::{Applied, ApplyError, Deletion, SecretTarget, Writer};

#[cfg(test)]
mod only_writer;
