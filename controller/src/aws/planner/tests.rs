use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{self, BoxFuture};
use zeroize::Zeroizing;

use super::*;
use crate::{
    aws::{
        error::ReadError,
        read::{BatchResponses, Value},
    },
    reason::Reason,
};

/// Answers each request with its id, except as its fields say.
#[derive(Default)]
struct Fake {
    individual_reads: AtomicUsize,
    batch_sizes: Mutex<Vec<usize>>,
    denies_batches: bool,
    leaves_out: Option<&'static str>,
    throttles: Option<&'static str>,
    denies: Option<&'static str>,
    /// A batch with the denied request is denied as a whole.
    one_poisons_batch: bool,
    has_no_credentials: bool,
    /// Not found in batches, but individually.
    is_elsewhere: Option<&'static str>,
    throttles_batches: bool,
    panics: bool,
    /// The number of individual reads that are throttled.
    throttled_reads: AtomicUsize,
}

fn id(request: &ReadRequest) -> &str {
    match request {
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => id,
        _ => panic!("these tests only read secrets"),
    }
}

fn answer(request: &ReadRequest) -> ReadResponse {
    let bytes = Zeroizing::new(id(request).as_bytes().to_vec());
    ReadResponse::Value(Value { bytes, version: None })
}

impl ReadSource for Fake {
    fn max_batch_size(&self) -> usize {
        20
    }

    fn is_batchable(&self, request: &ReadRequest) -> bool {
        matches!(request, ReadRequest::Secret { .. })
    }

    fn one_poisons_batch(&self) -> bool {
        self.one_poisons_batch
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>> {
        self.individual_reads.fetch_add(1, Ordering::Relaxed);
        let denied = self.denies == Some(id(&request)) || self.has_no_credentials;
        let left = self.throttled_reads.load(Ordering::Relaxed);
        if left > 0 {
            self.throttled_reads.store(left - 1, Ordering::Relaxed);
            return Box::pin(future::ready(Err(ReadError::new(Reason::Throttled, "one"))));
        }
        let error = ReadError::new(Reason::AccessDenied, "one");
        Box::pin(async move { if denied { Err(error) } else { Ok(answer(&request)) } })
    }

    fn read_batch(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, Result<BatchResponses, ReadError>> {
        self.batch_sizes.lock().unwrap().push(requests.len());
        Box::pin(async move {
            assert!(!self.panics, "an intended panic");
            let is_poisoned = requests.iter().any(|request| self.denies == Some(id(request)));
            if self.throttles_batches {
                return Err(ReadError::new(Reason::Throttled, "many"));
            }
            if self.has_no_credentials {
                let detail = Some("the role cannot be assumed".to_owned());
                return Err(ReadError { detail, ..ReadError::new(Reason::AccessDenied, "") });
            }
            if self.denies_batches || self.one_poisons_batch && is_poisoned {
                return Err(ReadError::new(Reason::AccessDenied, "many"));
            }
            let answers =
                requests.into_iter().filter(|request| self.leaves_out != Some(id(request)));
            Ok(answers
                .map(|request| {
                    let error = |reason| Err(ReadError::new(reason, "many"));
                    let answer = match id(&request) {
                        id if self.throttles == Some(id) => error(Reason::Throttled),
                        id if self.denies == Some(id) => error(Reason::AccessDenied),
                        id if self.is_elsewhere == Some(id) => error(Reason::NotFound),
                        _ => Ok(answer(&request)),
                    };
                    (request, answer)
                })
                .collect())
        })
    }

    fn count_served(&self, _: usize) {}
}

async fn read(
    fake: Fake,
    ids: &[&str],
) -> (Arc<Fake>, Vec<Result<String, Reason>>, BatchPermission) {
    let fake = Arc::new(fake);
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let reads = ids.iter().map(|id| planner.read("n", ReadRequest::current(*id), Urgency::Routine));
    let answers = future::join_all(reads).await;
    let answers = answers.into_iter().map(|answer| match answer.as_deref() {
        Ok(ReadResponse::Value(value)) => Ok(String::from_utf8(value.bytes.to_vec()).unwrap()),
        Ok(_) => panic!("only values are read"),
        Err(error) => Err(error.reason),
    });
    (fake, answers.collect(), planner.batch_permission())
}

#[tokio::test(start_paused = true)]
async fn lone_request_is_read_individually() {
    let (fake, answers, permission) = read(Fake::default(), &["a", "a"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("a".into())]);
    assert_eq!(fake.individual_reads.load(Ordering::Relaxed), 1);
    assert_eq!(permission, BatchPermission::Unknown);
}

#[tokio::test(start_paused = true)]
async fn many_requests_fill_their_batches() {
    let ids: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let (fake, answers, permission) = read(Fake::default(), &ids).await;
    assert!(answers.iter().zip(&ids).all(|(answer, id)| answer.as_deref() == Ok(*id)));
    assert_eq!(*fake.batch_sizes.lock().unwrap(), [20; 50]);
    assert_eq!(permission, BatchPermission::Allowed);
}

#[tokio::test(start_paused = true)]
async fn requests_are_read_individually_if_batches_are_denied() {
    let fake = Fake { denies_batches: true, ..Fake::default() };
    let (fake, answers, permission) = read(fake, &["a", "b", "c"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("b".into()), Ok("c".into())]);
    assert_eq!(fake.batch_sizes.lock().unwrap().len(), 1);
    assert_eq!(permission, BatchPermission::Denied("many"));
}

#[tokio::test(start_paused = true)]
async fn denied_secret_does_not_hide_that_batches_are_denied() {
    let fake = Fake { denies_batches: true, denies: Some("c"), ..Fake::default() };
    let (fake, answers, permission) = read(fake, &["a", "b", "c"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("b".into()), Err(Reason::AccessDenied)]);
    assert_eq!(fake.batch_sizes.lock().unwrap().len(), 1);
    assert_eq!(permission, BatchPermission::Denied("many"));
}

#[tokio::test(start_paused = true)]
async fn panic_in_a_batch_only_fails_its_own_requests() {
    let fake = Arc::new(Fake { panics: true, ..Fake::default() });
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let reads = ["a", "b"].map(|id| planner.read("n", ReadRequest::current(id), Urgency::Routine));
    assert!(future::join_all(reads).await.iter().all(Result::is_err));
    assert!(planner.read("n", ReadRequest::current("c"), Urgency::Routine).await.is_ok());
}

/// F12: External Secrets loses what a batch leaves out or reports as an error.
#[tokio::test(start_paused = true)]
async fn requests_that_a_batch_does_not_answer_are_read_individually() {
    let fake =
        Fake { leaves_out: Some("b"), throttles: Some("c"), denies: Some("d"), ..Fake::default() };
    let (fake, answers, _) = read(fake, &["a", "b", "c", "d"]).await;
    let [a, b, c] = ["a", "b", "c"].map(|id| Ok(id.to_owned()));
    assert_eq!(answers, [a, b, c, Err(Reason::AccessDenied)]);
    assert_eq!(fake.individual_reads.load(Ordering::Relaxed), 3);
}

/// Batches do not return secrets of other accounts.
#[tokio::test(start_paused = true)]
async fn requests_that_only_individual_reads_answer_are_kept_out_of_batches() {
    let throttled = Fake { throttles: Some("c"), ..Fake::default() };
    let elsewhere = Fake { is_elsewhere: Some("c"), ..Fake::default() };
    let left_out = Fake { leaves_out: Some("c"), ..Fake::default() };
    for (fake, sizes) in [(throttled, [3, 3]), (elsewhere, [3, 2]), (left_out, [3, 3])] {
        let fake = Arc::new(fake);
        let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
        for _ in 0..2 {
            let reads = ["a", "b", "c"]
                .map(|id| planner.read("n", ReadRequest::current(id), Urgency::Routine));
            assert!(future::join_all(reads).await.iter().all(Result::is_ok));
        }
        assert_eq!(*fake.batch_sizes.lock().unwrap(), sizes);
    }
}

/// Twenty individual reads instead of one throttled batch would be throttled too.
#[tokio::test(start_paused = true)]
async fn throttled_batch_is_not_read_individually() {
    let fake = Fake { throttles_batches: true, ..Fake::default() };
    let (fake, answers, permission) = read(fake, &["a", "b"]).await;
    assert_eq!(answers, [Err(Reason::Throttled), Err(Reason::Throttled)]);
    assert_eq!(fake.individual_reads.load(Ordering::Relaxed), 0);
    assert_eq!(permission, BatchPermission::Unknown);
}

/// AWS allows 40 individual reads of parameters per second. A role without batches and with a
/// thousand parameters must not send 800.
#[tokio::test(start_paused = true)]
async fn requests_back_off_exponentially_after_throttling() {
    let fake = Arc::new(Fake { throttled_reads: AtomicUsize::new(2), ..Fake::default() });
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let mut waited = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let _ = planner.read("n", ReadRequest::current("a"), Urgency::Routine).await;
        waited.push(begun.elapsed().as_millis() / 250);
    }
    assert_eq!(waited, [0, 2, 4, 0, 0]);
}

/// AWS denies a whole `GetParameters` if the role may not read one of its parameters.
#[tokio::test(start_paused = true)]
async fn poisoned_requests_are_kept_out_of_the_next_batch() {
    let fake = Fake { denies: Some("c"), one_poisons_batch: true, ..Fake::default() };
    let fake = Arc::new(fake);
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let read_all = async || {
        let reads =
            ["a", "b", "c"].map(|id| planner.read("n", ReadRequest::current(id), Urgency::Routine));
        let answers = future::join_all(reads).await;
        answers.iter().map(Result::is_ok).collect::<Vec<_>>()
    };
    assert_eq!(read_all().await, [true, true, false]);
    assert_eq!(
        planner.batch_permission(),
        BatchPermission::Unknown,
        "individual reads were denied too"
    );
    assert_eq!(read_all().await, [true, true, false]);
    assert_eq!(*fake.batch_sizes.lock().unwrap(), [3, 2]);
    assert_eq!(planner.batch_permission(), BatchPermission::Allowed);
}

/// While a role cannot be assumed, nothing is known about its permissions.
#[tokio::test(start_paused = true)]
async fn missing_credentials_do_not_change_the_batch_permission() {
    let fake = Fake { has_no_credentials: true, ..Fake::default() };
    let (_, answers, permission) = read(fake, &["a", "b"]).await;
    assert_eq!(answers, [Err(Reason::AccessDenied), Err(Reason::AccessDenied)]);
    assert_eq!(permission, BatchPermission::Unknown);
}

#[tokio::test(start_paused = true)]
async fn batch_permission_granted_later_is_used_within_a_day() {
    let fake = Arc::new(Fake::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Denied("many"));
    let read_both = async || {
        let reads =
            ["a", "b"].map(|id| planner.read("n", ReadRequest::current(id), Urgency::Routine));
        future::join_all(reads).await;
    };
    read_both().await;
    assert!(fake.batch_sizes.lock().unwrap().is_empty());
    tokio::time::advance(BATCH_RECHECK_INTERVAL).await;
    read_both().await;
    assert_eq!(*fake.batch_sizes.lock().unwrap(), [2]);
    assert_eq!(planner.batch_permission(), BatchPermission::Allowed);
}

/// After a start, objects are reconciled as fast as the controller writes their Secrets.
#[tokio::test(start_paused = true)]
async fn requests_that_trickle_in_fill_batches_too() {
    let fake = Arc::new(Fake::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
    let reads = (0..200_u64).map(|number| {
        let planner = planner.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(number * 40)).await;
            planner
                .read("n", ReadRequest::current(number.to_string()), Urgency::Routine)
                .await
                .map(drop)
        }
    });
    let answers = future::join_all(reads).await;
    assert!(answers.iter().all(Result::is_ok));
    let sizes = fake.batch_sizes.lock().unwrap();
    assert!(sizes.len() <= 11, "{sizes:?}");
}

/// A change that an event announces is not held back by those that follow.
#[tokio::test(start_paused = true)]
async fn urgent_request_waits_a_moment_for_its_batch() {
    let fake = Arc::new(Fake::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
    let begun = Instant::now();
    let reads = (0..20_u64).map(|number| {
        let planner = planner.clone();
        async move {
            let since = Duration::from_millis(number * 50);
            tokio::time::sleep(since).await;
            let request = ReadRequest::current(number.to_string());
            planner.read("n", request, Urgency::Urgent).await.unwrap();
            begun.elapsed().saturating_sub(since)
        }
    });
    let times = future::join_all(reads).await;
    assert!(times.iter().all(|time| *time < Duration::from_millis(300)), "{times:?}");
    assert!(fake.batch_sizes.lock().unwrap().len() > 1);
}

/// A namespace that asks for thousands of names waits in line with itself.
#[tokio::test(start_paused = true)]
async fn requests_of_other_namespaces_do_not_wait_for_a_flood() {
    let fake = Arc::new(Fake { denies_batches: true, ..Fake::default() });
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    for number in 0..10_000 {
        let planner = planner.clone();
        tokio::spawn(async move {
            planner
                .read("hostile", ReadRequest::current(format!("x{number}")), Urgency::Routine)
                .await
        });
    }
    tokio::task::yield_now().await;
    planner.read("honest", ReadRequest::current("a"), Urgency::Routine).await.unwrap();
    let reads = fake.individual_reads.load(Ordering::Relaxed);
    assert!(reads < 3 * MAX_TURN_REQUESTS, "{reads}");
}
