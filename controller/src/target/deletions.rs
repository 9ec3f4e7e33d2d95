//! Secrets that were deleted a moment ago, and that no SealedSecret of their name controlled.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use crate::key::ObjectKey;

/// How long a deleted Secret stays away, so that people can put another one in its place. Users of
/// Bitnami's controller rely on such a pause.
pub(crate) const RECREATE_DELAY: Duration = Duration::from_secs(2);
/// Only the newest count: a namespace with many Secrets must not take memory by its deletion.
const MAX_DELETIONS: usize = 1000;

/// The deletions within the last [`RECREATE_DELAY`], the oldest first.
#[derive(Default)]
pub(super) struct ForeignDeletions(Mutex<VecDeque<(Instant, ObjectKey)>>);

impl ForeignDeletions {
    pub(super) fn record(&self, key: ObjectKey) {
        let now = Instant::now();
        let mut deletions = self.recent(now);
        if deletions.len() >= MAX_DELETIONS {
            deletions.pop_front();
        }
        deletions.push_back((now, key));
    }

    /// When the Secret of this name was deleted.
    pub(super) fn last(&self, key: &ObjectKey) -> Option<Instant> {
        let deletions = self.recent(Instant::now());
        let last = deletions.iter().rev().find(|(_, deleted)| deleted == key);
        last.map(|(at, _)| *at)
    }

    fn recent(&self, now: Instant) -> MutexGuard<'_, VecDeque<(Instant, ObjectKey)>> {
        let mut deletions = self.0.lock().expect("no holder of the lock panics");
        let old = deletions.partition_point(|(at, _)| now.duration_since(*at) >= RECREATE_DELAY);
        deletions.drain(..old);
        deletions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: format!("s{number}") }
    }

    #[tokio::test(start_paused = true)]
    async fn deletion_is_forgotten_after_two_seconds() {
        let deletions = ForeignDeletions::default();
        let first = Instant::now();
        deletions.record(key(1));
        tokio::time::advance(Duration::from_millis(1999)).await;
        deletions.record(key(2));
        assert_eq!(deletions.last(&key(1)), Some(first));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(deletions.last(&key(1)), None);
        assert!(deletions.last(&key(2)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_newest_thousand_deletions_are_kept() {
        let deletions = ForeignDeletions::default();
        for number in 0..=MAX_DELETIONS {
            deletions.record(key(number));
        }
        assert_eq!(deletions.last(&key(0)), None);
        assert!(deletions.last(&key(1)).is_some());
        assert!(deletions.last(&key(MAX_DELETIONS)).is_some());
    }
}
