//! Limits how often changes of Secrets wake the objects of a store. A user who may change a Secret with
//! credentials could otherwise cause a storm of requests by a loop of changes.

use std::{collections::HashMap, hash::Hash, sync::Mutex, time::Duration};

use tokio::time::Instant;

/// The time between two wakes, in the long run.
const INTERVAL: Duration = Duration::from_secs(10);
/// How far wakes may be ahead of that: three wakes at once, for a user who corrects keys.
const TOLERANCE: Duration = Duration::from_secs(20);

pub(super) struct Wakes<K>(Mutex<HashMap<K, Wake>>);

struct Wake {
    /// The last wake, which may be still to come.
    last: Instant,
    /// When as much time has passed as all wakes cost.
    paid: Instant,
}

impl<K> Default for Wakes<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Wakes<K> {
    /// When to wake after a change. None if a wake that is still to come covers the change.
    pub(super) fn delay(&self, key: K, now: Instant) -> Option<Duration> {
        let mut wakes = self.0.lock().expect("no holder of the lock panics");
        wakes.retain(|_, wake| now < wake.paid);
        let wake = wakes.entry(key).or_insert(Wake { last: now, paid: now });
        if wake.last > now {
            return None;
        }
        wake.last = wake.paid.checked_sub(TOLERANCE).map_or(now, |at| at.max(now));
        wake.paid += INTERVAL;
        Some(wake.last - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loop_of_changes_wakes_once_in_ten_seconds_and_its_last_change_wakes_too() {
        let (wakes, start) = (Wakes::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in [0, 1, 2] {
            assert_eq!(wakes.delay("a", at(second)), Some(Duration::ZERO));
        }
        assert_eq!(wakes.delay("a", at(3)), Some(Duration::from_secs(7)));
        assert_eq!(wakes.delay("a", at(4)), None, "the wake at 10 s covers it");
        assert_eq!(wakes.delay("b", at(4)), Some(Duration::ZERO));
        assert_eq!(wakes.delay("a", at(12)), Some(Duration::from_secs(8)));
        assert_eq!(wakes.delay("a", at(90)), Some(Duration::ZERO));
        assert_eq!(wakes.0.lock().unwrap().len(), 1, "old wakes are forgotten");
    }
}
