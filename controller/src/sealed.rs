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
//! After a crash between the writes of Secret and status, the controller decrypts again, and
//! compares the result before it writes. The reason of a failure decides whether it is retried.

pub(crate) mod controller;
pub(crate) mod index;
mod key_usage;
pub(crate) mod metrics;
pub(crate) mod plan;
pub(crate) mod prepare;
pub(crate) mod record;
pub(crate) mod render;
mod report;
mod sync;
pub(crate) mod unseal;
pub(crate) mod watches;

pub(crate) use controller::SealedSecretController;
