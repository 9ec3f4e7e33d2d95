//! A cache of credentials, which renews them shortly before they expire.
//!
//! While one task renews, the others use the current credentials until these expire. A failed renewal
//! is not repeated at once, so a thousand due objects cause one request. The same holds for a thousand
//! requests that find the same credentials expired.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::{
    aws::error::Rejection,
    reason::{Failure, Reason},
};

/// How long before their expiry credentials are renewed: at most this, and at most a quarter of
/// their lifetime.
const REFRESH_MARGIN: Duration = Duration::from_mins(5);
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
const FETCH_RETRY_DELAY: Duration = Duration::from_secs(5);
/// Credentials that AWS does not know are only replaced if they are at least this old. AWS would
/// not know the new ones either.
const MIN_AGE: Duration = Duration::from_mins(1);

pub(crate) type FetchCredentials =
    Box<dyn Fn() -> BoxFuture<'static, Result<Credentials, Failure>> + Send + Sync>;

/// A cache of one identity's credentials.
pub(crate) struct CachedCredentials {
    fetch: FetchCredentials,
    held: Mutex<Option<Held>>,
    /// Locked by the task that fetches. The last failure, if no success came after it.
    fetching: tokio::sync::Mutex<Option<(Instant, Failure)>>,
}

struct Held {
    credentials: Credentials,
    /// None: they do not expire.
    renew_at: Option<SystemTime>,
    fetched_at: Instant,
}

impl CachedCredentials {
    pub(crate) fn new(fetch: FetchCredentials) -> Arc<Self> {
        let (held, fetching) = (Mutex::default(), tokio::sync::Mutex::default());
        Arc::new(Self { fetch, held, fetching })
    }

    /// Valid credentials. One task at a time fetches. The others use the current credentials, or
    /// wait if there are none.
    pub(crate) async fn get(&self) -> Result<Credentials, Failure> {
        if let Some(fresh) = self.held_until(|held| held.renew_at) {
            return Ok(fresh);
        }
        let valid = || self.held_until(|held| held.credentials.expiry());
        let mut failed = match (self.fetching.try_lock(), valid()) {
            (Ok(turn), _) => turn,
            (Err(_), Some(valid)) => return Ok(valid),
            (Err(_), None) => self.fetching.lock().await,
        };
        // Another task may have fetched meanwhile.
        if let Some(fresh) = self.held_until(|held| held.renew_at) {
            return Ok(fresh);
        }
        let old = valid();
        let recent = failed.as_ref().filter(|(at, _)| at.elapsed() < FETCH_RETRY_DELAY);
        if let Some((_, failure)) = recent {
            return old.ok_or_else(|| failure.clone());
        }
        let begun = SystemTime::now();
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, (self.fetch)()).await;
        let timeout = || Failure::new(Reason::Timeout, "fetching AWS credentials timed out");
        match fetched.unwrap_or_else(|_| Err(timeout())) {
            Ok(credentials) => {
                let renew_at = credentials.expiry().map(|expiry| renewal(begun, expiry));
                let (held, fetched_at) = (credentials.clone(), Instant::now());
                *self.lock() = Some(Held { credentials: held, renew_at, fetched_at });
                *failed = None;
                Ok(credentials)
            }
            Err(failure) => {
                *failed = Some((Instant::now(), failure.clone()));
                old.ok_or(failure)
            }
        }
    }

    /// Drops credentials that AWS rejected, unless they have been replaced already. Returns whether
    /// a retry is worthwhile.
    pub(crate) fn expire(&self, rejected: &Credentials, why: Rejection) -> bool {
        let mut held = self.lock();
        let is_same = |held: &&Held| held.credentials.access_key_id() == rejected.access_key_id();
        let Some(current) = held.as_ref().filter(is_same) else { return true };
        let is_new = current.fetched_at.elapsed() < MIN_AGE;
        if current.renew_at.is_none() || why == Rejection::Unknown && is_new {
            return false;
        }
        *held = None;
        true
    }

    /// The current credentials, if they have no such end or it is in the future.
    fn held_until(&self, end: impl Fn(&Held) -> Option<SystemTime>) -> Option<Credentials> {
        let held = self.lock();
        let is_before = |held: &&Held| end(held).is_none_or(|end| SystemTime::now() < end);
        held.as_ref().filter(is_before).map(|held| held.credentials.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().expect("no holder of the lock panics")
    }
}

/// When credentials that are fetched now are due for renewal.
fn renewal(now: SystemTime, expiry: SystemTime) -> SystemTime {
    let lifetime = expiry.duration_since(now).unwrap_or_default();
    expiry - REFRESH_MARGIN.min(lifetime / 4)
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.get().await.map_err(CredentialsError::provider_error)
        })
    }
}

impl fmt::Debug for CachedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachedCredentials")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn fetching(
        lifetime: Duration,
        fails: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> (Arc<CachedCredentials>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let cached = CachedCredentials::new(Box::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            let outcome = if fails(number) {
                Err(Failure::new(Reason::Unavailable, "STS is unreachable"))
            } else {
                let end = SystemTime::now() + lifetime;
                Ok(Credentials::new(format!("K{number}"), "s", None, Some(end), "test"))
            };
            Box::pin(async { outcome })
        }));
        (cached, count)
    }

    #[test]
    fn credentials_are_renewed_before_they_expire() {
        let now = SystemTime::now();
        let hour = now + Duration::from_mins(60);
        assert_eq!(renewal(now, hour), now + Duration::from_mins(55));
        let short = now + Duration::from_mins(4);
        assert_eq!(renewal(now, short), now + Duration::from_mins(3));
    }

    #[tokio::test]
    async fn thousand_concurrent_uses_cause_one_request() {
        let (cached, count) = fetching(Duration::from_mins(60), |_| false);
        let uses = (0..1000).map(|_| cached.get());
        assert!(futures::future::join_all(uses).await.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    /// F15: STS is unreachable at the time of renewal.
    #[tokio::test]
    async fn valid_credentials_are_used_while_renewal_fails() {
        // Credentials with a lifetime of one second are due for renewal after 750 ms.
        let (cached, count) = fetching(Duration::from_secs(1), |number| number > 0);
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K0");
        tokio::time::sleep(Duration::from_millis(800)).await;
        for _ in 0..100 {
            assert_eq!(cached.get().await.unwrap().access_key_id(), "K0");
        }
        assert_eq!(count.load(Ordering::Relaxed), 2, "one attempt, then a delay");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(cached.get().await.unwrap_err().reason, Reason::Unavailable);
    }

    #[tokio::test]
    async fn rejected_credentials_are_fetched_again() {
        let (cached, _) = fetching(Duration::from_mins(60), |_| false);
        let rejected = cached.get().await.unwrap();
        assert!(cached.expire(&rejected, Rejection::Expired));
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K1");
        // Another request with the old credentials fails later.
        assert!(cached.expire(&rejected, Rejection::Expired));
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K1");
    }

    /// AWS does not know the sessions of a role that was deleted and created again.
    #[tokio::test(start_paused = true)]
    async fn unknown_credentials_are_fetched_again_once_a_minute() {
        let (cached, count) = fetching(Duration::from_mins(60), |_| false);
        let first = cached.get().await.unwrap();
        assert!(!cached.expire(&first, Rejection::Unknown), "AWS would not know new ones either");
        tokio::time::advance(MIN_AGE).await;
        assert!(cached.expire(&first, Rejection::Unknown));
        let second = cached.get().await.unwrap();
        assert!(!cached.expire(&second, Rejection::Unknown));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    /// F15: STS is slow.
    #[tokio::test]
    async fn slow_renewal_does_not_block_users_of_valid_credentials() {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counted = fetches.clone();
        let cached = CachedCredentials::new(Box::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                if number > 0 {
                    futures::future::pending::<()>().await;
                }
                let end = SystemTime::now() + Duration::from_secs(1);
                Ok(Credentials::new("K", "s", None, Some(end), "test"))
            })
        }));
        cached.get().await.unwrap();
        tokio::time::sleep(Duration::from_millis(800)).await;
        let renewing = tokio::spawn({
            let cached = cached.clone();
            async move { cached.get().await }
        });
        tokio::task::yield_now().await;
        for _ in 0..10 {
            assert_eq!(cached.get().await.unwrap().access_key_id(), "K");
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 2);
        renewing.abort();
    }
}
