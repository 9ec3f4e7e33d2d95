//! ExternalSecret → Secret.
//!
//! ```text
//!  ExternalSecret watch ─▶ index: the object and its last refresh  ┐
//!  Secret watch ─────────▶ target::index: is it as it was written? ├─▶ queue ─▶ reconcile
//!  stores, namespaces, time ───────────────────────────────────────┘
//!
//!  reconcile:  plan (pure) ── not due ──▶ wait, without a request
//!              │ due
//!              ▼
//!  refresh:    stores ─▶ identity ─▶ aws: planned reads ─▶ assemble (pure) ─▶ render
//!              ─▶ target::ExternalSecretTarget ─▶ target::Writer
//!              ▼
//!  record:     status (pure), one patch if it differs ─▶ memory ─▶ next reconcile ─▶ Event
//! ```
//!
//! If a value is denied, throttled, missing or stale, nothing is written. The Secret keeps the last good
//! values, `Ready` says since when, and `Explained` has each error with its remedy. If a store changes
//! while values are read, the values are discarded.

mod assemble;
mod batch_reads;
pub(crate) mod controller;
mod cron;
mod fetch;
mod finalizer;
mod index;
mod key_names;
pub(crate) mod metrics;
mod outcome;
mod plan;
mod recorder;
mod refresh;
pub(crate) mod render;
mod schedule;
pub(crate) mod settings;
mod sources;
mod status;
mod status_writer;
pub(crate) mod store;
mod store_controller;
mod store_index;
mod store_status;
mod store_watches;
mod target_secret;
mod template_source;
mod upstream_crd;
mod versions;
mod watches;

pub(crate) use controller::ExternalSecretController;
