//! The rate limit of one path: GCRA with a burst, and the headers, of Bitnami's controller.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::Mutex,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderValue};

use super::caller::Caller;

/// Callers that a limiter remembers. More share one bucket.
const MAX_BUCKETS: usize = 4096;

/// Requests of one caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    pub(crate) per_second: NonZeroU32,
    /// The number of additional requests that may come at once.
    pub(crate) burst: u32,
}

pub(super) struct RateLimiter {
    interval: Duration,
    limit: u32,
    /// When the bucket of each caller is full again.
    full_at: Mutex<HashMap<Caller, Instant>>,
}

/// Whether one request is within the limit, for the headers of its response.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Decision {
    limit: u32,
    remaining: u32,
    reset: Duration,
    retry_after: Option<Duration>,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            interval: Duration::from_secs(1) / limit.per_second.get(),
            limit: limit.burst.saturating_add(1),
            full_at: Mutex::default(),
        }
    }

    /// Counts a request of this caller, if it is within the limit.
    pub(super) fn check(&self, caller: Caller, now: Instant) -> Decision {
        let mut buckets = self.full_at.lock().expect("no holder of the lock panics");
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let is_known = buckets.len() < MAX_BUCKETS || buckets.contains_key(&caller);
        let caller = if is_known { caller } else { Caller::Others };
        let full_at = buckets.get(&caller).copied().unwrap_or(now).max(now);
        let capacity = self.interval * self.limit;
        let used = full_at - now + self.interval;
        if used > capacity {
            let (reset, retry_after) = (full_at - now, Some(used.saturating_sub(capacity)));
            return Decision { limit: self.limit, remaining: 0, reset, retry_after };
        }
        buckets.insert(caller, now + used);
        let free = capacity.saturating_sub(used).as_nanos() / self.interval.as_nanos();
        let remaining = u32::try_from(free).unwrap_or(u32::MAX);
        Decision { limit: self.limit, remaining, reset: used, retry_after: None }
    }
}

impl Decision {
    pub(super) fn is_refusal(&self) -> bool {
        self.retry_after.is_some()
    }

    /// Adds the headers that every response to a limited path has.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        let seconds =
            |duration: Duration| duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        headers.insert("x-ratelimit-limit", self.limit.into());
        headers.insert("x-ratelimit-remaining", self.remaining.into());
        headers.insert("x-ratelimit-reset", seconds(self.reset).into());
        if let Some(after) = self.retry_after {
            headers.insert("retry-after", seconds(after).into());
            headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::HeaderName;

    use super::*;

    fn limiter(per_second: u32, burst: u32) -> RateLimiter {
        RateLimiter::new(RateLimit { per_second: per_second.try_into().unwrap(), burst })
    }

    fn caller(number: u32) -> Caller {
        Caller::of(IpAddr::from(Ipv4Addr::from(number)))
    }

    fn headers(decision: &Decision) -> Vec<String> {
        let mut headers = HeaderMap::new();
        decision.add_headers(&mut headers);
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<_> = headers.iter().map(header).collect();
        lines.sort();
        lines
    }

    /// As recorded from Bitnami's controller with its defaults.
    #[test]
    fn burst_and_one_request_pass_at_once() {
        let (limiter, now) = (limiter(2, 2), Instant::now());
        let remaining = [2, 1, 0].map(|left| {
            let decision = limiter.check(caller(1), now);
            assert!(!decision.is_refusal());
            assert_eq!(decision.remaining, left);
            headers(&decision)
        });
        assert_eq!(
            remaining[2],
            ["x-ratelimit-limit: 3", "x-ratelimit-remaining: 0", "x-ratelimit-reset: 2"]
        );
        assert_eq!(
            headers(&limiter.check(caller(1), now)),
            [
                "retry-after: 1",
                "x-content-type-options: nosniff",
                "x-ratelimit-limit: 3",
                "x-ratelimit-remaining: 0",
                "x-ratelimit-reset: 2",
            ]
        );
        assert!(!limiter.check(caller(2), now).is_refusal(), "another caller has its own bucket");
        let later = now + Duration::from_millis(500);
        assert!(!limiter.check(caller(1), later).is_refusal());
        assert!(limiter.check(caller(1), later).is_refusal());
    }

    #[test]
    fn burst_of_zero_spaces_requests() {
        let (limiter, now) = (limiter(1, 0), Instant::now());
        assert!(!limiter.check(caller(1), now).is_refusal());
        assert!(limiter.check(caller(1), now + Duration::from_millis(999)).is_refusal());
        assert!(!limiter.check(caller(1), now + Duration::from_secs(1)).is_refusal());
    }

    #[test]
    fn many_callers_share_the_last_bucket() {
        let (limiter, now) = (limiter(2, 0), Instant::now());
        let max = u32::try_from(MAX_BUCKETS).unwrap();
        for number in 0..max {
            assert!(!limiter.check(caller(number), now).is_refusal());
        }
        assert!(!limiter.check(caller(max), now).is_refusal());
        assert!(limiter.check(caller(max + 1), now).is_refusal(), "it shares a bucket");
        let len = limiter.full_at.lock().unwrap().len();
        assert_eq!(len, MAX_BUCKETS + 1);
        let later = now + Duration::from_secs(1);
        assert!(!limiter.check(caller(max + 1), later).is_refusal());
        assert_eq!(limiter.full_at.lock().unwrap().len(), 1, "full buckets are forgotten");
    }
}
