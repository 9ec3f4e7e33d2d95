//! The machinery that every controller uses.

pub mod api;
pub mod backoff;
pub mod client;
pub mod events;
pub mod go_duration;
pub mod mac;
pub mod metrics;
pub mod namespaces;
pub mod queue;
pub mod scope;
pub mod secret;
pub mod watch;

/// The name under which the controller writes (`metadata.managedFields`).
pub const FIELD_MANAGER: &str = "mtk-controller";
