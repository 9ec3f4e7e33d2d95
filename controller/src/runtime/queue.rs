//! The work queue: objects to reconcile, their order and their earliest time.
//!
//! An object has one entry. It is never reconciled twice at a time. If it is added during its
//! reconcile, even several times, it is reconciled one more time.
//!
//! Within a namespace the object with the lowest rank goes first. The rank is the due time plus the
//! delay of the priority, so a change goes before the resync of 10,000 others and a resync is never
//! starved. Namespaces take turns: see [`WorkQueue`].

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tokio::{sync::Notify, time::Instant};

use crate::key::{ObjectKey, QueueKey};

/// The maximum delay: an early reconcile is harmless, and an [`Instant`] cannot overflow.
const MAX_DELAY: Duration = Duration::from_hours(24);

/// Why an object is reconciled. Earlier ones go first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Priority {
    /// The object is new or was changed.
    Change,
    /// Its Secret was changed or deleted.
    Drift,
    /// An event says that a value changed.
    Event,
    /// The last reconcile failed.
    Retry,
    /// The resync period or a refresh interval has passed.
    Resync,
}

impl Priority {
    /// How much longer than a change the object may wait.
    fn delay(self) -> Duration {
        Duration::from_secs(match self {
            Self::Change => 0,
            Self::Drift => 1,
            Self::Event => 2,
            Self::Retry => 10,
            Self::Resync => 60,
        })
    }
}

/// A queue that is fair between namespaces.
///
/// Namespaces with due objects take turns, one object a turn. A namespace whose first object has
/// waited for its priority's delay goes before one whose first object has not, so a change is not
/// held up by resyncs of other namespaces.
///
/// A namespace holds at most a quarter of the workers, and at least one. So slow reconciles of up to
/// three namespaces leave workers for all others.
pub(crate) struct WorkQueue<K = ObjectKey> {
    inner: Mutex<Inner<K>>,
    wake: Notify,
}

/// The state of a queue, for metrics.
pub(crate) struct QueueState {
    /// The number of due objects that wait for a worker.
    pub(crate) due: usize,
    pub(crate) adds: u64,
    pub(crate) retries: u64,
    /// How long objects were due before a worker took them.
    pub(crate) waited: Histogram,
    /// How long workers held objects.
    pub(crate) worked: Histogram,
    /// The sum of the ages of running reconciles.
    pub(crate) unfinished: Duration,
    /// The age of the oldest one.
    pub(crate) longest: Duration,
}

struct Inner<K> {
    waiting: HashMap<K, Entry>,
    /// Objects that are not due yet, by due time.
    later: BTreeSet<(Instant, K)>,
    /// By namespace.
    lanes: HashMap<String, Lane<K>>,
    last_turn: u64,
    /// The number of workers that one namespace may hold.
    share: usize,
    /// Objects that a worker reconciles.
    running: HashMap<K, Running>,
    /// When a reconcile last ended.
    last_done: Instant,
    /// When the workers started. `None` while this process is a standby: its objects wait for the
    /// leader, and not for a worker.
    began: Option<Instant>,
    adds: u64,
    retries: u64,
    waited: Histogram,
    worked: Histogram,
}

struct Running {
    since: Instant,
    /// The entry added during the reconcile.
    added: Option<Entry>,
}

/// The due objects of one namespace.
struct Lane<K> {
    /// Sorted by rank.
    due: BTreeSet<(Instant, K)>,
    /// The number of workers that the namespace holds.
    running: usize,
    /// The lane with the lowest turn goes first. A lane gets a new turn after each object, and when
    /// its first object arrives.
    turn: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    priority: Priority,
}

impl Entry {
    fn rank(self) -> Instant {
        self.at + self.priority.delay()
    }

    /// The earlier time and the higher priority of the two.
    fn merge(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            at: self.at.min(other.at),
            priority: self.priority.min(other.priority),
        })
    }
}

impl<K: QueueKey> WorkQueue<K> {
    pub(crate) fn new(workers: usize) -> Self {
        let inner = Inner {
            waiting: HashMap::new(),
            later: BTreeSet::new(),
            lanes: HashMap::new(),
            last_turn: 0,
            share: (workers / 4).max(1),
            running: HashMap::new(),
            last_done: Instant::now(),
            began: Some(Instant::now()),
            adds: 0,
            retries: 0,
            // From 10 ns to 1000 s, as in Kubernetes' client.
            waited: Histogram::new(exponential_buckets(1e-8, 10.0, 12)),
            worked: Histogram::new(exponential_buckets(1e-8, 10.0, 12)),
        };
        Self { inner: Mutex::new(inner), wake: Notify::new() }
    }

    /// No worker takes objects until [`WorkQueue::begin`].
    pub(crate) fn hold(&self) {
        self.lock().began = None;
    }

    /// The workers start now.
    pub(crate) fn begin(&self) {
        let (mut inner, now) = (self.lock(), Instant::now());
        (inner.began, inner.last_done) = (Some(now), now);
    }

    /// Adds an object, due after `delay`, at most a day. If it waits already, the earlier time and
    /// the higher priority count.
    pub(crate) fn add(&self, key: K, priority: Priority, delay: Duration) {
        let at = Instant::now() + delay.min(MAX_DELAY);
        self.lock().add(key, Entry { at, priority });
        self.wake.notify_one();
    }

    /// Takes the next due object. [`WorkQueue::done`] must follow.
    pub(crate) async fn next(&self) -> K {
        loop {
            let next_due = {
                let (mut inner, now) = (self.lock(), Instant::now());
                inner.promote(now);
                if let Some(key) = inner.take(now) {
                    self.wake.notify_one();
                    return key;
                }
                inner.later.first().map(|(at, _)| *at)
            };
            match next_due {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Ends the reconcile of an object that [`WorkQueue::next`] returned.
    pub(crate) fn done(&self, key: &K) {
        self.lock().done(key);
        self.wake.notify_one();
    }

    /// The number of objects that wait for a worker, due or not.
    pub(crate) fn len(&self) -> usize {
        let inner = self.lock();
        inner.began.map_or(0, |_| inner.waiting.len())
    }

    /// How long the oldest due object has been due.
    pub(crate) fn oldest_due_age(&self) -> Duration {
        let inner = self.lock();
        let now = Instant::now();
        let oldest = inner.waiting.values().map(|entry| entry.at).min();
        let since = oldest.and_then(|at| Some(inner.began?.max(at)));
        since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Whether an object has been due and no reconcile has ended for longer than this.
    pub(crate) fn is_stalled(&self, longer_than: Duration) -> bool {
        self.oldest_due_age() > longer_than && self.lock().last_done.elapsed() > longer_than
    }

    pub(crate) fn state(&self) -> QueueState {
        let inner = &mut *self.lock();
        let now = Instant::now();
        inner.promote(now);
        let ages =
            inner.running.values().map(|running| now.saturating_duration_since(running.since));
        QueueState {
            due: inner.began.map_or(0, |_| inner.lanes.values().map(|lane| lane.due.len()).sum()),
            adds: inner.adds,
            retries: inner.retries,
            waited: inner.waited.clone(),
            worked: inner.worked.clone(),
            unfinished: ages.clone().sum(),
            longest: ages.max().unwrap_or_default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K>> {
        self.inner.lock().expect("no holder of the lock panics")
    }
}

impl<K: QueueKey> Inner<K> {
    fn add(&mut self, key: K, entry: Entry) {
        self.retries += u64::from(entry.priority == Priority::Retry);
        if let Some(Running { added, .. }) = self.running.get_mut(&key) {
            self.adds += u64::from(added.is_none());
            *added = Some(entry.merge(*added));
            return;
        }
        let old = self.waiting.get(&key).copied();
        self.adds += u64::from(old.is_none());
        let entry = entry.merge(old);
        if let Some(old) = old
            && !self.later.remove(&(old.at, key.clone()))
        {
            let lane = self.lanes.get_mut(key.namespace()).expect("a due object has a lane");
            lane.due.remove(&(old.rank(), key.clone()));
            lane.due.insert((entry.rank(), key.clone()));
        } else {
            self.later.insert((entry.at, key.clone()));
        }
        self.waiting.insert(key, entry);
    }

    /// Moves objects that are due now to the lanes of their namespaces.
    fn promote(&mut self, now: Instant) {
        while let Some((at, _)) = self.later.first()
            && *at <= now
        {
            let (_, key) = self.later.pop_first().expect("the set has a first entry");
            let rank = self.waiting[&key].rank();
            self.last_turn += 1;
            let new = || Lane { due: BTreeSet::new(), running: 0, turn: 0 };
            let lane = self.lanes.entry(key.namespace().to_owned()).or_insert_with(new);
            if lane.due.is_empty() {
                lane.turn = self.last_turn;
            }
            lane.due.insert((rank, key));
        }
    }

    /// The scan is short: only namespaces with due or running objects have a lane.
    fn take(&mut self, now: Instant) -> Option<K> {
        let servable = self.lanes.values_mut().filter(|lane| lane.running < self.share);
        let first = servable.filter_map(|lane| Some((lane.due.first()?.0 > now, lane)));
        let (_, lane) = first.min_by_key(|(can_wait, lane)| (*can_wait, lane.turn))?;
        let (_, key) = lane.due.pop_first()?;
        self.last_turn += 1;
        lane.turn = self.last_turn;
        lane.running += 1;
        if let Some(entry) = self.waiting.remove(&key) {
            let since = self.began.map_or(entry.at, |began| began.max(entry.at));
            self.waited.observe(now.saturating_duration_since(since).as_secs_f64());
        }
        self.running.insert(key.clone(), Running { since: now, added: None });
        Some(key)
    }

    fn done(&mut self, key: &K) {
        self.last_done = Instant::now();
        let Some(Running { since, added }) = self.running.remove(key) else { return };
        self.worked.observe(since.elapsed().as_secs_f64());
        let lane = self.lanes.get_mut(key.namespace()).expect("a running object has a lane");
        lane.running -= 1;
        if lane.running == 0 && lane.due.is_empty() {
            self.lanes.remove(key.namespace());
        }
        if let Some(entry) = added {
            // It was counted when it was added.
            let counted = (self.adds, self.retries);
            self.add(key.clone(), entry);
            (self.adds, self.retries) = counted;
        }
    }
}

#[cfg(test)]
mod tests;
