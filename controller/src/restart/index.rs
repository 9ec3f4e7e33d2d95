//! What is known of the workloads that ask for restarts. Of all others nothing is kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use crds::SealedSecret;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource as _;
use tokio::time::Instant;

use super::{
    annotations::Targets,
    plan::Memory,
    references::{Use, Uses},
    workload::{Kind, LeftTo, Workload, WorkloadKey, WorkloadObject, target_of},
};
use crate::key::ObjectKey;

/// The kinds of objects that make Secrets.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SourceKind {
    /// Its Secret has its name.
    SealedSecret,
}

/// What makes a Secret and may name workloads to restart with it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceKey {
    /// Its kind.
    pub kind: SourceKind,
    /// Namespace and name.
    pub object: ObjectKey,
}

impl SourceKey {
    /// The SealedSecret of this name.
    pub fn sealed(object: ObjectKey) -> Self {
        Self { kind: SourceKind::SealedSecret, object }
    }

    /// What an Event refers to.
    pub fn reference(&self, uid: &str) -> ObjectReference {
        let (api_version, kind) = match self.kind {
            SourceKind::SealedSecret => (SealedSecret::api_version(&()), SealedSecret::kind(&())),
        };
        ObjectReference {
            api_version: Some(api_version.into_owned()),
            kind: Some(kind.into_owned()),
            namespace: Some(self.object.namespace.clone()),
            name: Some(self.object.name.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }
    }
}

/// What such an object says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The uid of the object.
    pub uid: String,
    /// The name of the Secret that it makes.
    pub secret: String,
    /// Its annotation.
    pub targets: Targets,
}

/// What has been said of a workload, so that it is not said again.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The parts of its annotation that cannot be read.
    pub invalid: Vec<String>,
    /// Who restarts it.
    pub left_to: Option<LeftTo>,
    /// The change that its pause postpones.
    pub postponed: Option<String>,
    /// Why it could not be restarted.
    pub failed: Option<String>,
}

/// A workload as a pass sees it.
#[derive(Clone, Debug)]
pub struct WorkloadEntry {
    /// The workload.
    pub workload: Arc<Workload>,
    /// What was known after the last look.
    pub memory: Memory,
    /// What has been said.
    pub told: Told,
    /// How often in a row it could not be written.
    pub attempts: u32,
    /// It asked while this controller was watching: what stands against it is said at once.
    pub is_new: bool,
    /// The Secrets that it uses or names, that are to restart it.
    pub secrets: BTreeMap<String, Use>,
    /// Who restarts it in our place.
    pub left_to: Option<LeftTo>,
}

/// What is known of a name.
#[derive(Debug)]
pub enum View {
    /// Nothing asks for it to be restarted.
    Unwanted,
    /// This is to be read first: the workload itself, or the one whose template it has.
    Unknown(WorkloadKey),
    /// It may be decided on.
    WorkloadEntry(Box<WorkloadEntry>),
}

/// A target that does not exist.
#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Instant,
    told: bool,
}

struct Entry {
    workload: Arc<Workload>,
    memory: Memory,
    told: Told,
    attempts: u32,
    is_new: bool,
    /// For which Secrets it is in `users`.
    secrets: BTreeSet<String>,
}

/// All of it. Never holds its lock while it waits.
#[derive(Default)]
pub struct Index(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    entries: HashMap<WorkloadKey, Entry>,
    sources: HashMap<SourceKey, Source>,
    /// The sources that name a workload.
    targeted: HashMap<WorkloadKey, BTreeSet<SourceKey>>,
    missing: HashMap<WorkloadKey, Missing>,
    /// The Rollouts whose template a Deployment has.
    borrowers: HashMap<WorkloadKey, BTreeSet<WorkloadKey>>,
    /// The workloads that a Secret's change concerns.
    users: HashMap<ObjectKey, BTreeSet<WorkloadKey>>,
    /// What each Canary looks after.
    canaries: HashMap<ObjectKey, WorkloadKey>,
}

impl Index {
    /// Notes a workload as the API server gave it, unless something newer is known. `is_new` when it
    /// is a change rather than what was found. Returns what is to be looked at.
    pub fn note(&self, kind: Kind, object: &WorkloadObject, is_new: bool) -> Vec<WorkloadKey> {
        let key = WorkloadKey { kind, object: ObjectKey::of(&object.metadata) };
        let mut inner = self.lock();
        if kind == Kind::Canary {
            return inner.set_canary(key.object, target_of(object));
        }
        let workload = Workload::of(kind, object);
        let wanted = workload.opt_in.is_some() || inner.is_asked_for(&key);
        match inner.entries.get_mut(&key) {
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
            None if !wanted => return Vec::new(),
            _ => {
                inner.remove(&key);
                inner.insert(key.clone(), workload, is_new);
            }
        }
        inner.settle(&key)
    }

    /// Forgets a deleted workload or Canary. Returns what is to be looked at.
    pub fn forget(&self, kind: Kind, object: &ObjectKey) -> Vec<WorkloadKey> {
        let key = WorkloadKey { kind, object: object.clone() };
        let mut inner = self.lock();
        if kind == Kind::Canary {
            return inner.set_canary(key.object, None);
        }
        inner.remove(&key);
        Vec::new()
    }

    /// Forgets what a new list no longer has.
    pub fn retain(&self, kind: Kind, keep: impl Fn(&ObjectKey) -> bool) -> Vec<WorkloadKey> {
        let inner = self.lock();
        let canaries = inner.canaries.keys().filter(|_| kind == Kind::Canary).cloned();
        let workloads = inner.entries.keys().filter(|key| key.kind == kind);
        let known: Vec<_> = canaries.chain(workloads.map(|key| key.object.clone())).collect();
        drop(inner);
        let gone = known.iter().filter(|object| !keep(object));
        gone.flat_map(|object| self.forget(kind, object)).collect()
    }

    /// Notes what an object that makes a Secret says, or that it is gone or says nothing. Returns
    /// what is to be looked at; none when that was known.
    pub fn set_source(&self, key: &SourceKey, source: Option<Source>) -> Option<Vec<WorkloadKey>> {
        let mut inner = self.lock();
        let before = inner.sources.get(key);
        if before == source.as_ref() {
            return None;
        }
        let targets = |source: Option<&Source>| -> BTreeSet<_> {
            let workloads = source.into_iter().flat_map(|source| &source.targets.workloads);
            workloads
                .map(|(kind, name)| {
                    let object =
                        ObjectKey { namespace: key.object.namespace.clone(), name: name.clone() };
                    WorkloadKey { kind: *kind, object }
                })
                .collect()
        };
        let all = &targets(before) | &targets(source.as_ref());
        for target in targets(before) {
            if let Some(sources) = inner.targeted.get_mut(&target) {
                sources.remove(key);
                if sources.is_empty() {
                    inner.targeted.remove(&target);
                    inner.missing.remove(&target);
                }
            }
        }
        for target in targets(source.as_ref()) {
            inner.targeted.entry(target).or_default().insert(key.clone());
        }
        match source {
            Some(source) => inner.sources.insert(key.clone(), source),
            None => inner.sources.remove(key),
        };
        for target in &all {
            inner.settle(target);
        }
        Some(all.into_iter().collect())
    }

    /// Forgets the sources that a new list no longer has. Returns what is to be looked at.
    pub fn retain_sources(
        &self,
        kind: SourceKind,
        keep: impl Fn(&ObjectKey) -> bool,
    ) -> Vec<WorkloadKey> {
        let sources: Vec<_> = self.lock().sources.keys().cloned().collect();
        let gone = sources.iter().filter(|source| source.kind == kind && !keep(&source.object));
        gone.flat_map(|source| self.set_source(source, None).unwrap_or_default()).collect()
    }

    /// The workloads that a change of this Secret concerns.
    pub fn users_of(&self, secret: &ObjectKey) -> Vec<WorkloadKey> {
        self.lock().users.get(secret).into_iter().flatten().cloned().collect()
    }

    /// All workloads that ask, or are asked for, to be restarted.
    pub fn keys(&self) -> Vec<WorkloadKey> {
        let inner = self.lock();
        let targeted = inner.targeted.keys().filter(|key| !inner.entries.contains_key(*key));
        inner.entries.keys().chain(targeted).cloned().collect()
    }

    /// What is known of a name.
    pub fn view(&self, key: &WorkloadKey) -> View {
        let inner = self.lock();
        let Some(entry) = inner.entries.get(key) else {
            let targeted = inner.targeted.contains_key(key);
            return if targeted { View::Unknown(key.clone()) } else { View::Unwanted };
        };
        if !entry.workload.opt_in.is_some() && !inner.targeted.contains_key(key) {
            return View::Unwanted;
        }
        let uses = match template_owner(key, &entry.workload) {
            Some(owner) => match inner.entries.get(&owner) {
                Some(owner) => &owner.workload.uses,
                None => return View::Unknown(owner),
            },
            None => &entry.workload.uses,
        };
        let secrets = inner.secrets(key, &entry.workload, uses);
        let is_canarys = inner.canaries.values().any(|target| target == key);
        View::WorkloadEntry(Box::new(WorkloadEntry {
            workload: entry.workload.clone(),
            memory: entry.memory.clone(),
            told: entry.told.clone(),
            attempts: entry.attempts,
            is_new: entry.is_new,
            secrets: secrets.into_iter().map(|name| (name.clone(), uses.get(&name))).collect(),
            left_to: if is_canarys { Some(LeftTo::Flagger) } else { entry.workload.left_to },
        }))
    }

    /// Changes what is remembered of a workload, if it is still the one with this uid. True when a
    /// change of a Secret begins or ceases to wait.
    pub fn update(
        &self,
        key: &WorkloadKey,
        uid: &str,
        change: impl FnOnce(&mut WorkloadEntry),
    ) -> bool {
        let mut inner = self.lock();
        let Some(entry) = inner.entries.get_mut(key).filter(|entry| entry.workload.uid == uid)
        else {
            return false;
        };
        let waited = entry.memory.pending.is_some();
        let mut known = WorkloadEntry {
            workload: entry.workload.clone(),
            memory: std::mem::take(&mut entry.memory),
            told: std::mem::take(&mut entry.told),
            attempts: entry.attempts,
            is_new: entry.is_new,
            secrets: BTreeMap::new(),
            left_to: None,
        };
        change(&mut known);
        entry.memory = known.memory;
        entry.told = known.told;
        entry.attempts = known.attempts;
        entry.memory.pending.is_some() != waited
    }

    /// Notes that a target does not exist. Returns since when, and whether that was said.
    pub fn note_missing(&self, key: &WorkloadKey, now: Instant) -> (Instant, bool) {
        let mut inner = self.lock();
        let missing = Missing { since: now, told: false };
        let missing = inner.missing.entry(key.clone()).or_insert(missing);
        (missing.since, missing.told)
    }

    /// Notes that it was said, and returns to whom it is to be said.
    pub fn tell_missing(&self, key: &WorkloadKey) -> Vec<(SourceKey, String)> {
        let mut inner = self.lock();
        if let Some(missing) = inner.missing.get_mut(key) {
            missing.told = true;
        }
        let sources = inner.targeted.get(key).into_iter().flatten();
        sources
            .filter_map(|source| Some((source.clone(), inner.sources.get(source)?.uid.clone())))
            .collect()
    }

    /// How many changes are not acted upon yet.
    pub fn pending(&self) -> usize {
        self.lock().entries.values().filter(|entry| entry.memory.pending.is_some()).count()
    }

    /// How many workloads are kept.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Inner {
    fn insert(&mut self, key: WorkloadKey, workload: Workload, is_new: bool) {
        self.missing.remove(&key);
        let entry = Entry {
            workload: Arc::new(workload),
            memory: Memory::default(),
            told: Told::default(),
            attempts: 0,
            is_new,
            secrets: BTreeSet::new(),
        };
        self.entries.insert(key, entry);
    }

    fn remove(&mut self, key: &WorkloadKey) {
        let Some(entry) = self.entries.remove(key) else { return };
        for secret in entry.secrets {
            self.remove_user(&key.object.namespace, secret, key);
        }
        for borrowers in self.borrowers.values_mut() {
            borrowers.remove(key);
        }
        self.borrowers.retain(|_, borrowers| !borrowers.is_empty());
    }

    /// Brings what depends on an entry in step with it, and drops it when nothing asks for it.
    /// Returns what is to be looked at.
    fn settle(&mut self, key: &WorkloadKey) -> Vec<WorkloadKey> {
        let Some(entry) = self.entries.get(key) else { return Vec::new() };
        if !entry.workload.opt_in.is_some() && !self.is_asked_for(key) {
            self.remove(key);
            return Vec::new();
        }
        let mut touched = vec![key.clone()];
        for borrowers in self.borrowers.values_mut() {
            borrowers.remove(key);
        }
        if let Some(owner) = template_owner(key, &entry.workload) {
            self.borrowers.entry(owner).or_default().insert(key.clone());
        }
        self.borrowers.retain(|_, borrowers| !borrowers.is_empty());
        touched.extend(self.borrowers.get(key).into_iter().flatten().cloned());
        for key in &touched {
            self.set_users(key);
        }
        touched
    }

    fn set_users(&mut self, key: &WorkloadKey) {
        let Some(entry) = self.entries.get(key) else { return };
        let owner = template_owner(key, &entry.workload);
        let owner = owner.map(|owner| self.entries.get(&owner).map(|owner| &owner.workload.uses));
        let none = Uses::default();
        let uses = owner.map_or(&entry.workload.uses, |uses| uses.unwrap_or(&none));
        let secrets = self.secrets(key, &entry.workload, uses);
        let before = self
            .entries
            .get_mut(key)
            .map(|entry| std::mem::replace(&mut entry.secrets, secrets.clone()));
        let namespace = &key.object.namespace;
        for gone in before.iter().flatten().filter(|secret| !secrets.contains(*secret)) {
            self.remove_user(namespace, gone.clone(), key);
        }
        for secret in secrets {
            let secret = ObjectKey { namespace: namespace.clone(), name: secret };
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

    /// The Secrets whose change restarts a workload that uses these.
    fn secrets(&self, key: &WorkloadKey, workload: &Workload, uses: &Uses) -> BTreeSet<String> {
        let opt_in = &workload.opt_in;
        let by_star = uses.secrets().filter(|_| opt_in.used).map(ToOwned::to_owned);
        let sources = self.targeted.get(key).into_iter().flatten();
        let made = sources.filter_map(|source| Some(self.sources.get(source)?.secret.clone()));
        opt_in.named.iter().cloned().chain(by_star).chain(made).collect()
    }

    /// Whether something other than the workload itself asks for it.
    fn is_asked_for(&self, key: &WorkloadKey) -> bool {
        self.targeted.contains_key(key) || self.borrowers.contains_key(key)
    }

    fn set_canary(&mut self, name: ObjectKey, target: Option<WorkloadKey>) -> Vec<WorkloadKey> {
        let before = match &target {
            Some(target) => self.canaries.insert(name, target.clone()),
            None => self.canaries.remove(&name),
        };
        if before == target {
            return Vec::new();
        }
        let touched = before.into_iter().chain(target);
        touched.filter(|key| self.entries.contains_key(key)).collect()
    }
}

/// The Deployment that has the template of a Rollout with `workloadRef`.
fn template_owner(key: &WorkloadKey, workload: &Workload) -> Option<WorkloadKey> {
    let name = workload.template_of.clone()?;
    let object = ObjectKey { namespace: key.object.namespace.clone(), name };
    Some(WorkloadKey { kind: Kind::Deployment, object })
}

#[cfg(test)]
mod tests;
