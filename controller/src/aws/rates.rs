//! Keeps requests below AWS's quotas, which all programs of an account share: by default below half of them.
//!
//! AWS counts the requests of the calling account in a region, for each API. Throttled requests halve the rate.
//! It recovers within two minutes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::Mutex as Queue, time::Instant};

use crate::{
    aws::identity::{BaseCredentials, Identity},
    reason::Reason,
};

/// The documented quotas in requests a second. Parameter Store counts all reads together. The quota of
/// `DescribeParameters` is not documented. Users report that AWS throttles it after about 20 requests in a row.
const QUOTAS: [(&str, &str, f64); 8] = [
    ("secretsmanager:GetSecretValue", "GetSecretValue", 10_000.0),
    ("secretsmanager:DescribeSecret", "DescribeSecret", 40_000.0),
    ("secretsmanager:ListSecrets", "ListSecrets", 100.0),
    ("secretsmanager:BatchGetSecretValue", "BatchGetSecretValue", 100.0),
    ("ssm:GetParameter", "GetParameters", 40.0),
    ("ssm:GetParameters", "GetParameters", 40.0),
    ("ssm:GetParametersByPath", "GetParameters", 40.0),
    ("ssm:DescribeParameters", "DescribeParameters", 10.0),
];
/// How many requests may be sent at once after a pause, as time at the current rate.
const BURST: Duration = Duration::from_millis(250);
/// The part of its maximum by which a rate recovers each second.
const RECOVERY: f64 = 1.0 / 120.0;
const MIN_RATE: f64 = 0.5;
/// Throttled requests of the same moment count once.
const THROTTLE_WINDOW: Duration = Duration::from_secs(1);
/// Buckets that have not been used for a while are full again.
const MAX_BUCKETS: usize = 4000;

/// The rates of all identities. Those of one account share them.
pub(crate) struct Rates {
    /// The part of each quota.
    share: f64,
    buckets: Mutex<HashMap<Quota, Bucket>>,
}

/// The rates of one identity.
#[derive(Clone)]
pub(super) struct IdentityRates {
    rates: Arc<Rates>,
    account: String,
    region: String,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Quota {
    account: String,
    region: String,
    api: &'static str,
}

#[derive(Debug)]
struct Bucket {
    max: f64,
    rate: f64,
    /// The turn of the next request.
    next: Instant,
    /// When the rate was last computed.
    at: Instant,
    throttled: Option<Instant>,
    /// Only its first request waits for a turn. The turn of one that gives up goes to the next.
    queue: Arc<Queue<()>>,
}

impl Rates {
    pub(crate) fn new(percent: u32) -> Arc<Self> {
        Arc::new(Self { share: f64::from(percent) / 100.0, buckets: Mutex::default() })
    }

    pub(super) fn of(self: &Arc<Self>, identity: &Identity) -> IdentityRates {
        let (account, region) = (account(identity), identity.region.clone());
        IdentityRates { rates: self.clone(), account, region }
    }
}

impl IdentityRates {
    /// Waits for the turn of a request with this action.
    pub(super) async fn turn(&self, action: &str) {
        let queue = self.with_bucket(action, |bucket, _| bucket.queue.clone());
        let Some(queue) = queue else { return };
        let _first = queue.lock().await;
        if let Some(turn) = self.with_bucket(action, Bucket::next_turn) {
            tokio::time::sleep_until(turn).await;
            self.with_bucket(action, Bucket::take_turn);
        }
    }

    /// Records how the request ended.
    pub(super) fn ended(&self, action: &str, failure: Option<Reason>) {
        if failure == Some(Reason::Throttled) {
            self.with_bucket(action, Bucket::throttle);
        }
    }

    fn with_bucket<R>(
        &self,
        action: &str,
        with: impl FnOnce(&mut Bucket, Instant) -> R,
    ) -> Option<R> {
        let (_, api, quota) = QUOTAS.iter().find(|(of, ..)| *of == action)?;
        let (account, region) = (self.account.clone(), self.region.clone());
        let now = Instant::now();
        let mut buckets = self.rates.buckets.lock().expect("no holder of the lock panics");
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        let new = || Bucket::new(quota * self.rates.share, now);
        let bucket = buckets.entry(Quota { account, region, api }).or_insert_with(new);
        Some(with(bucket, now))
    }
}

impl Bucket {
    fn new(max: f64, now: Instant) -> Self {
        Self { max, rate: max, next: now, at: now, throttled: None, queue: Arc::default() }
    }

    fn recover(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.rate = (self.rate + self.max * RECOVERY * seconds).min(self.max);
        self.at = now;
    }

    fn next_turn(&mut self, now: Instant) -> Instant {
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        self.next = self.next.max(earliest);
        self.next
    }

    fn take_turn(&mut self, now: Instant) {
        self.recover(now);
        self.next += Duration::from_secs_f64(1.0 / self.rate);
    }

    fn throttle(&mut self, now: Instant) {
        self.recover(now);
        if self.throttled.is_none_or(|at| now.duration_since(at) >= THROTTLE_WINDOW) {
            self.rate = (self.rate / 2.0).max(MIN_RATE.min(self.max));
            self.throttled = Some(now);
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        let unused = now.saturating_duration_since(self.next.max(self.at)).as_secs_f64();
        unused * RECOVERY >= 1.0 && Arc::strong_count(&self.queue) == 1
    }
}

/// The account that calls, as far as it is known.
fn account(identity: &Identity) -> String {
    let of_arn = |arn: &str| arn.split(':').nth(4).unwrap_or(arn).to_owned();
    if let Some(role) = identity.roles.last() {
        return of_arn(&role.arn);
    }
    match &identity.base {
        BaseCredentials::Pod => "Pod".to_owned(),
        BaseCredentials::Keys { id, .. } => id.secret.to_string(),
        BaseCredentials::ServiceAccount(reference) => match &reference.account {
            Some(account) => of_arn(&account.role),
            None => reference.key.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rates: &Arc<Rates>, account: &str) -> IdentityRates {
        let (account, region) = (account.to_owned(), "r".to_owned());
        IdentityRates { rates: rates.clone(), account, region }
    }

    /// How many turns come within a second.
    async fn turns_in_a_second(rates: &IdentityRates, action: &str) -> u32 {
        let end = Instant::now() + Duration::from_secs(1);
        for turns in 0.. {
            rates.turn(action).await;
            if Instant::now() >= end {
                return turns;
            }
        }
        0
    }

    #[tokio::test(start_paused = true)]
    async fn requests_stay_below_half_of_the_quota_of_the_account() {
        let all = Rates::new(50);
        let (one, other) = (rates(&all, "1"), rates(&all, "2"));
        let list = "secretsmanager:ListSecrets";
        tokio::time::advance(Duration::from_hours(1)).await;
        let first = turns_in_a_second(&one, list).await;
        assert!((50..=63).contains(&first), "{first}: with a short burst");
        assert!((49..=51).contains(&turns_in_a_second(&one, list).await));
        assert!(turns_in_a_second(&other, list).await >= 50, "another account has its own quota");
        let (get, batch) = ("ssm:GetParameter", "ssm:GetParameters");
        turns_in_a_second(&one, get).await;
        let shared = turns_in_a_second(&one, batch).await;
        assert!((19..=21).contains(&shared), "{shared}: both have one quota");
        let begun = Instant::now();
        one.turn("sts:AssumeRole").await;
        assert_eq!(begun, Instant::now(), "an action without a quota of ours is not delayed");
    }

    #[tokio::test(start_paused = true)]
    async fn throttled_rate_is_halved_and_recovers() {
        let rates = rates(&Rates::new(50), "1");
        for (action, full) in [
            ("secretsmanager:ListSecrets", 50),
            ("secretsmanager:BatchGetSecretValue", 50),
            ("ssm:GetParameters", 20),
            ("ssm:DescribeParameters", 5),
        ] {
            turns_in_a_second(&rates, action).await;
            for _ in 0..9 {
                rates.ended(action, Some(Reason::Throttled));
            }
            rates.ended(action, None);
            let halved = turns_in_a_second(&rates, action).await;
            assert!((full / 2 - 1..=full / 2 + 2).contains(&halved), "{action} {halved}");
            tokio::time::advance(Duration::from_mins(2)).await;
            turns_in_a_second(&rates, action).await;
            let recovered = turns_in_a_second(&rates, action).await;
            assert!((full - 1..=full + 1).contains(&recovered), "{action} {recovered}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn request_that_gives_up_leaves_its_turn_to_the_next() {
        let rates = rates(&Rates::new(50), "1");
        let list = "secretsmanager:ListSecrets";
        turns_in_a_second(&rates, list).await;
        let (wait, begun) = (Duration::from_millis(10), Instant::now());
        let gives_up = (0..1000).map(|_| tokio::time::timeout(wait, rates.turn(list)));
        futures::future::join_all(gives_up).await;
        rates.turn(list).await;
        let waited = begun.elapsed();
        assert!(waited <= Duration::from_millis(41), "{waited:?}: two turns of fifty a second");
        assert!((49..=51).contains(&turns_in_a_second(&rates, list).await));
    }

    #[test]
    fn rate_never_becomes_zero() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(20.0, now);
        for _ in 0..100 {
            now += THROTTLE_WINDOW;
            bucket.throttle(now);
        }
        assert!(bucket.rate >= MIN_RATE);
        assert!(!bucket.is_full(now) && bucket.is_full(now + Duration::from_mins(10)));
    }
}
