//! Secrets that were deleted a moment ago, and that no SealedSecret of their name controlled.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

use tokio::time::Instant;

use crate::key::ObjectKey;

/// How long the name of a deleted Secret stays free, so that users can create another Secret. Users
/// of Bitnami's controller rely on such a pause.
pub(crate) const RECREATE_DELAY: Duration = Duration::from_secs(2);
/// For one namespace. The limit per namespace. Only the newest deletions count, so many deletions cost no
/// memory, and do not displace those of other namespaces.
const MAX_DELETIONS: usize = 1000;

const NOT_POISONED: &str = "no holder of the lock panics";

/// The names of deleted Secrets by namespace, the oldest first.
#[derive(Default)]
pub(super) struct ForeignDeletions(Mutex<HashMap<String, VecDeque<(Instant, String)>>>);

impl ForeignDeletions {
    pub(super) fn record(&self, key: ObjectKey) {
        let now = Instant::now();
        let mut namespaces = self.0.lock().expect(NOT_POISONED);
        namespaces
            .retain(|_, deletions| deletions.back().is_some_and(|(at, _)| is_recent(*at, now)));
        let deletions = namespaces.entry(key.namespace).or_default();
        if deletions.len() >= MAX_DELETIONS {
            deletions.pop_front();
        }
        deletions.push_back((now, key.name));
    }

    /// When the Secret of this name was deleted, within the last [`RECREATE_DELAY`].
    pub(super) fn last(&self, key: &ObjectKey) -> Option<Instant> {
        let namespaces = self.0.lock().expect(NOT_POISONED);
        let mut newest_first = namespaces.get(&key.namespace)?.iter().rev();
        let (at, _) = newest_first.find(|(_, name)| *name == key.name)?;
        is_recent(*at, Instant::now()).then_some(*at)
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    now.duration_since(at) < RECREATE_DELAY
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
        tokio::time::advance(RECREATE_DELAY).await;
        deletions.record(ObjectKey { namespace: "other".into(), name: "s".into() });
        assert_eq!(deletions.0.lock().unwrap().len(), 1, "old namespaces take no memory");
    }

    #[tokio::test(start_paused = true)]
    async fn newest_thousand_deletions_of_each_namespace_are_kept() {
        let deletions = ForeignDeletions::default();
        let elsewhere = ObjectKey { namespace: "other".into(), name: "s".into() };
        deletions.record(elsewhere.clone());
        for number in 0..=MAX_DELETIONS {
            deletions.record(key(number));
        }
        assert_eq!(deletions.last(&key(0)), None);
        assert!(deletions.last(&key(1)).is_some());
        assert!(deletions.last(&key(MAX_DELETIONS)).is_some());
        assert!(deletions.last(&elsewhere).is_some());
    }
}
