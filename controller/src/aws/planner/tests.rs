use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use super::*;
use crate::aws::read::Value;

/// Answers each want with its id, but as `fails` says.
#[derive(Default)]
struct Fake {
    singles: AtomicUsize,
    sizes: Mutex<Vec<usize>>,
    denies_batches: bool,
    leaves_out: Option<&'static str>,
    throttles: Option<&'static str>,
    denies: Option<&'static str>,
    /// A batch with what is denied is refused as a whole.
    refuses_for_one: bool,
    has_no_credentials: bool,
    /// What is denied in batches only.
    is_elsewhere: Option<&'static str>,
    is_throttled: bool,
    panics: bool,
    /// So many single reads are throttled.
    throttles_singles: AtomicUsize,
}

fn id(want: &ReadRequest) -> &str {
    match want {
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => id,
        _ => panic!("not asked for here"),
    }
}

fn answer(want: &ReadRequest) -> ReadResponse {
    let bytes = Zeroizing::new(id(want).as_bytes().to_vec());
    ReadResponse::Value(Value { bytes, version: None })
}

impl Source for Fake {
    fn most(&self) -> usize {
        20
    }

    fn batches(&self, want: &ReadRequest) -> bool {
        matches!(want, ReadRequest::Secret { .. })
    }

    fn is_spoiled_by_one(&self) -> bool {
        self.refuses_for_one
    }

    fn single(&self, want: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>> {
        self.singles.fetch_add(1, Ordering::Relaxed);
        let denied = self.denies == Some(id(&want)) || self.has_no_credentials;
        let left = self.throttles_singles.load(Ordering::Relaxed);
        if left > 0 {
            self.throttles_singles.store(left - 1, Ordering::Relaxed);
            return Box::pin(future::ready(Err(ReadError::new(Reason::Throttled, "one"))));
        }
        let error = ReadError::new(Reason::AccessDenied, "one");
        Box::pin(async move { if denied { Err(error) } else { Ok(answer(&want)) } })
    }

    fn batch(&self, wants: Vec<ReadRequest>) -> BoxFuture<'_, Result<Answers, ReadError>> {
        self.sizes.lock().unwrap().push(wants.len());
        Box::pin(async move {
            assert!(!self.panics, "a panic that is meant");
            let is_spoiled = wants.iter().any(|want| self.denies == Some(id(want)));
            if self.is_throttled {
                return Err(ReadError::new(Reason::Throttled, "many"));
            }
            if self.has_no_credentials {
                let detail = Some("the role cannot be assumed".to_owned());
                return Err(ReadError { detail, ..ReadError::new(Reason::AccessDenied, "") });
            }
            if self.denies_batches || self.refuses_for_one && is_spoiled {
                return Err(ReadError::new(Reason::AccessDenied, "many"));
            }
            let answers = wants.into_iter().filter(|want| self.leaves_out != Some(id(want)));
            Ok(answers
                .map(|want| {
                    let error = |reason| Err(ReadError::new(reason, "many"));
                    let answer = match id(&want) {
                        id if self.throttles == Some(id) => error(Reason::Throttled),
                        id if self.denies == Some(id) => error(Reason::AccessDenied),
                        id if self.is_elsewhere == Some(id) => error(Reason::NotFound),
                        _ => Ok(answer(&want)),
                    };
                    (want, answer)
                })
                .collect())
        })
    }

    fn asked(&self, _: usize) {}
}

async fn read(
    fake: Fake,
    ids: &[&str],
) -> (Arc<Fake>, Vec<Result<String, Reason>>, BatchPermission) {
    let fake = Arc::new(fake);
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let reads = ids.iter().map(|id| planner.read(ReadRequest::current(*id)));
    let answers = future::join_all(reads).await;
    let answers = answers.into_iter().map(|answer| match answer.as_deref() {
        Ok(ReadResponse::Value(value)) => Ok(String::from_utf8(value.bytes.to_vec()).unwrap()),
        Ok(_) => panic!("a value was asked for"),
        Err(error) => Err(error.reason),
    });
    (fake, answers.collect(), planner.batches())
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_alone_is_read_singly() {
    let (fake, answers, batches) = read(Fake::default(), &["a", "a"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("a".into())]);
    assert_eq!(fake.singles.load(Ordering::Relaxed), 1);
    assert_eq!(batches, BatchPermission::Unknown);
}

#[tokio::test(start_paused = true)]
async fn many_wants_are_full_batches() {
    let ids: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let (fake, answers, batches) = read(Fake::default(), &ids).await;
    assert!(answers.iter().zip(&ids).all(|(answer, id)| answer.as_deref() == Ok(*id)));
    assert_eq!(*fake.sizes.lock().unwrap(), [20; 50]);
    assert_eq!(batches, BatchPermission::Allowed);
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_batches_each_is_read_singly() {
    let fake = Fake { denies_batches: true, ..Fake::default() };
    let (fake, answers, batches) = read(fake, &["a", "b", "c"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("b".into()), Ok("c".into())]);
    assert_eq!(fake.sizes.lock().unwrap().len(), 1);
    assert_eq!(batches, BatchPermission::Denied("many"));
}

/// One secret that is denied anyway hid that batches are, and each of them was tried.
#[tokio::test(start_paused = true)]
async fn a_denied_secret_does_not_hide_that_batches_are_denied() {
    let fake = Fake { denies_batches: true, denies: Some("c"), ..Fake::default() };
    let (fake, answers, batches) = read(fake, &["a", "b", "c"]).await;
    assert_eq!(answers, [Ok("a".into()), Ok("b".into()), Err(Reason::AccessDenied)]);
    assert_eq!(fake.sizes.lock().unwrap().len(), 1);
    assert_eq!(batches, BatchPermission::Denied("many"));
}

/// All further reads of the identity waited for five minutes, and failed.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_batch_costs_its_wants_only() {
    let fake = Arc::new(Fake { panics: true, ..Fake::default() });
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let reads = ["a", "b"].map(|id| planner.read(ReadRequest::current(id)));
    assert!(future::join_all(reads).await.iter().all(Result::is_err));
    assert!(planner.read(ReadRequest::current("c")).await.is_ok());
}

/// F12: External Secrets loses what a batch leaves out or reports as an error.
#[tokio::test(start_paused = true)]
async fn what_a_batch_does_not_answer_is_read_singly() {
    let fake =
        Fake { leaves_out: Some("b"), throttles: Some("c"), denies: Some("d"), ..Fake::default() };
    let (fake, answers, _) = read(fake, &["a", "b", "c", "d"]).await;
    let [a, b, c] = ["a", "b", "c"].map(|id| Ok(id.to_owned()));
    assert_eq!(answers, [a, b, c, Err(Reason::AccessDenied)]);
    assert_eq!(fake.singles.load(Ordering::Relaxed), 3);
}

/// BatchPermission do not reach secrets of other accounts.
#[tokio::test(start_paused = true)]
async fn what_only_a_single_read_gives_is_kept_out_of_batches() {
    let throttled = Fake { throttles: Some("c"), ..Fake::default() };
    let elsewhere = Fake { is_elsewhere: Some("c"), ..Fake::default() };
    for (fake, sizes) in [(throttled, [3, 3]), (elsewhere, [3, 2])] {
        let fake = Arc::new(fake);
        let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
        for _ in 0..2 {
            let reads = ["a", "b", "c"].map(|id| planner.read(ReadRequest::current(id)));
            assert!(future::join_all(reads).await.iter().all(Result::is_ok));
        }
        assert_eq!(*fake.sizes.lock().unwrap(), sizes);
    }
}

/// Twenty single reads in the place of one that is throttled would be throttled too.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_throttled_is_not_read_singly() {
    let fake = Fake { is_throttled: true, ..Fake::default() };
    let (fake, answers, batches) = read(fake, &["a", "b"]).await;
    assert_eq!(answers, [Err(Reason::Throttled), Err(Reason::Throttled)]);
    assert_eq!(fake.singles.load(Ordering::Relaxed), 0);
    assert_eq!(batches, BatchPermission::Unknown);
}

/// A role without batches and a thousand parameters asked for 800 a second, where AWS gives 40.
#[tokio::test(start_paused = true)]
async fn after_a_throttle_all_wait_and_ever_longer() {
    let fake = Arc::new(Fake { throttles_singles: AtomicUsize::new(2), ..Fake::default() });
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let mut waited = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let _ = planner.read(ReadRequest::current("a")).await;
        waited.push(begun.elapsed().as_millis() / 250);
    }
    assert_eq!(waited, [0, 2, 4, 0, 0]);
}

/// `GetParameters` is refused as a whole for one parameter that the role may not read.
#[tokio::test(start_paused = true)]
async fn what_spoils_a_batch_is_kept_out_of_the_next_one() {
    let fake = Fake { denies: Some("c"), refuses_for_one: true, ..Fake::default() };
    let fake = Arc::new(fake);
    let planner = Planner::new(fake.clone(), BatchPermission::Unknown);
    let read_all = async || {
        let reads = ["a", "b", "c"].map(|id| planner.read(ReadRequest::current(id)));
        let answers = future::join_all(reads).await;
        answers.iter().map(Result::is_ok).collect::<Vec<_>>()
    };
    assert_eq!(read_all().await, [true, true, false]);
    assert_eq!(planner.batches(), BatchPermission::Unknown, "it was not refused for all");
    assert_eq!(read_all().await, [true, true, false]);
    assert_eq!(*fake.sizes.lock().unwrap(), [3, 2]);
    assert_eq!(planner.batches(), BatchPermission::Allowed);
}

/// A role that cannot be assumed yet says nothing of what it will be allowed.
#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_found_out_of_batches() {
    let fake = Fake { has_no_credentials: true, ..Fake::default() };
    let (_, answers, batches) = read(fake, &["a", "b"]).await;
    assert_eq!(answers, [Err(Reason::AccessDenied), Err(Reason::AccessDenied)]);
    assert_eq!(batches, BatchPermission::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_given_later_is_used_within_a_day() {
    let fake = Arc::new(Fake::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Denied("many"));
    let read_both = async || {
        let reads = ["a", "b"].map(|id| planner.read(ReadRequest::current(id)));
        future::join_all(reads).await;
    };
    read_both().await;
    assert!(fake.sizes.lock().unwrap().is_empty());
    tokio::time::advance(ASKED_AGAIN).await;
    read_both().await;
    assert_eq!(*fake.sizes.lock().unwrap(), [2]);
    assert_eq!(planner.batches(), BatchPermission::Allowed);
}

/// At a start, objects come as fast as their Secrets are written.
#[tokio::test(start_paused = true)]
async fn wants_that_trickle_in_are_full_batches_too() {
    let fake = Arc::new(Fake::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
    let reads = (0..200_u64).map(|number| {
        let planner = planner.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(number * 40)).await;
            planner.read(ReadRequest::current(number.to_string())).await.map(drop)
        }
    });
    let answers = future::join_all(reads).await;
    assert!(answers.iter().all(Result::is_ok));
    let sizes = fake.sizes.lock().unwrap();
    assert!(sizes.len() <= 11, "{sizes:?}");
}
