//! ExternalSecret → Secret.
//! ```text
//!  ExternalSecret watch ─▶ index: the object and its last refresh  ┐
//!  Secret watch ─────────▶ target::index: is it as it was written? ├─▶ queue ─▶ reconcile
//!  stores, namespaces, time ───────────────────────────────────────┘
//!
//!  reconcile:  plan (pure) ── not due ──▶ wait, without a request
//!              │ due
//!              ▼
//!  check:      only its interval has passed: are the applied versions those of AWS? ─▶ wait
//!              │ not all
//!              ▼
//!  refresh:    stores ─▶ identity ─▶ aws: planned reads ─▶ assemble (pure) ─▶ render
//!              ─▶ target::ExternalSecretTarget ─▶ target::Writer
//!              ▼
//!  record:     status (pure), one patch if it differs ─▶ memory ─▶ next reconcile ─▶ Event
//! ```
//!
//! If a value is denied, throttled, missing or stale, nothing is written. The Secret keeps the last good
//! values, `Ready` says since when, and `Explained` has each error with its remedy.

mod assemble;
mod attempt;
mod budget;
mod census;
mod check;
mod concerned;
pub(crate) mod controller;
mod conversion;
mod events;
mod fetch;
mod index;
mod looks;
pub(crate) mod metrics;
mod names;
mod outcome;
mod paths;
mod place;
mod plan;
mod read;
mod refresh;
pub(crate) mod render;
mod schedule;
mod spec;
mod status;
pub(crate) mod store;
mod store_controller;
mod store_status;
mod versions;
mod wakes;

pub(crate) use controller::ExternalSecretController;
pub(crate) use plan::Settings;
