use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::ready;

use super::*;
use crate::aws::{
    error::Rejection,
    planner::BatchPermission,
    read::{BatchResponses, ReadRequest, ReadResponse, ReadSource, ReadVersion, Version},
};

/// A list of secrets with one version each, so many on a page.
#[derive(Default)]
struct Fake {
    /// The version of each secret.
    secrets: Mutex<Vec<(String, String)>>,
    page_size: usize,
    pages: AtomicUsize,
    fails: Mutex<Option<Reason>>,
    /// AWS rejects the credentials.
    rejects: bool,
    panics: bool,
    /// Descriptions take more requests than reads.
    gives_up: bool,
}

impl VersionSource for Fake {
    fn page(&self, token: Option<String>) -> BoxFuture<'_, ReadResult<Page>> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let start: usize = token.map_or(0, |token| token.parse().unwrap());
        let result = match *self.fails.lock().unwrap() {
            Some(reason) => Err(ReadError {
                rejected: self.rejects.then_some(Rejection::Expired),
                ..ReadError::new(reason, "secretsmanager:ListSecrets")
            }),
            None => Ok(page(&self.secrets.lock().unwrap(), start, self.page_size)),
        };
        Box::pin(async move {
            assert!(!self.panics, "an intended panic");
            tokio::time::sleep(Duration::from_millis(50)).await;
            result
        })
    }

    fn max_descriptions(&self) -> usize {
        self.page_size
    }

    fn describe(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, ReadResult<Option<BatchResponses>>> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let result = match *self.fails.lock().unwrap() {
            Some(reason) => Err(ReadError::new(reason, "ssm:DescribeParameters")),
            None if self.gives_up => Ok(None),
            None => Ok(Some(described(&self.secrets.lock().unwrap(), requests))),
        };
        Box::pin(ready(result))
    }
}

/// The versions of those that exist.
fn described(secrets: &[(String, String)], requests: Vec<ReadRequest>) -> BatchResponses {
    let version = |request: &ReadRequest| {
        let (_, id) = secrets.iter().find(|(name, _)| Some(name.as_str()) == request.name())?;
        Some(ReadVersion { id: id.clone(), created: 0 })
    };
    let known = requests.into_iter().filter_map(|request| {
        let version = version(&request)?;
        Some((request, Ok(ReadResponse::of_version(Some(version)))))
    });
    known.collect()
}

fn page(secrets: &[(String, String)], start: usize, size: usize) -> Page {
    let end = (start + size).min(secrets.len());
    let listed = |(name, version): &(String, String)| ListedSecret {
        name: name.clone(),
        arn: format!("arn:aws:secretsmanager:r:1:secret:{name}-AbCdEf"),
        stages: vec![(Version::CURRENT.to_owned(), version.clone())],
    };
    let next = (end < secrets.len()).then(|| end.to_string());
    Page { secrets: secrets[start..end].iter().map(listed).collect(), next }
}

/// Nothing is read in these tests.
struct Nothing;

impl ReadSource for Nothing {
    fn max_batch_size(&self) -> usize {
        20
    }

    fn is_batchable(&self, _: &ReadRequest) -> bool {
        true
    }

    fn one_poisons_batch(&self) -> bool {
        false
    }

    fn read(&self, _: ReadRequest) -> BoxFuture<'_, ReadResult<ReadResponse>> {
        Box::pin(ready(Err(ReadError::new(Reason::NotFound, "read"))))
    }

    fn read_batch(&self, _: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<BatchResponses>> {
        Box::pin(ready(Ok(BatchResponses::new())))
    }

    fn count_served(&self, _: usize) {}
}

fn fake(secrets: usize, page_size: usize) -> Fake {
    let secrets = (0..secrets).map(|number| (format!("s{number}"), "v1".to_owned())).collect();
    Fake { secrets: Mutex::new(secrets), page_size, ..Fake::default() }
}

fn sweeper(fake: &Arc<Fake>, batches: BatchPermission) -> Arc<Sweeper> {
    Sweeper::new(fake.clone(), Planner::new(Arc::new(Nothing), batches))
}

fn need(values: usize) -> Need {
    let (proved, interval) = (Timestamp::UNIX_EPOCH, Duration::from_mins(10));
    Need { proved, interval, is_overdue: false, values }
}

fn pages(fake: &Fake) -> usize {
    fake.pages.swap(0, Ordering::Relaxed)
}

fn is_current(answer: &Answer, id: &str) -> bool {
    let Answer::Listed(list) = answer else { panic!("{answer:?}") };
    list.shows(id, &Version::current(), Some("v1"))
}

#[tokio::test(start_paused = true)]
async fn objects_share_one_list_until_their_interval_has_passed() {
    let fake = Arc::new(fake(250, 100));
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    let need = need(250);
    let answers = futures::future::join_all((0..50).map(|_| sweeper.versions(&need))).await;
    assert!(answers.iter().all(|answer| is_current(answer, "s249")));
    assert!(is_current(&sweeper.versions(&need).await, "s0"));
    assert_eq!(pages(&fake), 3);
    let Answer::Listed(list) = sweeper.versions(&need).await else { panic!("no list") };
    let proved = Need { proved: list.begun.wall, ..self::need(250) };
    sweeper.versions(&proved).await;
    assert_eq!(pages(&fake), 3, "the list is older than the last proof");
    tokio::time::advance(Duration::from_mins(9)).await;
    sweeper.versions(&need).await;
    assert_eq!(pages(&fake), 3);
}

/// F14: a value is read unless the list shows the recorded version.
#[tokio::test(start_paused = true)]
async fn list_shows_only_what_is_recorded() {
    let fake = Arc::new(fake(2, 100));
    let answer = sweeper(&fake, BatchPermission::Allowed).versions(&need(2)).await;
    let Answer::Listed(list) = answer else { panic!("{answer:?}") };
    let arn = "arn:aws:secretsmanager:r:1:secret:s0-AbCdEf";
    let (current, previous) = (Version::current(), Version::Stage("AWSPREVIOUS".to_owned()));
    for (id, version, recorded, expected) in [
        ("s0", &current, Some("v1"), true),
        (arn, &current, Some("v1"), true),
        ("s0", &Version::Id("v0".to_owned()), None, true),
        ("s0", &current, Some("v2"), false),
        ("s0", &current, None, false),
        ("s0", &previous, Some("v1"), false),
        ("s2", &current, Some("v1"), false),
        ("s2", &Version::Id("v0".to_owned()), None, false),
        ("arn:aws:secretsmanager:r:2:secret:s0-AbCdEf", &current, Some("v1"), false),
    ] {
        assert_eq!(list.shows(id, version, recorded), expected, "{id} {version:?}");
    }
}

#[test]
fn list_is_used_only_if_it_costs_no_more_requests_than_reads() {
    let now = Instant::now();
    let denied = BatchPermission::Denied("a:B");
    for (pages, values, batches, expected) in [
        (Pages::Known(100), 10_000, BatchPermission::Allowed, true),
        (Pages::Known(100), 1980, BatchPermission::Unknown, false),
        (Pages::Known(100), 1981, BatchPermission::Allowed, true),
        (Pages::Known(100), 99, denied, false),
        (Pages::Known(100), 100, denied, true),
        (Pages::Known(1), 2, BatchPermission::Allowed, true),
        (Pages::Known(1), 1, denied, false),
        (Pages::Unknown, 500, BatchPermission::Allowed, true),
        (Pages::Above(4, now), 80, BatchPermission::Allowed, false),
        (Pages::Above(4, now), 100, BatchPermission::Allowed, true),
        (Pages::Known(usize::MAX), usize::MAX, BatchPermission::Allowed, false),
    ] {
        let reads = reads(values, batches, 20);
        assert_eq!(is_worth_it(pages, values, reads), expected, "{pages:?} {values} {batches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn list_that_is_longer_than_the_reads_is_given_up_for_a_day() {
    let fake = Arc::new(fake(10_000, 100));
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    for _ in 0..2 {
        assert!(matches!(sweeper.versions(&need(60)).await, Answer::Read));
    }
    assert_eq!(pages(&fake), 3);
    tokio::time::advance(RECHECK_INTERVAL).await;
    assert!(matches!(sweeper.versions(&need(60)).await, Answer::Read));
    assert_eq!(pages(&fake), 3);
}

#[tokio::test(start_paused = true)]
async fn denied_list_is_tried_again_after_a_day() {
    let fake = Arc::new(Fake { fails: Mutex::new(Some(Reason::AccessDenied)), ..fake(9, 100) });
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    for _ in 0..3 {
        assert!(matches!(sweeper.versions(&need(9)).await, Answer::Read));
    }
    assert_eq!(pages(&fake), 1);
    tokio::time::advance(RECHECK_INTERVAL).await;
    *fake.fails.lock().unwrap() = None;
    assert!(is_current(&sweeper.versions(&need(9)).await, "s8"));
}

/// Reads in the place of a throttled list would be many more requests.
#[tokio::test(start_paused = true)]
async fn throttled_list_delays_its_objects_until_they_are_overdue() {
    let fake = Arc::new(Fake { fails: Mutex::new(Some(Reason::Throttled)), ..fake(9, 100) });
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    for _ in 0..9 {
        let Answer::Later(delay) = sweeper.versions(&need(9)).await else { panic!("not delayed") };
        assert!(delay <= FAILURE_BACKOFF.max);
    }
    assert_eq!(pages(&fake), 1, "the objects wait together");
    let overdue = Need { is_overdue: true, ..need(9) };
    assert!(matches!(sweeper.versions(&overdue).await, Answer::Read));
    tokio::time::advance(FAILURE_BACKOFF.max).await;
    *fake.fails.lock().unwrap() = None;
    assert!(is_current(&sweeper.versions(&need(9)).await, "s8"));
}

/// They say nothing about permissions.
#[tokio::test(start_paused = true)]
async fn credentials_that_expire_in_a_sweep_deny_no_list() {
    let fails = Mutex::new(Some(Reason::AccessDenied));
    let fake = Arc::new(Fake { fails, rejects: true, ..fake(9, 100) });
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    assert!(matches!(sweeper.versions(&need(9)).await, Answer::Later(_)));
    tokio::time::advance(FAILURE_BACKOFF.max).await;
    *fake.fails.lock().unwrap() = None;
    assert!(is_current(&sweeper.versions(&need(9)).await, "s8"));
}

#[tokio::test(start_paused = true)]
async fn panic_in_a_list_only_fails_that_list() {
    let fake = Arc::new(Fake { panics: true, ..fake(9, 100) });
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    assert!(matches!(sweeper.versions(&need(9)).await, Answer::Later(_)));
    tokio::time::advance(FAILURE_BACKOFF.max).await;
    assert!(matches!(sweeper.versions(&need(9)).await, Answer::Later(_)));
    assert_eq!(pages(&fake), 2);
}

/// A worker that waits for a list is missing elsewhere.
#[tokio::test(start_paused = true)]
async fn long_list_holds_no_worker() {
    let fake = Arc::new(fake(100_000, 100));
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    let begun = Instant::now();
    assert!(matches!(sweeper.versions(&need(100_000)).await, Answer::Later(_)));
    assert_eq!(begun.elapsed().as_secs(), MAX_WAIT.as_secs());
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(is_current(&sweeper.versions(&need(100_000)).await, "s99999"));
    assert_eq!(pages(&fake), 1000);
}

fn describer(fake: &Arc<Fake>, batches: BatchPermission) -> Describer {
    Describer::new(fake.clone(), Planner::new(Arc::new(Nothing), batches))
}

fn parameter(number: usize) -> ReadRequest {
    ReadRequest::Parameter { name: format!("s{number}") }
}

#[tokio::test(start_paused = true)]
async fn versions_of_fifty_parameters_are_described_by_one_request() {
    let fake = Arc::new(fake(99, 50));
    let describer = describer(&fake, BatchPermission::Allowed);
    let version = |number| describer.version("n", parameter(number));
    let versions = futures::future::join_all((0..100).map(version)).await;
    assert_eq!(pages(&fake), 2);
    assert!(versions[..99].iter().all(|version| version == &Ok(Some("v1".to_owned()))));
    assert_eq!(versions[99], Ok(None), "it does not exist, and is not asked for again");
}

#[tokio::test(start_paused = true)]
async fn values_are_described_only_if_that_costs_no_more_requests_than_reads() {
    let denied = BatchPermission::Denied("a:B");
    for (in_request, batches, values, expected) in [
        (1, BatchPermission::Unknown, 1, true),
        (1, BatchPermission::Allowed, 2, false),
        (1, denied, 1000, true),
        (50, BatchPermission::Allowed, 1, true),
        (50, BatchPermission::Allowed, 1000, true),
    ] {
        let describer = describer(&Arc::new(fake(0, in_request)), batches);
        assert_eq!(describer.is_worth_it(values), expected, "{in_request} {batches:?} {values}");
    }
}

#[tokio::test(start_paused = true)]
async fn denied_descriptions_are_tried_again_after_a_day() {
    let denied = Fake { fails: Mutex::new(Some(Reason::AccessDenied)), ..fake(9, 50) };
    let gives_up = Fake { gives_up: true, ..fake(9, 50) };
    for fake in [denied, gives_up].map(Arc::new) {
        let describer = describer(&fake, BatchPermission::Allowed);
        let version = |number| describer.version("n", parameter(number));
        futures::future::join_all((0..9).map(version)).await;
        assert_eq!(pages(&fake), 1, "not once for each value");
        assert!(!describer.is_worth_it(9));
        tokio::time::advance(RECHECK_INTERVAL).await;
        assert!(describer.is_worth_it(9));
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_descriptions_are_not_denied() {
    let fake = Arc::new(Fake { fails: Mutex::new(Some(Reason::Throttled)), ..fake(9, 50) });
    let describer = describer(&fake, BatchPermission::Allowed);
    let error = describer.version("n", parameter(0)).await.unwrap_err();
    assert!(error.reason.passes());
    assert!(describer.is_worth_it(9));
}

/// All objects are due at once then. Each would start a list of its own.
#[tokio::test(start_paused = true)]
async fn clock_that_is_put_back_costs_one_list() {
    let fake = Arc::new(fake(250, 100));
    let sweeper = sweeper(&fake, BatchPermission::Allowed);
    let future = Timestamp::now() + Duration::from_hours(3);
    for _ in 0..20 {
        let need = Need { proved: future, ..need(250) };
        assert!(is_current(&sweeper.versions(&need).await, "s249"));
    }
    assert_eq!(pages(&fake), 3);
}

#[tokio::test(start_paused = true)]
async fn denied_and_repeatedly_throttled_lists_and_descriptions_are_known() {
    let fake = Arc::new(fake(9, 50));
    let (sweeper, describer) =
        (sweeper(&fake, BatchPermission::Allowed), describer(&fake, BatchPermission::Allowed));
    let known = || checks(&sweeper, &describer);
    assert_eq!(known(), VersionChecks::Unknown);
    assert!(is_current(&sweeper.versions(&need(9)).await, "s8"));
    assert_eq!(known(), VersionChecks::Work);
    *fake.fails.lock().unwrap() = Some(Reason::Throttled);
    for failures in 1..=source::MIN_FAILURES {
        tokio::time::advance(need(9).interval).await;
        sweeper.versions(&need(9)).await;
        assert_eq!(known() == VersionChecks::Work, failures < source::MIN_FAILURES, "{failures}");
    }
    let list = "secretsmanager:ListSecrets";
    assert_eq!(known(), VersionChecks::Failing(list, Reason::Throttled));
    *fake.fails.lock().unwrap() = Some(Reason::AccessDenied);
    describer.version("n", parameter(0)).await.unwrap_err();
    assert_eq!(known(), VersionChecks::Denied("ssm:DescribeParameters"));
    *fake.fails.lock().unwrap() = None;
    tokio::time::advance(RECHECK_INTERVAL).await;
    assert!(is_current(&sweeper.versions(&need(9)).await, "s8"));
    assert!(describer.is_worth_it(1) && describer.version("n", parameter(0)).await.is_ok());
    assert_eq!(known(), VersionChecks::Work);
}
