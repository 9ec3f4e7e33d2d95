//! Workloads, and how they depend on Secrets, sources, Canaries and each other.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use tokio::time::Instant;

use crate::{
    key::ObjectKey,
    restart::{
        annotations::Source, kind::WorkloadKey, plan::Progress, references::SecretUses,
        workload::Workload,
    },
};

/// The number of workloads that the SealedSecrets of one namespace may name. Each costs memory, and requests if it
/// is missing.
pub(crate) const MAX_TARGETS_PER_NAMESPACE: usize = 500;

/// The workloads to reconcile after a change of the index.
pub(crate) type Touched = Vec<WorkloadKey>;

/// One workload that opts in to restarts, or that a source names.
pub(super) struct Node {
    pub(super) workload: Arc<Workload>,
    pub(super) progress: Progress,
    pub(super) is_new: bool,
    /// The Secrets under which `users` has it.
    secrets: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MissingTarget {
    pub(super) since: Instant,
    pub(super) is_reported: bool,
}

impl Node {
    pub(super) fn new(workload: Workload, is_new: bool) -> Self {
        let (workload, progress) = (Arc::new(workload), Progress::default());
        Self { workload, progress, is_new, secrets: BTreeSet::new() }
    }
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: HashMap<WorkloadKey, Node>,
    /// By SealedSecret, whose Secret has the same name.
    pub(super) sources: HashMap<ObjectKey, Source>,
    /// The sources that name a workload.
    pub(super) targeted: HashMap<WorkloadKey, BTreeSet<ObjectKey>>,
    /// By namespace: how many workloads `targeted` has.
    target_counts: HashMap<String, usize>,
    pub(super) missing: HashMap<WorkloadKey, MissingTarget>,
    /// By Deployment: the Rollouts that use its template.
    borrowers: HashMap<WorkloadKey, BTreeSet<WorkloadKey>>,
    /// By Secret: the workloads that its change restarts.
    pub(super) users: HashMap<ObjectKey, BTreeSet<WorkloadKey>>,
    /// By Canary: the workload that it controls.
    pub(super) canaries: HashMap<ObjectKey, WorkloadKey>,
}

impl Graph {
    /// Adds a source of a workload, unless its namespace has too many such workloads.
    pub(super) fn add_source(&mut self, target: &WorkloadKey, source: &ObjectKey) {
        if !self.targeted.contains_key(target) {
            let count = self.target_counts.entry(target.object.namespace.clone()).or_default();
            if *count == MAX_TARGETS_PER_NAMESPACE {
                return;
            }
            *count += 1;
        }
        self.targeted.entry(target.clone()).or_default().insert(source.clone());
    }

    /// Whether the SealedSecrets of a namespace name as many workloads as they may.
    pub(super) fn is_full(&self, namespace: &str) -> bool {
        self.target_counts.get(namespace) == Some(&MAX_TARGETS_PER_NAMESPACE)
    }

    /// Whether a source of a workload is within the limit of its namespace.
    pub(super) fn is_followed(&self, target: &WorkloadKey, source: &ObjectKey) -> bool {
        self.targeted.get(target).is_some_and(|sources| sources.contains(source))
    }

    /// Adds the workloads that exceeded the limit of a namespace, as far as it has room now. Returns those that
    /// were added.
    pub(super) fn add_excess_targets(&mut self, namespace: &str) -> BTreeSet<WorkloadKey> {
        let sources = self.sources.iter().filter(|(source, _)| source.namespace == namespace);
        let named = sources.flat_map(|(source, names)| {
            names.workloads.iter().map(move |target| (source.clone(), target.clone()))
        });
        let mut excess: Vec<_> =
            named.filter(|(source, target)| !self.is_followed(target, source)).collect();
        excess.sort();
        for (source, target) in &excess {
            self.add_source(target, source);
        }
        let added = excess.into_iter().filter(|(source, target)| self.is_followed(target, source));
        added.map(|(_, target)| target).collect()
    }

    pub(super) fn remove_source(&mut self, target: &WorkloadKey, source: &ObjectKey) {
        let was_targeted = self.targeted.contains_key(target);
        unlink(&mut self.targeted, target, source);
        if was_targeted && !self.targeted.contains_key(target) {
            self.missing.remove(target);
            let namespace = target.object.namespace.as_str();
            if let Some(count) = self.target_counts.get_mut(namespace) {
                *count -= 1;
                if *count == 0 {
                    self.target_counts.remove(namespace);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, key: &WorkloadKey) {
        self.set_users(key, BTreeSet::new());
        self.nodes.remove(key);
        self.remove_borrower(key);
    }

    /// Updates the dependents of a workload, and removes the workload when nothing refers to it.
    pub(super) fn refresh(&mut self, key: &WorkloadKey) -> Touched {
        let Some(node) = self.nodes.get(key) else { return Touched::new() };
        if !node.workload.opt_in.is_present() && !self.is_asked_for(key) {
            self.remove(key);
            return Touched::new();
        }
        let owner = node.workload.template_from.clone();
        self.remove_borrower(key);
        if let Some(owner) = owner {
            self.borrowers.entry(owner).or_default().insert(key.clone());
        }
        let mut touched = vec![key.clone()];
        touched.extend(self.borrowers.get(key).into_iter().flatten().cloned());
        for key in &touched {
            if let Some(node) = self.nodes.get(key) {
                let unread = SecretUses::default();
                let secrets = self.secrets(key, node, self.uses(node).unwrap_or(&unread));
                self.set_users(key, secrets);
            }
        }
        touched
    }

    /// Records that a workload uses exactly these Secrets.
    fn set_users(&mut self, key: &WorkloadKey, secrets: BTreeSet<String>) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let namespace = &key.object.namespace;
        let secret = |name: &String| ObjectKey { namespace: namespace.clone(), name: name.clone() };
        for unused in node.secrets.difference(&secrets) {
            unlink(&mut self.users, &secret(unused), key);
        }
        for name in &secrets {
            self.users.entry(secret(name)).or_default().insert(key.clone());
        }
        node.secrets = secrets;
    }

    fn remove_borrower(&mut self, key: &WorkloadKey) {
        self.borrowers.retain(|_, borrowers| {
            borrowers.remove(key);
            !borrowers.is_empty()
        });
    }

    /// The Secrets that the template of a workload uses, or the Deployment to read first.
    pub(super) fn uses<'g>(&'g self, node: &'g Node) -> Result<&'g SecretUses, &'g WorkloadKey> {
        match &node.workload.template_from {
            Some(owner) => self.nodes.get(owner).map(|node| &node.workload.uses).ok_or(owner),
            None => Ok(&node.workload.uses),
        }
    }

    /// The Secrets whose changes restart a workload whose template uses these.
    pub(super) fn secrets(
        &self,
        key: &WorkloadKey,
        node: &Node,
        uses: &SecretUses,
    ) -> BTreeSet<String> {
        let opt_in = &node.workload.opt_in;
        let by_star = uses.secrets().filter(|_| opt_in.used).map(ToOwned::to_owned);
        let sources = self.targeted.get(key).into_iter().flatten();
        let made = sources.map(|source| source.name.clone());
        opt_in.named.iter().cloned().chain(by_star).chain(made).collect()
    }

    /// Whether something other than the workload's own annotation needs it.
    pub(super) fn is_asked_for(&self, key: &WorkloadKey) -> bool {
        self.targeted.contains_key(key) || self.borrowers.contains_key(key)
    }
}

/// Removes a value from a set of the map, and the set with its last value.
pub(super) fn unlink<K: Eq + Hash, V: Ord>(map: &mut HashMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
