//! Decides what to do with a SealedSecret, without a request.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{index::SealedSecretEntry, record::Record};
use crate::{
    keys::KeyRing,
    runtime::Now,
    target::{RECREATE_DELAY, SecretSnapshot, ownership::Ownership},
};

/// The state of the cluster and the process when a reconcile begins.
pub(crate) struct Observed {
    pub(crate) entry: SealedSecretEntry,
    pub(crate) secret: Option<SecretSnapshot>,
    /// When another owner's Secret of this name was deleted.
    pub(crate) foreign_deletion: Option<Instant>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) is_namespace_terminating: bool,
    /// False with `--update-status=false`.
    pub(crate) writes_status: bool,
    /// True with `--skip-recreate`.
    pub(crate) skips_recreate: bool,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// The object or its namespace is being deleted, or its Secret stays as others changed it: the
    /// controller writes nothing.
    Ignore,
    Confirm,
    /// The Secret is in sync with this record, and the status does not report it.
    WriteStatus(Record),
    /// Decrypt the items and write the Secret.
    Sync,
    /// Another owner's Secret was deleted a moment ago: its name stays free for this time.
    Wait(Duration),
}

pub(crate) fn plan(observed: &Observed, now: Now) -> Action {
    let Observed { entry, is_namespace_terminating, .. } = observed;
    if entry.is_deleting || *is_namespace_terminating {
        return Action::Ignore;
    }
    if let (None, Some(deletion)) = (&observed.secret, observed.foreign_deletion) {
        let pause = (deletion + RECREATE_DELAY).saturating_duration_since(now.monotonic);
        if !pause.is_zero() {
            return Action::Wait(pause);
        }
    }
    match record_in_sync(observed) {
        None if observed.skips_recreate && was_synced(observed) => Action::Ignore,
        None => Action::Sync,
        Some(record) if !observed.writes_status || entry.status_reports(record) => Action::Confirm,
        Some(record) => Action::WriteStatus(record.clone()),
    }
}

/// Whether the controller synced the object as it is now. Its Secret may have changed since.
fn was_synced(observed: &Observed) -> bool {
    let Observed { entry, keys, .. } = observed;
    entry.applied.as_ref().is_some_and(|record| {
        record.inputs == entry.inputs && record.keys.iter().all(|key| keys.contains(key))
    })
}

/// The record of the last sync, if it still describes the Secret that the watch reported.
fn record_in_sync(observed: &Observed) -> Option<&Record> {
    let Observed { entry, secret, keys, .. } = observed;
    let (record, secret) = (entry.applied.as_ref()?, secret.as_ref()?);
    let has_owner = secret.ownership.controller.is_some();
    let is_owned = match secret.ownership.ownership(&entry.uid, entry.wants_owner) {
        Ownership::Ours => has_owner == entry.wants_owner,
        Ownership::Shared { with_owner_reference } => {
            has_owner == (with_owner_reference && entry.wants_owner)
        }
        Ownership::TakeOver | Ownership::Foreign { .. } => false,
    };
    let is_unchanged = record.inputs == entry.inputs
        && record.content == secret.content
        && record.keys.iter().all(|key| keys.contains(key))
        && secret.has_labels_and_annotations(&entry.labels_and_annotations);
    (is_owned && is_unchanged).then_some(record)
}

#[cfg(test)]
mod tests;
