//! The workloads that ask for restarts. The controller keeps nothing of all others.

mod graph;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard};

use graph::{Graph, MissingTarget};
pub(crate) use graph::{Source, Touched};
use tokio::time::Instant;

use super::{
    entry::{Progress, View},
    kind::{WorkloadKey, WorkloadKind},
    workload::{Workload, WorkloadObject, target_of},
};
use crate::key::ObjectKey;

/// Never holds its lock across an await.
#[derive(Default)]
pub(crate) struct Index(Mutex<Graph>);

impl Index {
    /// Takes in a workload or Canary, unless the index has a newer version. `is_new` is false for
    /// objects of the initial list.
    pub(crate) fn upsert(
        &self,
        kind: WorkloadKind,
        object: &WorkloadObject,
        is_new: bool,
    ) -> Touched {
        let key = WorkloadKey { kind, object: ObjectKey::of(&object.metadata) };
        if kind == WorkloadKind::Canary {
            return self.lock().set_canary(key.object, target_of(object));
        }
        self.lock().upsert(&key, Workload::of(kind, object), is_new)
    }

    /// Removes a deleted workload or Canary.
    pub(crate) fn remove(&self, kind: WorkloadKind, object: &ObjectKey) -> Touched {
        let object = object.clone();
        if kind == WorkloadKind::Canary {
            return self.lock().set_canary(object, None);
        }
        self.lock().remove(&WorkloadKey { kind, object });
        Touched::new()
    }

    /// Removes what a new list no longer has.
    pub(crate) fn retain(&self, kind: WorkloadKind, keep: impl Fn(&ObjectKey) -> bool) -> Touched {
        let graph = self.lock();
        let canaries = graph.canaries.keys().filter(|_| kind == WorkloadKind::Canary).cloned();
        let workloads = graph.nodes.keys().filter(|key| key.kind == kind);
        let known: Vec<_> = canaries.chain(workloads.map(|key| key.object.clone())).collect();
        drop(graph);
        let removed = known.iter().filter(|object| !keep(object));
        removed.flat_map(|object| self.remove(kind, object)).collect()
    }

    /// Sets what a SealedSecret asks for; `None` when it is gone or asks for nothing. Returns `None`
    /// if nothing changed.
    pub(crate) fn set_source(&self, key: &ObjectKey, source: Option<Source>) -> Option<Touched> {
        self.lock().set_source(key, source)
    }

    /// Removes the sources that a new list no longer has.
    pub(crate) fn retain_sources(&self, keep: impl Fn(&ObjectKey) -> bool) -> Touched {
        let sources: Vec<_> = self.lock().sources.keys().cloned().collect();
        let removed = sources.iter().filter(|source| !keep(source));
        removed.flat_map(|source| self.set_source(source, None).unwrap_or_default()).collect()
    }

    /// The workloads that a change of this Secret restarts.
    pub(crate) fn users_of(&self, secret: &ObjectKey) -> Touched {
        self.lock().users.get(secret).into_iter().flatten().cloned().collect()
    }

    /// All workloads that opt in to restarts, or that a source names.
    pub(crate) fn keys(&self) -> Vec<WorkloadKey> {
        let graph = self.lock();
        let targeted = graph.targeted.keys().filter(|key| !graph.nodes.contains_key(*key));
        graph.nodes.keys().chain(targeted).cloned().collect()
    }

    /// None if nothing asks for restarts of the workload.
    pub(crate) fn view(&self, key: &WorkloadKey) -> Option<View> {
        self.lock().view(key)
    }

    /// Changes the progress of a workload, if it still has this uid. Returns whether the number of
    /// pending changes differs then.
    pub(crate) fn update(
        &self,
        key: &WorkloadKey,
        uid: &str,
        change: impl FnOnce(&mut Progress),
    ) -> bool {
        let mut graph = self.lock();
        let Some(node) = graph.nodes.get_mut(key).filter(|node| node.workload.uid == uid) else {
            return false;
        };
        let was_pending = node.progress.pending.is_some();
        change(&mut node.progress);
        node.progress.pending.is_some() != was_pending
    }

    /// Records that a target does not exist. Returns since when.
    pub(crate) fn record_missing(&self, key: &WorkloadKey, now: Instant) -> Instant {
        let missing = MissingTarget { since: now, is_reported: false };
        self.lock().missing.entry(key.clone()).or_insert(missing).since
    }

    /// The sources to report the missing workload on, with their uids. None if they were asked for
    /// before.
    pub(crate) fn report_missing(&self, key: &WorkloadKey) -> Vec<(ObjectKey, String)> {
        let mut graph = self.lock();
        let Some(missing) = graph.missing.get_mut(key).filter(|missing| !missing.is_reported)
        else {
            return Vec::new();
        };
        missing.is_reported = true;
        let uid = |source: &ObjectKey| Some(graph.sources.get(source)?.uid.clone());
        let sources = graph.targeted.get(key).into_iter().flatten();
        sources.filter_map(|source| Some((source.clone(), uid(source)?))).collect()
    }

    /// How many workloads wait for a restart.
    pub(crate) fn pending(&self) -> usize {
        let graph = self.lock();
        graph.nodes.values().filter(|node| node.progress.pending.is_some()).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().nodes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Graph> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
