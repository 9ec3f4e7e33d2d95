//! SealedSecret → Secret.
//!
//! ```text
//!  watch of SealedSecrets ─▶ index: MAC of the inputs, record, status ┐
//!  watch of Secrets ───────▶ target: ownership, MAC of the content    ├─▶ queue ─▶ worker
//!  keys, namespaces, time ────────────────────────────────────────────┘
//!
//!  plan (pure):  in sync? ── yes ──▶ nothing: no RSA operation, no request
//!                  │ no
//!                  ▼
//!  sync:  read the object ─▶ prepare (pure) ─▶ unseal ─▶ render ─▶ target::Writer
//!  report:  status (pure), one patch if it differs; Event; retry
//! ```
//!
//! A crash between the writes of Secret and status costs one repeated decryption: its result is
//! compared before it is written. The reason of a failure decides whether it is retried.

pub mod controller;
pub mod entry;
pub mod index;
pub mod metrics;
pub mod plan;
pub mod prepare;
pub mod record;
pub mod render;
mod report;
pub mod status;
mod sync;
pub mod unseal;
pub mod watches;

pub use controller::SealedSecretController;
