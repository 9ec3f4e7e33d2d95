//! The responses of AWS for each entry of an ExternalSecret.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    aws::ReadResponse,
    reason::{Failure, Reason},
};

pub(crate) struct FetchedEntries {
    pub(crate) data_from: Vec<FetchedEntry>,
    pub(crate) data: Vec<FetchedEntry>,
}

pub(crate) enum FetchedEntry {
    Value(FetchedValue),
    Found(FoundValues),
    /// The entry cannot be read at all.
    Invalid(Failure),
}

pub(crate) struct FetchedValue {
    /// The key of its version in `status.versions`, if it can have several.
    pub(crate) version_key: Option<String>,
    pub(crate) answer: Result<Arc<ReadResponse>, Failure>,
}

pub(crate) struct FoundValues {
    pub(crate) values: Result<Vec<(String, FetchedValue)>, Failure>,
    /// The version keys of values that an earlier `find` found and that AWS does not list now.
    pub(crate) unlisted: BTreeSet<String>,
}

impl FetchedEntries {
    /// The version keys of all values that no `find` lists any more.
    pub(crate) fn unlisted(&self) -> BTreeSet<String> {
        let unlisted = self.data_from.iter().filter_map(|entry| match entry {
            FetchedEntry::Found(found) => Some(&found.unlisted),
            FetchedEntry::Value(_) | FetchedEntry::Invalid(_) => None,
        });
        unlisted.flatten().cloned().collect()
    }
}

impl FetchedValue {
    pub(crate) fn bytes(&self) -> usize {
        match self.answer.as_deref() {
            Ok(ReadResponse::Value(value)) => value.bytes.len(),
            _ => 0,
        }
    }
}

/// Whether AWS says that this value does not exist any more.
pub(crate) fn is_gone(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::NotFound | Reason::MarkedForDeletion)
}
