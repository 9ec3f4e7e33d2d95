//! Requests that do not belong in batches.

use std::collections::HashSet;

use tokio::time::Instant;

use super::permission::BATCH_RECHECK_INTERVAL;
use crate::aws::read::ReadRequest;

#[derive(Debug)]
pub(super) struct Exclusions {
    /// Requests that make AWS deny every batch with them.
    poisoned: HashSet<ReadRequest>,
    /// Requests that only an individual read answers.
    never_batch: HashSet<ReadRequest>,
    since: Instant,
}

impl Exclusions {
    pub(super) fn new(now: Instant) -> Self {
        Self { poisoned: HashSet::new(), never_batch: HashSet::new(), since: now }
    }

    /// Forgets all exclusions after a day, because permissions change.
    pub(super) fn expire(&mut self, now: Instant) {
        if now.duration_since(self.since) >= BATCH_RECHECK_INTERVAL {
            *self = Self::new(now);
        }
    }

    pub(super) fn contains(&self, request: &ReadRequest) -> bool {
        self.poisoned.contains(request) || self.never_batch.contains(request)
    }

    pub(super) fn add_poisoned(&mut self, requests: impl IntoIterator<Item = ReadRequest>) {
        self.poisoned.extend(requests);
    }

    pub(super) fn add_never_batch(&mut self, requests: impl IntoIterator<Item = ReadRequest>) {
        self.never_batch.extend(requests);
    }

    /// An individual read succeeded, so the request does not poison batches any more.
    pub(super) fn read_succeeded(&mut self, request: &ReadRequest) {
        self.poisoned.remove(request);
    }
}
