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
pub struct WorkloadEntry {
    pub workload: Arc<Workload>,
    pub progress: Progress,
    /// It opted in while this controller was watching, so obstacles are reported at once.
    pub is_new: bool,
    /// The Secrets whose changes restart it, and what it uses of them.
    pub secrets: BTreeMap<String, SecretUse>,
    pub other_restarter: Option<OtherRestarter>,
}

/// The state that one reconcile passes to the next.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub memory: Memory,
    pub reported: Reported,
    /// Failed writes in a row.
    pub attempts: u32,
}

/// The findings already reported in Events on a workload, so that no Event repeats them.
#[derive(Clone, Debug, Default)]
pub struct Reported {
    pub invalid: Vec<String>,
    pub other_restarter: Option<OtherRestarter>,
    /// The digest of the postponed change.
    pub postponed: Option<String>,
    /// The message of the failure.
    pub failed: Option<String>,
}

/// The state of a workload in the index.
#[derive(Debug)]
pub enum View {
    /// Nothing asks for restarts of it.
    Untracked,
    /// This workload must be read first: itself, or the one whose template it uses.
    Unread(WorkloadKey),
    Tracked(Box<WorkloadEntry>),
}
