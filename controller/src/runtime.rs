//! The machinery that every controller uses.
//!
//! `controller` shows how the parts work together. A controller implements `observe`, `plan` and
//! `apply`. All controllers share the queue, the workers, indexes, watches, back-off, statuses and
//! Events of this module.

pub(crate) mod api;
pub(crate) mod backoff;
pub(crate) mod blocking;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod controller;
pub(crate) mod events;
pub(crate) mod index;
pub(crate) mod leader;
pub(crate) mod lenient;
pub(crate) mod mac;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod reconcile_metrics;
pub(crate) mod scope;
pub(crate) mod secret;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod watch;

pub(crate) use api::{FIELD_MANAGER, RequestError, request, version_of};
pub(crate) use backoff::{Backoff, ConflictBackoff, Repairs};
pub(crate) use blocking::BlockingPool;
pub(crate) use clock::Now;
pub(crate) use controller::{Controller, Outcome, RECONCILE_TIMEOUT, spawn_workers};
pub(crate) use crds::go_duration;
pub(crate) use events::Severity;
pub(crate) use index::{Indexed, ObjectIndex};
pub(crate) use leader::Fence;
pub(crate) use lenient::Lenient;
pub(crate) use mac::{Mac, MacKey};
pub(crate) use metrics::QueueMetrics;
pub(crate) use queue::{Priority, WorkQueue};
pub(crate) use reconcile_metrics::ReconcileMetrics;
pub(crate) use scope::{NamespaceScope, WatchScope};
pub(crate) use secret::{FINGERPRINT_KEY_SECRET, KEY_LABEL, SecretObject, SecretValue};
pub(crate) use status::{StatusError, write_status};
pub(crate) use stop::stopped;
pub(crate) use watch::{
    CRD_POLL_INTERVAL, LARGE_OBJECTS_PAGE, Listing, Readiness, Watch, WatchEvent,
};
