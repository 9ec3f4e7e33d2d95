//! Leader election: of several replicas, one writes.
//!
//! ```text
//!  Lease ◀─ renew ─ election ─ extends, closes ─▶ Fence ◀─ asks ─ every request that changes something
//!                      │                            │
//!                 plan (pure)                opened: the workers start
//! ```
//!
//! The leader renews a Lease. A standby takes it when it has not changed for its duration, by the
//! clock of the standby. No clock is compared with that of another machine. The leader counts its
//! time from the start of its last successful renewal, so its time ends first, and the [`Fence`]
//! then refuses its writes.

mod election;
mod fence;
pub(super) mod fenced;
mod metrics;
mod plan;

pub(crate) use election::{Election, Ended};
pub(crate) use fence::Fence;
pub(crate) use fenced::FenceLayer;
pub(crate) use metrics::LeaderMetrics;
pub(crate) use plan::Timing;
