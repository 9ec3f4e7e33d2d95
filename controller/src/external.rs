//! ExternalSecret → Secret.
//!
//! ```text
//!  ExternalSecret watch ─▶ index: the object, what was read and when ┐
//!  Secret watch ─────────▶ target::index: marks, does the hash hold?  ├─▶ queue ─▶ reconcile
//!  stores, namespaces, time ──────────────────────────────────────────┘
//!
//!  reconcile:  due? (schedule, pure) ── no ──▶ nothing: no request to anybody
//!              │ yes
//!              ▼
//!  stores (pure) ─▶ identity ─▶ aws: what is wanted, planned ─▶ assemble (pure) ─▶ render
//!              ─▶ target::External ─▶ target::Writer ─▶ status (pure), one patch if it differs
//! ```
//!
//! What can go wrong: a value is denied, throttled, missing or stale. Then nothing is written: the
//! Secret keeps the last good values, `Ready` says since when, and `Explained` says of each value what
//! is wrong and what to do. A store that changes while values are read makes the answer void.

mod apply;
pub mod assemble;
mod conclude;
pub mod controller;
pub mod cron;
mod deletion;
pub mod fetch;
pub mod index;
pub mod key_names;
pub mod render;
pub mod schedule;
mod sources;
pub mod status;
pub mod store;
pub mod stores;
pub mod upstream_crd;
pub mod versions;
pub mod watches;

pub use controller::ExternalSecretController;
