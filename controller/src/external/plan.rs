//! What to do with one ExternalSecret: pure.

use std::{sync::Arc, time::Duration};

use crds::{
    ExternalSecret,
    external_secret::{CreationPolicy, DeletionPolicy, condition},
};
use jiff::Timestamp;

use super::{
    index::{ExternalSecretEntry, MISSING},
    outcome::{INVALID_TARGET, NO_DATA, NO_DELETE, NO_UPDATE, SyncFailure},
    schedule::{self, Due},
    spec,
    store::{ReferencedStores, Store, StoreKey},
};
use crate::{
    aws::identity::PodIdentity,
    key::{is_object_name, quoted},
    reason::{Failure, Reason},
    target::SecretSnapshot,
};

/// How many times an object waits for a store that does not exist, before that is an error.
const MAX_STORE_WAITS: u32 = 2;

/// External Secrets' CRD has no limit, and our limits of bytes do not count entries without a value.
const MAX_DATA_ENTRIES: usize = 2000;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The class of this controller. It ignores stores of other classes.
    pub(crate) class: String,
    /// Whether Secrets have an annotation with the hash of their data.
    pub(crate) writes_data_hash: bool,
    /// Whether a Secret without a template gets the object's labels and annotations.
    pub(crate) copies_metadata: bool,
    /// Whether an existing Secret is only adopted if its annotation allows that.
    pub(crate) requires_adopt_annotation: bool,
    /// False if the controller is limited to some namespaces.
    pub(crate) watches_cluster_stores: bool,
    /// Which stores may use the identity of the controller's Pod.
    pub(crate) pod_identity: PodIdentity,
    /// The time between two checks of a store without `refreshInterval`.
    pub(crate) store_check_interval: Duration,
    /// The shortest interval of objects that lists of versions may prove, because lists lag.
    pub(crate) min_list_interval: Duration,
    pub(crate) event_queues: usize,
    /// How long the proof holds that events of a store arrive.
    pub(crate) max_event_silence: Duration,
}

pub(crate) struct Observed {
    pub(super) entry: ExternalSecretEntry,
    pub(super) secret: Option<SecretSnapshot>,
    pub(super) stores: ReferencedStores,
    pub(super) namespace_is_terminating: bool,
    pub(super) events: schedule::Events,
    pub(super) settings: Arc<Settings>,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Remove External Secrets' finalizer from an object that is being deleted. The owner reference does
    /// what the finalizer was for.
    RemoveFinalizer,
    /// Do nothing until the object changes.
    Ignore(IgnoreReason),
    /// Say in the status why this controller does not manage the object, and nothing else.
    MarkUnmanaged(Failure),
    /// The watch may not have delivered a store yet.
    WaitForStore,
    /// The object is in sync, or not due.
    Wait {
        /// When the values were last proved, if the object is in sync.
        in_sync_since: Option<Timestamp>,
        /// Whether the status still says why another controller managed the object.
        clear_diagnosis: bool,
        next_check: Option<Duration>,
    },
    SkipCreation,
    Reject(SyncFailure),
    /// Read the values, unless AWS has the applied versions.
    Check,
    Refresh,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum IgnoreReason {
    /// The object is being deleted and needs nothing from this controller.
    Deleting,
    NamespaceTerminating,
    /// A store has the class of another controller.
    ForeignStore,
}

pub(super) fn plan(observed: &Observed, now: Timestamp) -> Action {
    if observed.entry.is_deleting() {
        return plan_deletion(observed);
    }
    if observed.namespace_is_terminating {
        return Action::Ignore(IgnoreReason::NamespaceTerminating);
    }
    if observed.has_foreign_store() {
        return Action::Ignore(IgnoreReason::ForeignStore);
    }
    if let Some(failure) = observed.unmanaged() {
        return Action::MarkUnmanaged(failure);
    }
    // Watches deliver an object and its store in any order, and the store may be another controller's.
    let entry = &observed.entry;
    if entry.attempts < MAX_STORE_WAITS && observed.stores.values().any(Option::is_none) {
        return Action::WaitForStore;
    }
    let is_up_to_date = observed.secret_is_as_written() || observed.is_unchanged_by_policy();
    match schedule::due(entry, is_up_to_date, observed.tick_offset(), observed.events, now) {
        Due::Now => plan_refresh(&entry.object),
        Due::Expired => match plan_refresh(&entry.object) {
            Action::Refresh if observed.is_checkable(now) => Action::Check,
            action => action,
        },
        Due::Later(next_check) => observed.wait(next_check),
    }
}

fn plan_deletion(observed: &Observed) -> Action {
    let mut finalizers = observed.entry.object.metadata.finalizers.iter().flatten();
    let has_finalizer = finalizers.any(|finalizer| finalizer == ExternalSecret::UPSTREAM_FINALIZER);
    let may_be_foreign = observed.has_foreign_store() || observed.unmanaged().is_some();
    if has_finalizer && !may_be_foreign {
        Action::RemoveFinalizer
    } else {
        Action::Ignore(IgnoreReason::Deleting)
    }
}

fn plan_refresh(object: &ExternalSecret) -> Action {
    let target = &object.spec.target;
    if let Some(manifest) = &target.manifest {
        let kind = manifest.kind.escape_debug();
        let message =
            format!("target.manifest ({kind}) is not supported: the target must be a Secret");
        let failure = Failure::new(Reason::TypeDenied, message);
        return Action::Reject(SyncFailure::new(INVALID_TARGET, failure));
    }
    if let Some(failure) = schedule::invalid_interval(&object.spec) {
        return Action::Reject(SyncFailure::new(NO_DATA, failure));
    }
    if object.spec.data.len() > MAX_DATA_ENTRIES {
        let message = format!("data has more than {MAX_DATA_ENTRIES} entries: use dataFrom");
        let failure = Failure::new(Reason::Malformed, message);
        return Action::Reject(SyncFailure::new(NO_DATA, failure));
    }
    match (target.creation_policy, target.deletion_policy) {
        (CreationPolicy::None, _) => Action::SkipCreation,
        // Our CRD refuses this pair. Another CRD may be installed.
        (CreationPolicy::Merge | CreationPolicy::CreateOrMerge, DeletionPolicy::Delete) => {
            let message = "deletionPolicy Delete requires creationPolicy Owner or Orphan: change one \
                           of the two";
            let failure = Failure::new(Reason::Malformed, message);
            Action::Reject(SyncFailure::new(NO_DELETE, failure))
        }
        (_, DeletionPolicy::Delete | DeletionPolicy::Retain | DeletionPolicy::Merge) => {
            match invalid_name(object) {
                Some(failure) => Action::Reject(SyncFailure::new(NO_UPDATE, failure)),
                None => Action::Refresh,
            }
        }
    }
}

/// The first name in the spec that cannot be that of an object.
fn invalid_name(object: &ExternalSecret) -> Option<Failure> {
    if !is_object_name(object.target_name()) {
        let message = format!("target.name {} is not a name", quoted(object.target_name()));
        return Some(Failure::new(Reason::InvalidSecret, message));
    }
    let template = object.spec.target.template.iter();
    let from = template.flat_map(|template| &template.template_from);
    let mut sources = from.flat_map(|from| from.config_map.iter().chain(&from.secret));
    let source = sources.find(|source| !is_object_name(&source.name))?;
    let message = format!("{} in templateFrom is not a name", quoted(&source.name));
    Some(Failure::new(Reason::TemplateInvalid, message))
}

impl Observed {
    fn known_stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        self.stores.values().flatten()
    }

    fn has_foreign_store(&self) -> bool {
        self.known_stores().any(|store| store.is_foreign(&self.settings.class))
    }

    /// Why another controller manages the object.
    fn unmanaged(&self) -> Option<Failure> {
        let other = self.known_stores().find(|store| store.has_other_provider());
        if let Some(failure) = other.and_then(|store| store.aws().err()) {
            return Some(failure);
        }
        // The controller has no permission to read these stores.
        let is_invisible =
            |store: &&StoreKey| store.is_cluster_store() && !self.settings.watches_cluster_stores;
        let store = self.stores.keys().find(is_invisible)?;
        let message = format!(
            "{store} is left to another controller: this one is limited to some namespaces, and to \
             SecretStores"
        );
        Some(Failure::new(Reason::StoreInvalid, message))
    }

    fn secret_is_as_written(&self) -> bool {
        let entry = &self.entry;
        match entry.object.spec.target.creation_policy {
            CreationPolicy::None => true,
            _ => self.secret.as_ref().is_some_and(|secret| entry.is_as_written(secret)),
        }
    }

    /// Whether a refresh of this version of the object left the Secret as it is now: deleted, kept in
    /// spite of missing values, or not created.
    fn is_unchanged_by_policy(&self) -> bool {
        let entry = &self.entry;
        entry.synced.as_deref() == Some(&entry.current)
            && (self.is_absent_by_policy() || entry.was_left_as(self.secret.as_ref()))
    }

    /// The same by the status, as another process wrote it.
    fn is_absent_by_policy(&self) -> bool {
        let status = &self.entry.status;
        let Some(ready) = condition(&status.conditions, "Ready") else { return false };
        self.secret.is_none()
            && ready.status == "True"
            && match ready.reason.as_deref() {
                Some("SecretDeleted" | MISSING) => true,
                // Each write of a Secret records its name. Without one, the values and
                // the Secret were missing, and the deletion policy Retain changed nothing (x20, x41).
                Some("SecretSynced") => status.binding.name.is_empty(),
                _ => false,
            }
    }

    fn wait(&self, next_check: Option<Duration>) -> Action {
        let entry = &self.entry;
        let is_ready = self.is_ready();
        let in_sync_since = entry.proved().filter(|_| is_ready);
        let is_diagnosed = condition(&entry.status.conditions, "Explained").is_some();
        Action::Wait {
            in_sync_since,
            clear_diagnosis: in_sync_since.is_some() && is_diagnosed && entry.failed.is_none(),
            next_check,
        }
    }

    fn is_ready(&self) -> bool {
        let ready = condition(&self.entry.status.conditions, "Ready");
        ready.is_some_and(|ready| ready.status == "True")
    }

    /// Whether the object is in sync if AWS has the applied versions. Once a day its values are read anyhow.
    fn is_checkable(&self, now: Timestamp) -> bool {
        let entry = &self.entry;
        entry.failed.is_none()
            && self.is_ready()
            && self.secret.as_ref().is_some_and(|secret| entry.is_as_written(secret))
            && spec::values(&entry.object.spec).is_some_and(|values| !values.is_empty())
            && !schedule::is_read_due(entry, now)
    }

    /// Moves the due times of different stores apart.
    fn tick_offset(&self) -> u64 {
        let name = self.stores.keys().next().map_or("", |store| store.name.as_str());
        name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    }
}

#[cfg(test)]
mod tests;
