//! What is to be looked at, in which order, and not before when.
//!
//! One entry an object: an object is never worked on twice at a time, and however often it is
//! added meanwhile it is worked on once more. What is due is taken by rank, the due time plus a
//! handicap of its cause: what a person just changed goes before the resync of 10,000 others, and
//! yet nothing waits for ever.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::key::ObjectKey;

/// Nothing waits longer, whatever delay is asked for: who looks a day later and finds that nothing is due
/// has lost nothing, and no time is ever beyond what an [`Instant`] can be.
const LONGEST: Duration = Duration::from_hours(24);

/// Why an object is looked at. Earlier ones go first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Priority {
    /// The object is new or was changed.
    Change,
    /// Its Secret was changed or deleted.
    Drift,
    /// It failed before.
    Retry,
    /// Time has passed.
    Resync,
}

impl Priority {
    /// How much longer than a change it may wait.
    fn handicap(self) -> Duration {
        Duration::from_secs(match self {
            Self::Change => 0,
            Self::Drift => 1,
            Self::Retry => 10,
            Self::Resync => 60,
        })
    }
}

/// The queue.
pub struct WorkQueue<K = ObjectKey> {
    inner: Mutex<Inner<K>>,
    wake: Notify,
}

struct Inner<K> {
    waiting: HashMap<K, Slot>,
    /// By due time: what is not due yet.
    later: BTreeSet<(Instant, K)>,
    /// By rank: what is due.
    due: BTreeSet<(Instant, K)>,
    /// Being worked on, with what was added meanwhile.
    running: HashMap<K, Option<(Instant, Priority)>>,
}

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        let inner = Inner {
            waiting: HashMap::new(),
            later: BTreeSet::new(),
            due: BTreeSet::new(),
            running: HashMap::new(),
        };
        Self { inner: Mutex::new(inner), wake: Notify::new() }
    }
}

#[derive(Clone, Copy)]
struct Slot {
    at: Instant,
    cause: Priority,
}

impl Slot {
    fn rank(self) -> Instant {
        self.at + self.cause.handicap()
    }
}

impl<K: Clone + Eq + Hash + Ord> WorkQueue<K> {
    /// Adds an object, to be taken after `delay`, but after a day at most. The earlier of two additions
    /// counts.
    pub fn add(&self, key: K, cause: Priority, delay: Duration) {
        let slot = Slot { at: Instant::now() + delay.min(LONGEST), cause };
        self.lock().add(key, slot);
        self.wake.notify_one();
    }

    /// Takes the next object that is due. [`WorkQueue::done`] must follow.
    pub async fn next(&self) -> K {
        loop {
            let wait = {
                let mut inner = self.lock();
                let now = Instant::now();
                inner.promote(now);
                if let Some((_, key)) = inner.due.pop_first() {
                    inner.waiting.remove(&key);
                    inner.running.insert(key.clone(), None);
                    if !inner.due.is_empty() {
                        self.wake.notify_one();
                    }
                    return key;
                }
                inner.later.first().map(|(at, _)| *at)
            };
            match wait {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Gives back what was taken.
    pub fn done(&self, key: &K) {
        let mut inner = self.lock();
        if let Some(Some((at, cause))) = inner.running.remove(key) {
            inner.add(key.clone(), Slot { at, cause });
            self.wake.notify_one();
        }
    }

    /// How many objects wait, those not due yet included.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For how long the object that waits longest has been due.
    pub fn overdue(&self) -> Duration {
        let mut inner = self.lock();
        let now = Instant::now();
        inner.promote(now);
        let oldest = inner.due.iter().filter_map(|(_, key)| inner.waiting.get(key)).map(|s| s.at);
        oldest.min().map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().expect("no holder of the lock panics")
    }
}

impl<K: Clone + Eq + Hash + Ord> Inner<K> {
    fn add(&mut self, key: K, slot: Slot) {
        if let Some(again) = self.running.get_mut(&key) {
            let at = again.map_or(slot.at, |(at, _)| at.min(slot.at));
            let cause = again.map_or(slot.cause, |(_, cause)| cause.min(slot.cause));
            *again = Some((at, cause));
            return;
        }
        let slot = match self.waiting.get(&key) {
            Some(old) => Slot { at: old.at.min(slot.at), cause: old.cause.min(slot.cause) },
            None => slot,
        };
        if let Some(old) = self.waiting.insert(key.clone(), slot) {
            self.later.remove(&(old.at, key.clone()));
            self.due.remove(&(old.rank(), key.clone()));
        }
        self.later.insert((slot.at, key));
    }

    /// Moves what has become due.
    fn promote(&mut self, now: Instant) {
        while let Some((at, _)) = self.later.first()
            && *at <= now
        {
            let (_, key) = self.later.pop_first().expect("it was there");
            let rank = self.waiting[&key].rank();
            self.due.insert((rank, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: name.into() }
    }

    async fn take(queue: &WorkQueue) -> String {
        let key = queue.next().await;
        queue.done(&key);
        key.name
    }

    /// A store with `refreshInterval: 9223372036854775807` had every look at it panic.
    #[tokio::test(start_paused = true)]
    async fn no_delay_is_too_long() {
        let queue = WorkQueue::default();
        for (name, delay) in [("most", Duration::MAX), ("long", Duration::from_secs(1 << 62))] {
            queue.add(key(name), Priority::Resync, delay);
        }
        let begun = Instant::now();
        assert_eq!([take(&queue).await, take(&queue).await].len(), 2);
        assert!(begun.elapsed() >= LONGEST, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_goes_before_a_resync_that_came_first() {
        let queue = WorkQueue::default();
        queue.add(key("resync"), Priority::Resync, Duration::ZERO);
        tokio::time::advance(Duration::from_secs(5)).await;
        queue.add(key("change"), Priority::Change, Duration::ZERO);
        assert_eq!(take(&queue).await, "change");
        assert_eq!(take(&queue).await, "resync");
    }

    #[tokio::test(start_paused = true)]
    async fn a_resync_does_not_wait_for_ever() {
        let queue = WorkQueue::default();
        queue.add(key("resync"), Priority::Resync, Duration::ZERO);
        tokio::time::advance(Duration::from_secs(61)).await;
        queue.add(key("change"), Priority::Change, Duration::ZERO);
        assert_eq!(take(&queue).await, "resync");
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_added_while_worked_on_is_taken_once_more() {
        let queue = WorkQueue::default();
        queue.add(key("a"), Priority::Change, Duration::ZERO);
        let taken = queue.next().await;
        queue.add(key("a"), Priority::Change, Duration::ZERO);
        queue.add(key("a"), Priority::Drift, Duration::ZERO);
        assert!(tokio::time::timeout(Duration::from_secs(9), queue.next()).await.is_err());
        queue.done(&taken);
        assert_eq!(take(&queue).await, "a");
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_additions_counts() {
        let queue = WorkQueue::default();
        let start = Instant::now();
        queue.add(key("a"), Priority::Retry, Duration::from_secs(300));
        queue.add(key("a"), Priority::Change, Duration::from_secs(2));
        queue.add(key("a"), Priority::Retry, Duration::from_secs(200));
        assert_eq!(take(&queue).await, "a");
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn overdue_tells_how_long_the_first_has_waited() {
        let queue = WorkQueue::default();
        assert_eq!(queue.overdue(), Duration::ZERO);
        queue.add(key("a"), Priority::Resync, Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(queue.overdue(), Duration::from_secs(30));
    }

    #[tokio::test]
    async fn several_workers_share_what_is_due() {
        let queue = std::sync::Arc::new(WorkQueue::<ObjectKey>::default());
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.next().await.name })
            })
            .collect();
        tokio::task::yield_now().await;
        for name in ["a", "b", "c", "d"] {
            queue.add(key(name), Priority::Change, Duration::ZERO);
        }
        let mut taken = Vec::new();
        for worker in workers {
            taken
                .push(tokio::time::timeout(Duration::from_secs(5), worker).await.unwrap().unwrap());
        }
        taken.sort();
        assert_eq!(taken, ["a", "b", "c", "d"]);
    }
}
