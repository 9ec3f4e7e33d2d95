//! The only writer of Secrets: it creates, patches and deletes them.
//!
//! ```text
//! watch ──▶ index (ownership and MACs; the data is dropped) ──▶ in sync? ── yes ──▶ nothing
//!                                                                 │ no
//! target ──▶ Writer::apply: read what exists ──▶ plan (pure) ──▶ policy ──▶ create, or patch under
//!                                                                          guards
//! ```
//!
//! Other clients may create, edit or delete the Secret between our read and our write. A patch and a
//! deletion carry uid and resourceVersion, so the API server then refuses them, and the writer plans
//! again. A creation never overwrites.
//!
//! `desired` plans for SealedSecrets, `external` for ExternalSecrets, and `patch` is what both share.

pub(crate) mod data_hash;
pub(crate) mod deletions;
pub(crate) mod desired;
pub(crate) mod external;
pub(crate) mod index;
pub(crate) mod ownership;
pub(crate) mod patch;
pub(crate) mod policy;
pub(crate) mod snapshot;
pub(crate) mod watch;
pub(crate) mod writer;

pub(crate) use deletions::RECREATE_DELAY;
pub(crate) use desired::DesiredSecret;
pub(crate) use external::ExternalSecretTarget;
pub(crate) use index::SecretIndex;
pub(crate) use ownership::Refusal;
pub(crate) use snapshot::SecretSnapshot;
pub(crate) use writer::{Applied, ApplyError, Deletion, Writer};

#[cfg(test)]
mod only_writer_tests;
