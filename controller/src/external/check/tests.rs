//! Months in virtual time: how many requests it costs that nothing changes, and how old the proof of it gets.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::{BoxFuture, ready};
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::*;
use crate::{
    aws::{
        ReadResponse, Value, Version,
        planner::{BatchPermission, Planner, Urgency},
        read::{BatchResponses, ReadResult, ReadSource},
        sweep::{ListedSecret, Page, Sweeper, VersionSource},
    },
    external::{
        index::ExternalSecretEntry,
        schedule::{Due, Events, due, is_read_due},
    },
    runtime::Now,
};

/// Each object of the simulation stands for this many, so that there are ten thousand.
const SCALE: usize = 2500;
const OBJECTS: usize = 4;
const PAGES: usize = OBJECTS * SCALE / 100;
const MONTH: Duration = Duration::from_hours(30 * 24);

/// An AWS where nothing changes. It counts requests.
#[derive(Default)]
struct Unchanging {
    lists: AtomicUsize,
    reads: AtomicUsize,
}

impl VersionSource for Unchanging {
    /// The whole list as one page.
    fn page(&self, _: Option<String>) -> BoxFuture<'_, ReadResult<Page>> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let secret = |number: usize| ListedSecret {
            name: number.to_string(),
            arn: String::new(),
            stages: vec![(Version::CURRENT.to_owned(), "v".to_owned())],
        };
        let secrets = (0..OBJECTS).map(secret).collect();
        Box::pin(async move {
            // Fifty pages a second.
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(Page { secrets, next: None })
        })
    }

    fn max_descriptions(&self) -> usize {
        1
    }

    fn describe(&self, _: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<Option<BatchResponses>>> {
        panic!("lists suffice")
    }
}

impl ReadSource for Unchanging {
    fn max_batch_size(&self) -> usize {
        20
    }

    fn is_batchable(&self, _: &ReadRequest) -> bool {
        true
    }

    fn one_poisons_batch(&self) -> bool {
        false
    }

    fn read(&self, _: ReadRequest) -> BoxFuture<'_, ReadResult> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let value = Value { bytes: Zeroizing::default(), version: None };
        Box::pin(ready(Ok(ReadResponse::Value(value))))
    }

    fn read_batch(&self, requests: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<BatchResponses>> {
        self.reads.fetch_add(requests.len(), Ordering::Relaxed);
        let value = || ReadResponse::Value(Value { bytes: Zeroizing::default(), version: None });
        let values = requests.into_iter().map(|request| (request, Ok(value()))).collect();
        Box::pin(ready(Ok(values)))
    }

    fn count_served(&self, _: usize) {}
}

fn entries(interval: &str) -> Vec<ExternalSecretEntry> {
    let entry = |number: usize| {
        let uid = format!("{:08x}", number.wrapping_mul(0x9e37_79b9));
        let metadata = json!({ "namespace": "n", "name": number.to_string(), "uid": uid });
        let spec = json!({ "refreshInterval": interval });
        let object = json!({ "metadata": metadata, "spec": spec });
        let mut entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
        entry.synced = Some(entry.current.clone());
        entry.refreshed = Some(Now::read().wall);
        entry.read_by_this_process = true;
        entry
    };
    (0..OBJECTS).map(entry).collect()
}

/// Checks or reads an object that is due, as the controller does.
async fn prove(entry: &mut ExternalSecretEntry, sweeper: &Arc<Sweeper>, planner: &Arc<Planner>) {
    let now = Now::read();
    let id = entry.key.name.clone();
    if is_read_due(entry, now.wall) {
        planner.read("n", ReadRequest::current(id), Urgency::Routine).await.unwrap();
        (entry.refreshed, entry.checked) = (Some(now.wall), None);
        return;
    }
    let interval = period(&entry.object.spec).unwrap();
    let proved = entry.proved().unwrap();
    let need = Need { proved, interval, is_overdue: false, values: OBJECTS * SCALE };
    let Answer::Listed(list) = sweeper.versions(&need).await else { panic!("no list") };
    assert!(list.shows(&id, &Version::current(), Some("v")));
    entry.checked = Some(list.begun.wall);
}

/// The requests of a month for ten thousand objects, and the age of the oldest proof.
async fn month(interval: &str, announce_changes: bool) -> (usize, Duration) {
    let events = Events { announce_changes, look_in: None };
    let fake = Arc::new(Unchanging::default());
    let planner = Planner::new(fake.clone(), BatchPermission::Allowed);
    let sweeper = Sweeper::new(fake.clone(), planner.clone());
    let (mut entries, begun) = (entries(interval), Instant::now());
    let mut oldest = Duration::ZERO;
    while begun.elapsed() < MONTH {
        let mut next = Duration::from_hours(24);
        for entry in &mut entries {
            let now = Now::read().wall;
            let age = now.duration_since(entry.proved().unwrap());
            oldest = oldest.max(age.unsigned_abs());
            let mut wait = due(entry, true, 0, events, now);
            if wait == Due::Expired {
                prove(entry, &sweeper, &planner).await;
                wait = due(entry, true, 0, events, Now::read().wall);
            }
            match wait {
                Due::Later(Some(left)) => next = next.min(left),
                _ => next = Duration::ZERO,
            }
        }
        tokio::time::sleep(next).await;
    }
    let (lists, reads) = (fake.lists.load(Ordering::Relaxed), fake.reads.load(Ordering::Relaxed));
    assert!((reads / OBJECTS).abs_diff(30) <= 1, "{reads} reads: each value once a day");
    (lists * PAGES + (reads * SCALE).div_ceil(20), oldest)
}

/// The peer makes a request for each value and interval: 432 million at one minute.
#[tokio::test(start_paused = true)]
async fn month_without_changes_costs_one_list_an_interval() {
    for (interval, most_requests, oldest_seconds) in
        [("1m", 4_400_000, 63), ("5m", 890_000, 303), ("1h", 92_000, 3603)]
    {
        let (requests, oldest) = month(interval, false).await;
        assert!(requests <= most_requests, "{interval}: {requests} requests");
        assert!(oldest.as_secs() <= oldest_seconds, "{interval}: a proof of {oldest:?} ago");
    }
}

/// The read of the day finds a change whose event was lost.
#[tokio::test(start_paused = true)]
async fn month_with_events_costs_one_read_a_day_which_finds_lost_events() {
    for interval in ["1m", "1h"] {
        let (requests, oldest) = month(interval, true).await;
        assert!(requests <= 20_000, "{interval}: {requests} requests");
        assert!(oldest.as_secs() <= 25 * 3600, "{interval}: a proof of {oldest:?} ago");
    }
}
