//! SealedSecret → Secret.
//!
//! ```text
//!  SealedSecret watch ─▶ index: MAC of the inputs, record, status     ┐
//!  Secret watch ───────▶ target::index: marks, MAC of the content     ├─▶ queue ─▶ reconcile
//!  key Secrets, namespaces, time ─────────────────────────────────────┘
//!
//!  reconcile:  state? ── settled ──▶ nothing: no RSA, no request
//!              │ unsettled
//!              ▼
//!  the object (from the watch, else read) ─▶ prepare (pure) ─▶ unseal (RSA, on a bounded pool)
//!              ─▶ render (on another) ─▶ DesiredSecret ─▶ target::Writer ─▶ status (pure), one patch if it differs
//! ```
//!
//! `index` owns what is known of the objects, `target` every write of a Secret, `reconcile` the
//! order of the steps and the write of the status. What can go wrong: a crash between Secret and
//! status costs one repeated opening, whose result is compared before it is written; an object
//! that fails holds a worker for its own time only, and is tried again when its reason says so.

pub mod controller;
pub mod index;
pub mod metrics;
pub mod prepare;
pub mod record;
pub mod render;
pub mod status;
pub mod unseal;
pub mod watches;

pub use controller::SealedSecretController;
pub use index::SealedIndex;
