//! The outcome of one refresh: `Result<Synced, SyncError>`.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use super::{
    index::{ExternalSecretEntry, MISSING},
    versions::Versions,
};
use crate::{
    reason::{Failure, Reason},
    target::{Applied, Deletion},
};

/// The messages of `Ready`, as External Secrets writes them.
pub(super) const INVALID_TARGET: &str = "invalid generic target";
pub(super) const NO_DATA: &str = "could not get secret data from provider";
pub(super) const NO_UPDATE: &str = "could not update secret";
pub(super) const NO_DELETE: &str = "could not delete secret";
pub(super) const NO_ORPHAN_DELETE: &str = "could not delete orphaned secrets";
pub(super) const IMMUTABLE_TARGET: &str = "could not update secret, target is immutable";
pub(super) const OWNED_BY_ANOTHER: &str = "target is owned by another ExternalSecret";
pub(super) const NO_OWNERSHIP: &str = "failed to take ownership of target secret";

/// The result of a check without a read.
pub(super) enum Checked {
    /// The values of this time are those of the Secret.
    Proved(Timestamp),
    /// A list is on its way, or AWS throttles lists or descriptions.
    Later(Duration),
    /// The values have to be read.
    Unknown,
}

pub(super) struct Synced {
    pub(super) change: SecretEffect,
    pub(super) versions: Versions,
    /// The MAC of the Secret, if the Secret has no annotation with the hash of its data.
    pub(super) fingerprint: Option<String>,
    pub(super) missing: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SecretEffect {
    /// Absent: `creationPolicy` is `Merge`, and no Secret exists.
    Applied(Applied),
    /// All values are gone, and `deletionPolicy` is `Delete`.
    Deleted(Deletion),
    /// All values are gone, and `deletionPolicy` is `Retain`.
    Retained,
    NotCreated,
}

/// The refresh did not bring the Secret in sync.
pub(super) enum SyncError {
    /// A store or the object changed while values were read: the values may be wrong (F20).
    Superseded,
    NamespaceGone,
    Failed(SyncFailure),
}

#[derive(Clone, Debug)]
pub(crate) struct SyncFailure {
    /// The message of `Ready`.
    pub(super) message: &'static str,
    /// Whether the status names the Secret.
    pub(super) has_binding: bool,
    /// At least one.
    pub(super) errors: Vec<EntryError>,
    /// The versions that are known now, if that has changed.
    pub(super) versions: Option<Box<Versions>>,
}

/// An error and the entry of the spec that it is about, such as `data[0] (key g/plain)`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EntryError {
    /// Empty if the error is about the whole object.
    pub(super) entry: String,
    pub(super) failure: Failure,
}

impl Synced {
    /// No value was used, so the recorded state of the Secret stays as it is.
    pub(super) fn without_read(change: SecretEffect, entry: &ExternalSecretEntry) -> Self {
        let (versions, fingerprint) = (entry.versions.clone(), entry.fingerprint.clone());
        Self { change, versions, fingerprint, missing: Vec::new() }
    }
}

impl SecretEffect {
    pub(super) fn is_written(self) -> bool {
        matches!(self, Self::Applied(applied) if applied != Applied::Absent)
    }

    /// The reason and the message of `Ready`.
    pub(super) fn ready(self) -> (&'static str, &'static str) {
        match self {
            Self::Applied(Applied::Absent) => {
                (MISSING, "secret will not be created due to CreationPolicy=Merge")
            }
            Self::Applied(_) | Self::NotCreated => ("SecretSynced", "secret synced"),
            Self::Retained => ("SecretSynced", "secret retained due to DeletionPolicy=Retain"),
            Self::Deleted(_) => ("SecretDeleted", "secret deleted due to DeletionPolicy=Delete"),
        }
    }

    /// The reason and the message of the Event, if anything was written.
    pub(super) fn event(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Applied(Applied::Created) => Some(("Created", "secret created")),
            Self::Applied(Applied::Updated) => Some(("Updated", "secret updated")),
            Self::Deleted(Deletion::Deleted) => Some(("Deleted", "secret deleted")),
            Self::Applied(Applied::Unchanged | Applied::Absent)
            | Self::Deleted(Deletion::Missing | Deletion::NotOwned)
            | Self::Retained
            | Self::NotCreated => None,
        }
    }
}

impl SyncFailure {
    /// A failure that leaves the status's binding and the versions as they are.
    pub(super) fn new(message: &'static str, failure: Failure) -> Self {
        Self { message, has_binding: false, errors: vec![failure.into()], versions: None }
    }

    pub(super) fn first_error(&self) -> &EntryError {
        self.errors.first().expect("a failure has an error")
    }

    pub(super) fn reason(&self) -> Reason {
        self.first_error().failure.reason
    }
}

impl From<SyncFailure> for SyncError {
    fn from(failure: SyncFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Failure> for EntryError {
    fn from(failure: Failure) -> Self {
        Self { entry: String::new(), failure }
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.entry.is_empty() {
            write!(f, "{}: ", self.entry)?;
        }
        self.failure.fmt(f)
    }
}
