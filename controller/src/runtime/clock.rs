//! The time. A reconcile reads it once, so plans need no clock.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For times in statuses.
    pub(crate) wall: Timestamp,
    /// For intervals within this process.
    pub(crate) monotonic: Instant,
}

impl Now {
    pub(crate) fn read() -> Self {
        let monotonic = Instant::now();
        Self { wall: wall(monotonic), monotonic }
    }
}

#[cfg(not(test))]
fn wall(_: Instant) -> Timestamp {
    Timestamp::now()
}

/// Follows tokio's clock, which tests put forward.
#[cfg(test)]
fn wall(monotonic: Instant) -> Timestamp {
    // First, so that the result is not before the time that a timer waited for.
    let ahead = ahead(monotonic);
    Timestamp::now() + ahead
}

/// How far tests have put tokio's clock forward.
#[cfg(test)]
fn ahead(monotonic: Instant) -> Duration {
    monotonic.into_std().saturating_duration_since(std::time::Instant::now())
}

/// The time since the boot of this machine. Unlike an [`Instant`], it counts the time of a suspended
/// machine. Both count the time of a stopped process.
pub(crate) fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Neither is negative.
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    let time = Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    #[cfg(test)]
    let time = time + ahead(Instant::now());
    time
}

/// RFC 3339 in whole seconds, as times of the Kubernetes API are.
pub(crate) fn rfc3339_seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_of_a_second_is_cut() {
        let time = Timestamp::from_millisecond(1_999).unwrap();
        assert_eq!(rfc3339_seconds(time), "1970-01-01T00:00:01Z");
    }
}
