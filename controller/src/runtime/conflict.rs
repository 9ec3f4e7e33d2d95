//! The guard against fights with other writers.
//!
//! Another controller may want the opposite of what we write. Repairing at once each time would
//! keep the API server busy, and giving up would let the other one win. So repairs slow down.

use std::time::Duration;

use tokio::time::Instant;

/// When repairs of one object slow down, and how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConflictBackoff {
    /// Repairs further apart than this are no fight.
    pub(crate) window: Duration,
    /// This many repairs in a row are made at once.
    pub(crate) immediate_repairs: u32,
    /// The delay of the next repair. It doubles with each.
    pub(crate) first_delay: Duration,
    pub(crate) max_delay: Duration,
}

/// The repairs of one object, each within the window of the one before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Repairs {
    count: u32,
    last: Option<Instant>,
}

impl Repairs {
    /// Counts a write over what others had changed.
    pub(crate) fn record(&mut self, backoff: ConflictBackoff, now: Instant) {
        let count = if self.is_fight(backoff, now) { self.count.saturating_add(1) } else { 1 };
        *self = Self { count, last: Some(now) };
    }

    /// How long to wait from `now` on before a repair that becomes necessary now.
    pub(crate) fn delay(self, backoff: ConflictBackoff, now: Instant) -> Duration {
        let excess = self.count.saturating_sub(backoff.immediate_repairs);
        if excess == 0 || !self.is_fight(backoff, now) {
            return Duration::ZERO;
        }
        backoff.first_delay.saturating_mul(1 << (excess - 1).min(16)).min(backoff.max_delay)
    }

    /// The earliest time of the next repair, counted from the last one.
    pub(crate) fn next_at(self, backoff: ConflictBackoff, now: Instant) -> Instant {
        self.last.map_or(now, |last| now.max(last + self.delay(backoff, now)))
    }

    fn is_fight(self, backoff: ConflictBackoff, now: Instant) -> bool {
        self.last.is_some_and(|last| now < last + backoff.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: ConflictBackoff = ConflictBackoff {
        window: Duration::from_mins(2),
        immediate_repairs: 5,
        first_delay: Duration::from_secs(2),
        max_delay: Duration::from_secs(64),
    };

    #[test]
    fn repairs_slow_down_and_never_stop() {
        let start = Instant::now();
        let mut repairs = Repairs::default();
        for _ in 0..BACKOFF.immediate_repairs {
            repairs.record(BACKOFF, start);
            assert_eq!(repairs.delay(BACKOFF, start), Duration::ZERO);
        }
        repairs.record(BACKOFF, start);
        assert_eq!(repairs.delay(BACKOFF, start), BACKOFF.first_delay);
        assert_eq!(repairs.next_at(BACKOFF, start), start + BACKOFF.first_delay);
        (0..50).for_each(|_| repairs.record(BACKOFF, start));
        assert_eq!(repairs.delay(BACKOFF, start), BACKOFF.max_delay);
    }

    #[test]
    fn repair_after_the_window_is_immediate() {
        let start = Instant::now();
        let mut repairs = Repairs::default();
        (0..9).for_each(|_| repairs.record(BACKOFF, start));
        let later = start + BACKOFF.window;
        assert_eq!(repairs.delay(BACKOFF, later), Duration::ZERO);
        assert_eq!(repairs.next_at(BACKOFF, later), later);
        repairs.record(BACKOFF, later);
        assert_eq!(repairs.delay(BACKOFF, later), Duration::ZERO);
    }
}
