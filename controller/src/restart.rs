//! Restarts annotated workloads when Secrets that they use change (`docs/design/architecture.md`,
//! "Restarts of workloads").

pub(crate) mod annotations;
pub(crate) mod apply;
pub(crate) mod baseline;
pub(crate) mod controller;
pub(crate) mod events;
pub(crate) mod index;
pub(crate) mod kind;
mod lookups;
pub(crate) mod metrics;
pub(crate) mod plan;
pub(crate) mod references;
pub(crate) mod watches;
pub(crate) mod workload;

pub(crate) use controller::RestartController;
pub(crate) use metrics::RestartMetrics;
pub(crate) use plan::Settings;
