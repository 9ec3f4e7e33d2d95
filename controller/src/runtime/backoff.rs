//! Exponential back-off without a last attempt.

use std::time::Duration;

/// How long to wait before an object is retried.
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
}
