//! Holds back the requests of an identity that AWS throttled.

use std::time::Duration;

use tokio::time::Instant;

use crate::{aws::error::ReadError, reason::Reason, runtime::backoff::Backoff};

const THROTTLE_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(500), max: Duration::from_secs(8) };

#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// When the current pause ends, and how many pauses came before it without a success.
    pause: Option<(Instant, u32)>,
}

impl Throttle {
    /// When the next request may go out, if it must wait.
    pub(super) fn until(&self) -> Option<Instant> {
        self.pause.map(|(until, _)| until)
    }

    /// Records how a request ended. During a pause, results belong to requests that were sent
    /// before it, and say nothing new.
    pub(super) fn record_result(&mut self, error: Option<&ReadError>, now: Instant) {
        if self.pause.is_some_and(|(until, _)| until > now) {
            return;
        }
        match error {
            None => self.pause = None,
            Some(error) if error.reason == Reason::Throttled => {
                let failures = self.pause.map_or(0, |(_, failures)| failures.saturating_add(1));
                let delay = THROTTLE_BACKOFF.delay(failures, u32::MAX);
                self.pause = Some((now + delay, failures));
            }
            Some(_) => {}
        }
    }
}
