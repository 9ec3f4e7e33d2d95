//! Back-off after failures, and the guard against fights with other writers. Neither of them gives
//! up.

use std::time::Duration;

use tokio::time::Instant;

/// How long to wait before an object is retried after a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The delay after this many earlier failures. `noise` is random and spreads objects that
    /// failed together over the second half of the delay.
    pub(crate) fn delay(self, failures: u32, noise: u32) -> Duration {
        let full = self.first.saturating_mul(1 << failures.min(16)).min(self.max);
        let share = f64::from(noise) / f64::from(u32::MAX);
        full.mul_f64(0.5 + share / 2.0)
    }
}

/// When repairs of one object slow down, and how far. Another controller may keep undoing our write.
/// To repair at once each time would keep the API server busy, and to give up would leave the wrong
/// content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConflictBackoff {
    /// Repairs further apart than this do not count as a fight.
    pub(crate) window: Duration,
    /// The number of repairs in a row that are made at once.
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
    /// Counts a write that reverts the change of another writer.
    pub(crate) fn record(&mut self, backoff: ConflictBackoff, now: Instant) {
        let count = if self.is_fight(backoff, now) { self.count.saturating_add(1) } else { 1 };
        *self = Self { count, last: Some(now) };
    }

    /// How long to wait from `now` before a repair that is necessary now.
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

    const BACKOFF: Backoff =
        Backoff { first: Duration::from_millis(500), max: Duration::from_mins(5) };

    #[test]
    fn delay_doubles_up_to_its_maximum() {
        assert_eq!(BACKOFF.delay(0, u32::MAX), Duration::from_millis(500));
        assert_eq!(BACKOFF.delay(3, u32::MAX), Duration::from_secs(4));
        assert_eq!(BACKOFF.delay(u32::MAX, u32::MAX), BACKOFF.max);
    }

    #[test]
    fn noise_shortens_the_delay_by_half_at_most() {
        assert_eq!(BACKOFF.delay(0, 0), Duration::from_millis(250));
        assert_eq!(BACKOFF.delay(u32::MAX, 0), BACKOFF.max / 2);
    }

    const REPAIR_BACKOFF: ConflictBackoff = ConflictBackoff {
        window: Duration::from_mins(2),
        immediate_repairs: 5,
        first_delay: Duration::from_secs(2),
        max_delay: Duration::from_secs(64),
    };

    #[test]
    fn repairs_slow_down_and_never_stop() {
        let start = Instant::now();
        let mut repairs = Repairs::default();
        for _ in 0..REPAIR_BACKOFF.immediate_repairs {
            repairs.record(REPAIR_BACKOFF, start);
            assert_eq!(repairs.delay(REPAIR_BACKOFF, start), Duration::ZERO);
        }
        repairs.record(REPAIR_BACKOFF, start);
        assert_eq!(repairs.delay(REPAIR_BACKOFF, start), REPAIR_BACKOFF.first_delay);
        assert_eq!(repairs.next_at(REPAIR_BACKOFF, start), start + REPAIR_BACKOFF.first_delay);
        (0..50).for_each(|_| repairs.record(REPAIR_BACKOFF, start));
        assert_eq!(repairs.delay(REPAIR_BACKOFF, start), REPAIR_BACKOFF.max_delay);
    }

    #[test]
    fn repair_after_the_window_is_immediate() {
        let start = Instant::now();
        let mut repairs = Repairs::default();
        (0..9).for_each(|_| repairs.record(REPAIR_BACKOFF, start));
        let later = start + REPAIR_BACKOFF.window;
        assert_eq!(repairs.delay(REPAIR_BACKOFF, later), Duration::ZERO);
        assert_eq!(repairs.next_at(REPAIR_BACKOFF, later), later);
        repairs.record(REPAIR_BACKOFF, later);
        assert_eq!(repairs.delay(REPAIR_BACKOFF, later), Duration::ZERO);
    }
}
