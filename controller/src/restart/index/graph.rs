//! Workloads, and how they depend on Secrets, sources, Canaries and each other.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use crate::{
    key::ObjectKey,
    restart::{
        entry::{Progress, View, WorkloadEntry},
        kind::{WorkloadKey, WorkloadKind},
        references::SecretUses,
        source::{Source, SourceKey},
        workload::{OtherRestarter, Workload},
    },
};

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
    pub(super) sources: HashMap<SourceKey, Source>,
    /// The sources that name a workload.
    pub(super) targeted: HashMap<WorkloadKey, BTreeSet<SourceKey>>,
    pub(super) missing: HashMap<WorkloadKey, MissingTarget>,
    /// By Deployment: the Rollouts that use its template.
    borrowers: HashMap<WorkloadKey, BTreeSet<WorkloadKey>>,
    /// By Secret: the workloads that its change restarts.
    pub(super) users: HashMap<ObjectKey, BTreeSet<WorkloadKey>>,
    /// By Canary: the workload that it controls.
    pub(super) canaries: HashMap<ObjectKey, WorkloadKey>,
}

impl Graph {
    /// Returns the workloads to reconcile.
    pub(super) fn upsert(
        &mut self,
        key: &WorkloadKey,
        workload: Workload,
        is_new: bool,
    ) -> Vec<WorkloadKey> {
        let is_wanted = workload.opt_in.is_present() || self.is_asked_for(key);
        match self.nodes.get_mut(key) {
            Some(old) if old.workload.uid == workload.uid => {
                if workload.version < old.workload.version {
                    return Vec::new();
                }
                let differs = workload.differs(&old.workload);
                old.is_new |= differs && is_new;
                old.workload = Arc::new(workload);
                if !differs {
                    return Vec::new();
                }
            }
            None if !is_wanted => return Vec::new(),
            _ => {
                self.remove(key);
                self.insert(key.clone(), workload, is_new);
            }
        }
        self.refresh(key)
    }

    fn insert(&mut self, key: WorkloadKey, workload: Workload, is_new: bool) {
        self.missing.remove(&key);
        let node = Node {
            workload: Arc::new(workload),
            progress: Progress::default(),
            is_new,
            secrets: BTreeSet::new(),
        };
        self.nodes.insert(key, node);
    }

    pub(super) fn remove(&mut self, key: &WorkloadKey) {
        let Some(node) = self.nodes.remove(key) else { return };
        for secret in node.secrets {
            self.remove_user(&key.object.namespace, secret, key);
        }
        self.remove_borrower(key);
    }

    /// Returns the workloads to reconcile, or `None` if the source has not changed.
    pub(super) fn set_source(
        &mut self,
        key: &SourceKey,
        source: Option<Source>,
    ) -> Option<Vec<WorkloadKey>> {
        let before = self.sources.get(key);
        if before == source.as_ref() {
            return None;
        }
        let (old, new) = (targets(key, before), targets(key, source.as_ref()));
        for target in &old {
            if let Some(sources) = self.targeted.get_mut(target) {
                sources.remove(key);
                if sources.is_empty() {
                    self.targeted.remove(target);
                    self.missing.remove(target);
                }
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

    /// Returns the workloads to reconcile.
    pub(super) fn set_canary(
        &mut self,
        name: ObjectKey,
        target: Option<WorkloadKey>,
    ) -> Vec<WorkloadKey> {
        let before = match &target {
            Some(target) => self.canaries.insert(name, target.clone()),
            None => self.canaries.remove(&name),
        };
        if before == target {
            return Vec::new();
        }
        let touched = before.into_iter().chain(target);
        touched.filter(|key| self.nodes.contains_key(key)).collect()
    }

    pub(super) fn view(&self, key: &WorkloadKey) -> View {
        let is_targeted = self.targeted.contains_key(key);
        let Some(node) = self.nodes.get(key) else {
            return if is_targeted { View::Unread(key.clone()) } else { View::Untracked };
        };
        if !node.workload.opt_in.is_present() && !is_targeted {
            return View::Untracked;
        }
        let uses = match template_owner(key, &node.workload) {
            Some(owner) => match self.nodes.get(&owner) {
                Some(owner) => &owner.workload.uses,
                None => return View::Unread(owner),
            },
            None => &node.workload.uses,
        };
        let secrets = self.secrets(key, &node.workload, uses);
        let is_canarys = self.canaries.values().any(|target| target == key);
        View::Tracked(Box::new(WorkloadEntry {
            workload: node.workload.clone(),
            progress: node.progress.clone(),
            is_new: node.is_new,
            secrets: secrets.into_iter().map(|name| (name.clone(), uses.get(&name))).collect(),
            other_restarter: if is_canarys {
                Some(OtherRestarter::Flagger)
            } else {
                node.workload.other_restarter
            },
        }))
    }

    /// Updates the dependents of a workload, and removes the workload when nothing refers to it.
    /// Returns the workloads to reconcile.
    fn refresh(&mut self, key: &WorkloadKey) -> Vec<WorkloadKey> {
        let Some(node) = self.nodes.get(key) else { return Vec::new() };
        if !node.workload.opt_in.is_present() && !self.is_asked_for(key) {
            self.remove(key);
            return Vec::new();
        }
        let owner = template_owner(key, &node.workload);
        self.remove_borrower(key);
        if let Some(owner) = owner {
            self.borrowers.entry(owner).or_default().insert(key.clone());
        }
        let mut touched = vec![key.clone()];
        touched.extend(self.borrowers.get(key).into_iter().flatten().cloned());
        for key in &touched {
            self.refresh_users(key);
        }
        touched
    }

    fn refresh_users(&mut self, key: &WorkloadKey) {
        let Some(node) = self.nodes.get(key) else { return };
        let empty = SecretUses::default();
        let uses = match template_owner(key, &node.workload) {
            Some(owner) => self.nodes.get(&owner).map_or(&empty, |owner| &owner.workload.uses),
            None => &node.workload.uses,
        };
        let secrets = self.secrets(key, &node.workload, uses);
        let before = self
            .nodes
            .get_mut(key)
            .map(|node| std::mem::replace(&mut node.secrets, secrets.clone()));
        let namespace = &key.object.namespace;
        for unused in before.iter().flatten().filter(|secret| !secrets.contains(*secret)) {
            self.remove_user(namespace, unused.clone(), key);
        }
        for name in secrets {
            let secret = ObjectKey { namespace: namespace.clone(), name };
            self.users.entry(secret).or_default().insert(key.clone());
        }
    }

    fn remove_user(&mut self, namespace: &str, secret: String, key: &WorkloadKey) {
        let secret = ObjectKey { namespace: namespace.to_owned(), name: secret };
        if let Some(users) = self.users.get_mut(&secret) {
            users.remove(key);
            if users.is_empty() {
                self.users.remove(&secret);
            }
        }
    }

    fn remove_borrower(&mut self, key: &WorkloadKey) {
        for borrowers in self.borrowers.values_mut() {
            borrowers.remove(key);
        }
        self.borrowers.retain(|_, borrowers| !borrowers.is_empty());
    }

    /// The Secrets whose changes restart a workload whose template uses these.
    fn secrets(
        &self,
        key: &WorkloadKey,
        workload: &Workload,
        uses: &SecretUses,
    ) -> BTreeSet<String> {
        let opt_in = &workload.opt_in;
        let by_star = uses.secrets().filter(|_| opt_in.used).map(ToOwned::to_owned);
        let sources = self.targeted.get(key).into_iter().flatten();
        let made = sources.filter_map(|source| Some(self.sources.get(source)?.secret.clone()));
        opt_in.named.iter().cloned().chain(by_star).chain(made).collect()
    }

    /// Whether something other than the workload's own annotation needs it.
    fn is_asked_for(&self, key: &WorkloadKey) -> bool {
        self.targeted.contains_key(key) || self.borrowers.contains_key(key)
    }
}

/// The workloads that a source names.
fn targets(key: &SourceKey, source: Option<&Source>) -> BTreeSet<WorkloadKey> {
    let targets = source.into_iter().flat_map(|source| &source.targets.workloads);
    let namespace = &key.object.namespace;
    targets
        .map(|(kind, name)| WorkloadKey {
            kind: *kind,
            object: ObjectKey { namespace: namespace.clone(), name: name.clone() },
        })
        .collect()
}

/// The Deployment whose template a Rollout with `workloadRef` uses.
fn template_owner(key: &WorkloadKey, workload: &Workload) -> Option<WorkloadKey> {
    let name = workload.template_from.clone()?;
    let object = ObjectKey { namespace: key.object.namespace.clone(), name };
    Some(WorkloadKey { kind: WorkloadKind::Deployment, object })
}
