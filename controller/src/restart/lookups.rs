//! Limits the requests for workloads that SealedSecrets name. Otherwise a user who may write
//! SealedSecrets could cause any number of requests.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_mins(1);
/// For one namespace. A release seldom names more workloads.
const MAX_PER_WINDOW: u32 = 120;

/// The requests of each namespace in its current minute.
#[derive(Default)]
pub(super) struct Lookups(Mutex<HashMap<String, Window>>);

struct Window {
    start: Instant,
    requests: u32,
}

impl Lookups {
    /// Charges the namespace with a request. Fails with the time until it may make another.
    pub(super) fn charge(&self, namespace: &str, now: Instant) -> Result<(), Duration> {
        let mut windows = self.0.lock().expect("no holder of the lock panics");
        windows.retain(|_, window| now.duration_since(window.start) < WINDOW);
        let window = windows.entry(namespace.to_owned());
        let window = window.or_insert(Window { start: now, requests: 0 });
        if window.requests == MAX_PER_WINDOW {
            return Err(window.start + WINDOW - now);
        }
        window.requests += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespace_with_many_lookups_waits_for_its_next_minute() {
        let (lookups, start) = (Lookups::default(), Instant::now());
        for _ in 0..MAX_PER_WINDOW {
            assert_eq!(lookups.charge("a", start), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(lookups.charge("a", later), Err(Duration::from_secs(40)));
        assert_eq!(lookups.charge("b", later), Ok(()));
        assert_eq!(lookups.charge("a", start + WINDOW), Ok(()));
        assert_eq!(lookups.0.lock().unwrap().len(), 2);
        lookups.charge("a", start + 3 * WINDOW).unwrap();
        assert_eq!(lookups.0.lock().unwrap().len(), 1, "old minutes are forgotten");
    }
}
