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
        annotations::Targets,
        entry::{Progress, View, WorkloadEntry},
        kind::{WorkloadKey, WorkloadKind},
        references::SecretUses,
        workload::{OtherRestarter, Workload},
    },
};

/// The annotation of a SealedSecret that names workloads to restart with its Secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    pub(crate) uid: String,
    pub(crate) targets: Targets,
}

/// The workloads to reconcile after a change of the index.
pub(crate) type Touched = Vec<WorkloadKey>;

/// One workload that opts in to restarts, or that a source names.
pub(super) struct Node {
    pub(super) workload: Arc<Workload>,
    pub(super) progress: Progress,
    is_new: bool,
    /// The Secrets under which `users` has it.
    secrets: BTreeSet<String>,
}

/// A target that does not exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct MissingTarget {
    pub(super) since: Instant,
    pub(super) is_reported: bool,
}

#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: HashMap<WorkloadKey, Node>,
    /// By SealedSecret, and so by Secret.
    pub(super) sources: HashMap<ObjectKey, Source>,
    /// The sources that name a workload.
    pub(super) targeted: HashMap<WorkloadKey, BTreeSet<ObjectKey>>,
    pub(super) missing: HashMap<WorkloadKey, MissingTarget>,
    /// By Deployment: the Rollouts that use its template.
    borrowers: HashMap<WorkloadKey, BTreeSet<WorkloadKey>>,
    /// By Secret: the workloads that its change restarts.
    pub(super) users: HashMap<ObjectKey, BTreeSet<WorkloadKey>>,
    /// By Canary: the workload that it controls.
    pub(super) canaries: HashMap<ObjectKey, WorkloadKey>,
}

impl Graph {
    pub(super) fn upsert(
        &mut self,
        key: &WorkloadKey,
        workload: Workload,
        is_new: bool,
    ) -> Touched {
        let is_wanted = workload.opt_in.is_present() || self.is_asked_for(key);
        match self.nodes.get_mut(key) {
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
                self.remove(key);
                self.missing.remove(key);
                let (workload, progress) = (Arc::new(workload), Progress::default());
                let node = Node { workload, progress, is_new, secrets: BTreeSet::new() };
                self.nodes.insert(key.clone(), node);
            }
        }
        self.refresh(key)
    }

    pub(super) fn remove(&mut self, key: &WorkloadKey) {
        self.set_users(key, BTreeSet::new());
        self.nodes.remove(key);
        self.remove_borrower(key);
    }

    /// `None` if the source has not changed.
    pub(super) fn set_source(
        &mut self,
        key: &ObjectKey,
        source: Option<Source>,
    ) -> Option<Touched> {
        let before = self.sources.get(key);
        if before == source.as_ref() {
            return None;
        }
        let (old, new) = (targets(key, before), targets(key, source.as_ref()));
        for target in &old {
            unlink(&mut self.targeted, target, key);
            if !self.targeted.contains_key(target) {
                self.missing.remove(target);
            }
        }
        for target in &new {
            self.targeted.entry(target.clone()).or_default().insert(key.clone());
        }
        match source {
            Some(source) => self.sources.insert(key.clone(), source),
            None => self.sources.remove(key),
        };
        let all = &old | &new;
        for target in &all {
            self.refresh(target);
        }
        Some(all.into_iter().collect())
    }

    pub(super) fn set_canary(&mut self, name: ObjectKey, target: Option<WorkloadKey>) -> Touched {
        let before = match &target {
            Some(target) => self.canaries.insert(name, target.clone()),
            None => self.canaries.remove(&name),
        };
        if before == target {
            return Touched::new();
        }
        let touched = before.into_iter().chain(target);
        touched.filter(|key| self.nodes.contains_key(key)).collect()
    }

    /// None if nothing asks for restarts of it.
    pub(super) fn view(&self, key: &WorkloadKey) -> Option<View> {
        let is_targeted = self.targeted.contains_key(key);
        let Some(node) = self.nodes.get(key) else {
            return is_targeted.then(|| View::Unread(key.clone()));
        };
        if !node.workload.opt_in.is_present() && !is_targeted {
            return None;
        }
        let uses = match self.uses(key, node) {
            Ok(uses) => uses,
            Err(owner) => return Some(View::Unread(owner)),
        };
        let secrets = self.secrets(key, node, uses).into_iter();
        let is_canarys = self.canaries.values().any(|target| target == key);
        let flagger = is_canarys.then_some(OtherRestarter::Flagger);
        Some(View::Tracked(Box::new(WorkloadEntry {
            workload: node.workload.clone(),
            progress: node.progress.clone(),
            is_new: node.is_new,
            secrets: secrets.map(|name| (name.clone(), uses.get(&name))).collect(),
            other_restarter: flagger.or(node.workload.other_restarter),
        })))
    }

    /// Updates the dependents of a workload, and removes the workload when nothing refers to it.
    fn refresh(&mut self, key: &WorkloadKey) -> Touched {
        let Some(node) = self.nodes.get(key) else { return Touched::new() };
        if !node.workload.opt_in.is_present() && !self.is_asked_for(key) {
            self.remove(key);
            return Touched::new();
        }
        let owner = template_owner(key, &node.workload);
        self.remove_borrower(key);
        if let Some(owner) = owner {
            self.borrowers.entry(owner).or_default().insert(key.clone());
        }
        let mut touched = vec![key.clone()];
        touched.extend(self.borrowers.get(key).into_iter().flatten().cloned());
        for key in &touched {
            if let Some(node) = self.nodes.get(key) {
                let none = SecretUses::default();
                let secrets = self.secrets(key, node, self.uses(key, node).unwrap_or(&none));
                self.set_users(key, secrets);
            }
        }
        touched
    }

    /// Makes a workload the user of these Secrets, and of no others.
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
    fn uses<'g>(
        &'g self,
        key: &WorkloadKey,
        node: &'g Node,
    ) -> Result<&'g SecretUses, WorkloadKey> {
        match template_owner(key, &node.workload) {
            Some(owner) => self.nodes.get(&owner).map(|node| &node.workload.uses).ok_or(owner),
            None => Ok(&node.workload.uses),
        }
    }

    /// The Secrets whose changes restart a workload whose template uses these.
    fn secrets(&self, key: &WorkloadKey, node: &Node, uses: &SecretUses) -> BTreeSet<String> {
        let opt_in = &node.workload.opt_in;
        let by_star = uses.secrets().filter(|_| opt_in.used).map(ToOwned::to_owned);
        let sources = self.targeted.get(key).into_iter().flatten();
        let made = sources.map(|source| source.name.clone());
        opt_in.named.iter().cloned().chain(by_star).chain(made).collect()
    }

    /// Whether something other than the workload's own annotation needs it.
    fn is_asked_for(&self, key: &WorkloadKey) -> bool {
        self.targeted.contains_key(key) || self.borrowers.contains_key(key)
    }
}

/// The workloads that a source names.
fn targets(key: &ObjectKey, source: Option<&Source>) -> BTreeSet<WorkloadKey> {
    let targets = source.into_iter().flat_map(|source| &source.targets.workloads);
    targets.map(|(kind, name)| WorkloadKey::new(*kind, &key.namespace, name)).collect()
}

/// The Deployment whose template a Rollout with `workloadRef` uses.
fn template_owner(key: &WorkloadKey, workload: &Workload) -> Option<WorkloadKey> {
    let name = workload.template_from.as_ref()?;
    Some(WorkloadKey::new(WorkloadKind::Deployment, &key.object.namespace, name))
}

/// Removes a value from a set of the map, and the set with its last value.
fn unlink<K: Eq + Hash, V: Ord>(map: &mut HashMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
