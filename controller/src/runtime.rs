//! The machinery that every controller uses.
//!
//! `controller` shows how the parts work together. A controller brings its `observe`, `plan` and
//! `apply`. The queue, the workers, indexes, watches, back-off, statuses and Events are here, once.

pub mod api;
pub mod backoff;
pub mod blocking;
pub mod client;
pub mod clock;
pub mod conditions;
pub mod conflict;
pub mod controller;
pub mod events;
pub mod go_duration;
pub mod index;
pub mod mac;
pub mod metrics;
pub mod namespaces;
pub mod queue;
pub mod readiness;
pub mod scope;
pub mod secret;
pub mod status;
pub mod template_settings;
pub mod watch;
pub mod worker;

pub use api::FIELD_MANAGER;
