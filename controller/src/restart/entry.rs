//! The state that the controller keeps for one workload.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{
    baseline::Baseline,
    kind::WorkloadKey,
    references::SecretUse,
    workload::{OtherRestarter, Workload},
};
use crate::runtime::backoff::Repairs;

/// A workload as a reconcile finds it.
#[derive(Debug)]
pub(crate) enum View<T = WorkloadEntry> {
    /// This workload must be read first: itself, or the one whose template it uses.
    Unread(WorkloadKey),
    Tracked(Box<T>),
}

/// A workload in the index.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadEntry {
    pub(crate) workload: Arc<Workload>,
    pub(crate) progress: Progress,
    /// It opted in while this controller was watching, so obstacles are reported at once.
    pub(crate) is_new: bool,
    /// The Secrets whose changes restart it, and what it uses of them.
    pub(crate) secrets: BTreeMap<String, SecretUse>,
    /// Other software that restarts it, so that the controller does not.
    pub(crate) other_restarter: Option<OtherRestarter>,
}

/// The state that one reconcile passes to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The content that its Pods last had. It takes precedence over the annotation, which other
    /// writers may revert.
    pub(crate) baseline: Option<Baseline>,
    /// The text of the annotation that the baseline takes into account.
    pub(crate) considered_annotation: Option<String>,
    pub(crate) pending: Option<Pending>,
    pub(crate) restarted: Option<Instant>,
    /// Writes of a baseline without a restart.
    pub(crate) records: Repairs,
    /// Failed writes in a row.
    pub(crate) attempts: u32,
    // The findings that Events have reported, so that no Event repeats them:
    pub(crate) reported_invalid: Vec<String>,
    pub(crate) reported_restarter: Option<OtherRestarter>,
    /// The baseline after the postponed restart.
    pub(crate) reported_postponed: Option<Baseline>,
    /// The message of the failure.
    pub(crate) reported_failed: Option<String>,
}

/// A change that waits for its restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pending {
    pub(crate) first_seen: Instant,
    pub(crate) last_changed: Instant,
    /// The baseline after the restart.
    pub(crate) after: Baseline,
}
