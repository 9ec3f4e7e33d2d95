//! Credentials that are fetched once, and used until shortly before their end.
//!
//! What can go wrong: STS, the metadata service or the agent of Pod Identity is away, or slow. As long
//! as the credentials hold they are used on, by all but the one that renews them, and what fails is not
//! asked for again at once: a thousand objects that are due make one request. A thousand requests that
//! find the same credentials expired make one, too.

use std::{
    error, fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::error::Refused;
use crate::reason::{Failure, Reason};

/// How long before their end credentials are renewed, at most a quarter of their time.
const EARLY: Duration = Duration::from_mins(5);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(15);
/// How long after a failed attempt there is no other.
const PAUSE: Duration = Duration::from_secs(5);

/// Credentials that AWS does not know are not fetched anew within this time.
const YOUNG: Duration = Duration::from_mins(1);

/// What fetches new credentials.
pub type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Credentials, Failure>> + Send + Sync>;

/// A cache of one identity's credentials. Cheap to clone.
#[derive(Clone)]
pub struct Cached(Arc<Inner>);

struct Inner {
    fetch: Fetch,
    state: Mutex<State>,
    /// Held by who fetches new ones.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    credentials: Option<Credentials>,
    /// When they are to be renewed; never, if they have no end.
    renew_at: Option<SystemTime>,
    /// When they were fetched.
    fetched: Option<Instant>,
    failed: Option<(Instant, Failure)>,
}

/// There are no credentials.
#[derive(Debug)]
pub struct NoCredentials(pub Failure);

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for NoCredentials {}

/// What is known at a moment.
enum Held {
    /// They hold for some time.
    Fresh(Credentials),
    /// They still hold, and are to be renewed.
    Old(Credentials),
    /// There are none, or they hold no more.
    None,
}

impl Cached {
    /// Credentials that `fetch` gives.
    pub fn new(fetch: Fetch) -> Self {
        let fetching = tokio::sync::Mutex::new(());
        Self(Arc::new(Inner { fetch, state: Mutex::default(), fetching }))
    }

    /// Credentials that hold. One attempt at a time: others wait for its outcome, if they have to.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn get(&self) -> Result<Credentials, Failure> {
        let _turn = match self.held() {
            Held::Fresh(credentials) => return Ok(credentials),
            Held::Old(credentials) => match self.0.fetching.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Ok(credentials),
            },
            Held::None => self.0.fetching.lock().await,
        };
        let old = match self.held() {
            Held::Fresh(credentials) => return Ok(credentials),
            Held::Old(credentials) => Some(credentials),
            Held::None => None,
        };
        let failed = self.lock().failed.clone();
        if let Some((_, failure)) = failed.filter(|(at, _)| at.elapsed() < PAUSE) {
            return old.ok_or(failure);
        }
        let begun = SystemTime::now();
        let fetched = tokio::time::timeout(ATTEMPT, (self.0.fetch)()).await;
        let fetched = fetched.unwrap_or_else(|_| {
            let message = "AWS credentials were not given in time";
            Err(Failure::new(Reason::Timeout, message))
        });
        let mut state = self.lock();
        match fetched {
            Ok(credentials) => {
                state.renew_at = credentials.expiry().map(|end| renewal(begun, end));
                state.credentials = Some(credentials.clone());
                state.fetched = Some(Instant::now());
                state.failed = None;
                Ok(credentials)
            }
            Err(failure) => {
                state.failed = Some((Instant::now(), failure.clone()));
                old.ok_or(failure)
            }
        }
    }

    /// AWS does not take these: the next use fetches others, unless that has been done. Whether it is
    /// worth another try; those that AWS does not know are fetched anew only when they are not young, as
    /// the next ones would be refused too.
    pub fn expire(&self, refused: &Credentials, why: Refused) -> bool {
        let mut state = self.lock();
        let is_it = |held: &Credentials| held.access_key_id() == refused.access_key_id();
        if !state.credentials.as_ref().is_some_and(is_it) {
            return true;
        }
        let is_young = state.fetched.is_some_and(|at| at.elapsed() < YOUNG);
        if state.renew_at.is_none() || why == Refused::Unknown && is_young {
            return false;
        }
        state.credentials = None;
        true
    }

    fn held(&self) -> Held {
        let state = self.lock();
        let now = SystemTime::now();
        match &state.credentials {
            Some(held) if state.renew_at.is_none_or(|at| now < at) => Held::Fresh(held.clone()),
            Some(held) if held.expiry().is_none_or(|end| now < end) => Held::Old(held.clone()),
            _ => Held::None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder of the lock panics")
    }
}

/// When credentials that were fetched now are renewed.
fn renewal(now: SystemTime, end: SystemTime) -> SystemTime {
    let time = end.duration_since(now).unwrap_or_default();
    end - EARLY.min(time / 4)
}

impl ProvideCredentials for Cached {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials: provider::Result = self
                .get()
                .await
                .map_err(|failure| CredentialsError::provider_error(NoCredentials(failure)));
            credentials
        })
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cached")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn fetching(
        lifetime: Duration,
        fails: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> (Cached, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let cached = Cached::new(Box::new(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            let outcome = if fails(number) {
                Err(Failure::new(Reason::Unavailable, "STS is away"))
            } else {
                let end = SystemTime::now() + lifetime;
                Ok(Credentials::new(format!("K{number}"), "s", None, Some(end), "test"))
            };
            Box::pin(async { outcome })
        }));
        (cached, count)
    }

    #[test]
    fn credentials_are_renewed_before_their_end() {
        let now = SystemTime::now();
        let hour = now + Duration::from_mins(60);
        assert_eq!(renewal(now, hour), now + Duration::from_mins(55));
        let short = now + Duration::from_mins(4);
        assert_eq!(renewal(now, short), now + Duration::from_mins(3));
    }

    #[tokio::test]
    async fn a_thousand_uses_are_one_request() {
        let (cached, count) = fetching(Duration::from_mins(60), |_| false);
        let uses = (0..1000).map(|_| cached.get());
        assert!(futures::future::join_all(uses).await.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    /// F15: STS is away when credentials are to be renewed.
    #[tokio::test]
    async fn credentials_that_hold_are_used_while_renewing_fails() {
        // Credentials of no time are to be renewed at once; those of a second after 750 ms.
        let (cached, count) = fetching(Duration::from_secs(1), |number| number > 0);
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K0");
        tokio::time::sleep(Duration::from_millis(800)).await;
        for _ in 0..100 {
            assert_eq!(cached.get().await.unwrap().access_key_id(), "K0");
        }
        assert_eq!(count.load(Ordering::Relaxed), 2, "one attempt, then a pause");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(cached.get().await.unwrap_err().reason, Reason::Unavailable);
    }

    #[tokio::test]
    async fn what_aws_refuses_is_fetched_anew() {
        let (cached, _) = fetching(Duration::from_mins(60), |_| false);
        let refused = cached.get().await.unwrap();
        assert!(cached.expire(&refused, Refused::Expired));
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K1");
        // Another request that had them finds out later.
        assert!(cached.expire(&refused, Refused::Expired));
        assert_eq!(cached.get().await.unwrap().access_key_id(), "K1");
    }

    /// A role that was made again: its sessions are unknown, for as long as they were held.
    #[tokio::test(start_paused = true)]
    async fn what_aws_does_not_know_is_fetched_anew_once_a_minute() {
        let (cached, count) = fetching(Duration::from_mins(60), |_| false);
        let first = cached.get().await.unwrap();
        assert!(!cached.expire(&first, Refused::Unknown), "the next ones would be refused too");
        tokio::time::advance(YOUNG).await;
        assert!(cached.expire(&first, Refused::Unknown));
        let second = cached.get().await.unwrap();
        assert!(!cached.expire(&second, Refused::Unknown));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    /// F15: STS takes its time.
    #[tokio::test]
    async fn nobody_waits_for_who_renews_what_still_holds() {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counted = fetches.clone();
        let cached = Cached::new(Box::new(move || {
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
