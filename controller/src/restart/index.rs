//! The workloads that opt in to restarts. The controller does not store other workloads.

mod graph;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use graph::{Graph, MissingTarget, Node};
pub(crate) use graph::{MAX_TARGETS_PER_NAMESPACE, Touched};
use tokio::time::Instant;

use super::{
    annotations::Source,
    kind::{WorkloadKey, WorkloadKind},
    plan::{Progress, View, WorkloadEntry},
    workload::{OtherRestarter, Workload, WorkloadObject, target_of},
};
use crate::key::ObjectKey;

/// Never holds its lock across an await.
#[derive(Default)]
pub(crate) struct Index(Mutex<Graph>);

impl Index {
    /// Adds or updates a workload or Canary, unless the index has a newer version. `is_new` is
    /// false for objects of the initial list.
    pub(crate) fn upsert(
        &self,
        kind: WorkloadKind,
        object: &WorkloadObject,
        is_new: bool,
    ) -> Touched {
        let key = WorkloadKey { kind, object: ObjectKey::of(&object.metadata) };
        if kind == WorkloadKind::Canary {
            return self.set_canary(key.object, target_of(object));
        }
        let workload = Workload::of(kind, object);
        let mut graph = self.lock();
        let is_wanted = workload.opt_in.is_present() || graph.is_asked_for(&key);
        match graph.nodes.get_mut(&key) {
            Some(old) if old.workload.uid == workload.uid => {
                if workload.version < old.workload.version {
                    return Touched::new();
                }
                let differs = workload.differs(&old.workload);
                old.is_new |= differs && is_new;
                old.workload = Arc::new(workload);
                if !differs {
                    return Touched::new();
                }
            }
            None if !is_wanted => return Touched::new(),
            _ => {
                graph.remove(&key);
                graph.missing.remove(&key);
                graph.nodes.insert(key.clone(), Node::new(workload, is_new));
            }
        }
        graph.refresh(&key)
    }

    pub(crate) fn remove(&self, kind: WorkloadKind, object: &ObjectKey) -> Touched {
        let object = object.clone();
        if kind == WorkloadKind::Canary {
            return self.set_canary(object, None);
        }
        self.lock().remove(&WorkloadKey { kind, object });
        Touched::new()
    }

    fn set_canary(&self, canary: ObjectKey, target: Option<WorkloadKey>) -> Touched {
        let mut graph = self.lock();
        let before = match &target {
            Some(target) => graph.canaries.insert(canary, target.clone()),
            None => graph.canaries.remove(&canary),
        };
        if before == target {
            return Touched::new();
        }
        let touched = before.into_iter().chain(target);
        touched.filter(|key| graph.nodes.contains_key(key)).collect()
    }

    /// Removes the objects that a new list no longer contains.
    pub(crate) fn retain(&self, kind: WorkloadKind, keep: impl Fn(&ObjectKey) -> bool) -> Touched {
        let graph = self.lock();
        let canaries = graph.canaries.keys().filter(|_| kind == WorkloadKind::Canary).cloned();
        let workloads = graph.nodes.keys().filter(|key| key.kind == kind);
        let known: Vec<_> = canaries.chain(workloads.map(|key| key.object.clone())).collect();
        drop(graph);
        let removed = known.iter().filter(|object| !keep(object));
        removed.flat_map(|object| self.remove(kind, object)).collect()
    }

    /// Sets the targets of a SealedSecret; `None` if it was deleted or has no targets. Returns
    /// `None` if nothing changed.
    pub(crate) fn set_source(&self, key: &ObjectKey, source: Option<Source>) -> Option<Touched> {
        let mut graph = self.lock();
        let before = graph.sources.get(key);
        if before == source.as_ref() {
            return None;
        }
        let targets = |source: Option<&Source>| -> BTreeSet<WorkloadKey> {
            source.into_iter().flat_map(|source| source.workloads.clone()).collect()
        };
        let (old, new) = (targets(before), targets(source.as_ref()));
        let was_full = graph.is_full(&key.namespace);
        for target in &old {
            graph.remove_source(target, key);
        }
        for target in &new {
            graph.add_source(target, key);
        }
        match source {
            Some(source) => graph.sources.insert(key.clone(), source),
            None => graph.sources.remove(key),
        };
        let mut all = &old | &new;
        if was_full {
            all.extend(graph.add_excess_targets(&key.namespace));
        }
        for target in &all {
            graph.refresh(target);
        }
        Some(all.into_iter().collect())
    }

    /// The number of workloads of a SealedSecret that exceed the limit of its namespace.
    pub(crate) fn excess_targets(&self, key: &ObjectKey) -> usize {
        let graph = self.lock();
        let named = graph.sources.get(key).into_iter().flat_map(|source| &source.workloads);
        named.filter(|target| !graph.is_followed(target, key)).count()
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

    /// None if no annotation requests restarts of the workload.
    pub(crate) fn view(&self, key: &WorkloadKey) -> Option<View> {
        let graph = self.lock();
        let is_targeted = graph.targeted.contains_key(key);
        let Some(node) = graph.nodes.get(key) else {
            return is_targeted.then(|| View::Unread(key.clone()));
        };
        if !node.workload.opt_in.is_present() && !is_targeted {
            return None;
        }
        let uses = match graph.uses(node) {
            Ok(uses) => uses,
            Err(owner) => return Some(View::Unread(owner.clone())),
        };
        let secrets = graph.secrets(key, node, uses).into_iter();
        let is_canarys = graph.canaries.values().any(|target| target == key);
        let flagger = is_canarys.then_some(OtherRestarter::Flagger);
        Some(View::Tracked(Box::new(WorkloadEntry {
            workload: node.workload.clone(),
            progress: node.progress.clone(),
            is_new: node.is_new,
            secrets: secrets.map(|name| (name.clone(), uses.get(&name))).collect(),
            other_restarter: flagger.or(node.workload.other_restarter),
        })))
    }

    /// Changes the progress of a workload, if it still has this uid. Returns whether the number of
    /// pending changes changed.
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

    /// The sources to report the missing workload on, with their uids. Empty if an earlier call
    /// returned them.
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
