//! The state that the controller keeps for one workload.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    kind::WorkloadKey,
    plan::Memory,
    references::SecretUse,
    workload::{OtherRestarter, Workload},
};

/// A workload as a reconcile sees it.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadEntry {
    pub(crate) workload: Arc<Workload>,
    pub(crate) progress: Progress,
    /// It opted in while this controller was watching, so obstacles are reported at once.
    pub(crate) is_new: bool,
    /// The Secrets whose changes restart it, and what it uses of them.
    pub(crate) secrets: BTreeMap<String, SecretUse>,
    pub(crate) other_restarter: Option<OtherRestarter>,
}

/// The state that one reconcile passes to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) memory: Memory,
    pub(crate) reported: Reported,
    /// Failed writes in a row.
    pub(crate) attempts: u32,
}

/// The findings already reported in Events on a workload, so that no Event repeats them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported {
    pub(crate) invalid: Vec<String>,
    pub(crate) other_restarter: Option<OtherRestarter>,
    /// The digest of the postponed change.
    pub(crate) postponed: Option<String>,
    /// The message of the failure.
    pub(crate) failed: Option<String>,
}

/// The state of a workload in the index.
#[derive(Debug)]
pub(crate) enum View {
    /// Nothing asks for restarts of it.
    Untracked,
    /// This workload must be read first: itself, or the one whose template it uses.
    Unread(WorkloadKey),
    Tracked(Box<WorkloadEntry>),
}
