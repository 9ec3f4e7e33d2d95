use std::sync::Arc;

use super::*;

fn key_in(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { namespace: namespace.into(), name: name.into() }
}

fn key(name: &str) -> ObjectKey {
    key_in("n", name)
}

fn queue(workers: usize) -> WorkQueue {
    WorkQueue::new(workers)
}

async fn take(queue: &WorkQueue) -> String {
    let key = queue.next().await;
    queue.done(&key);
    key.name
}

/// The next object, unless none can be taken now.
async fn try_next(queue: &WorkQueue) -> Option<ObjectKey> {
    tokio::time::timeout(Duration::from_millis(1), queue.next()).await.ok()
}

fn flood(queue: &WorkQueue, namespace: &str, objects: usize, priority: Priority) {
    for n in 0..objects {
        queue.add(key_in(namespace, &format!("{n:05}")), priority, Duration::ZERO);
    }
}

/// A store with `refreshInterval: 9223372036854775807` made every reconcile of it panic.
#[tokio::test(start_paused = true)]
async fn delay_is_cut_to_a_day() {
    let queue = queue(1);
    for (name, delay) in [("max", Duration::MAX), ("long", Duration::from_secs(1 << 62))] {
        queue.add(key(name), Priority::Resync, delay);
    }
    let begun = Instant::now();
    assert_eq!([take(&queue).await, take(&queue).await].len(), 2);
    assert!(begun.elapsed() >= MAX_DELAY, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn change_goes_before_an_earlier_resync() {
    for namespace in ["n", "other"] {
        let queue = queue(1);
        queue.add(key("resync"), Priority::Resync, Duration::ZERO);
        tokio::time::advance(Duration::from_secs(5)).await;
        queue.add(key_in(namespace, "change"), Priority::Change, Duration::ZERO);
        assert_eq!(take(&queue).await, "change");
        assert_eq!(take(&queue).await, "resync");
    }
}

#[tokio::test(start_paused = true)]
async fn resync_does_not_starve() {
    for namespace in ["n", "other"] {
        let queue = queue(1);
        queue.add(key("resync"), Priority::Resync, Duration::ZERO);
        assert_eq!(queue.lock().waiting.len(), 1);
        queue.lock().promote(Instant::now());
        tokio::time::advance(Duration::from_secs(61)).await;
        queue.add(key_in(namespace, "change"), Priority::Change, Duration::ZERO);
        assert_eq!(take(&queue).await, "resync");
    }
}

#[tokio::test(start_paused = true)]
async fn object_added_during_its_reconcile_is_taken_once_more() {
    let queue = queue(4);
    queue.add(key("a"), Priority::Change, Duration::ZERO);
    let taken = queue.next().await;
    queue.add(key("a"), Priority::Change, Duration::ZERO);
    queue.add(key("a"), Priority::Drift, Duration::ZERO);
    assert!(tokio::time::timeout(Duration::from_secs(9), queue.next()).await.is_err());
    queue.done(&taken);
    assert_eq!(take(&queue).await, "a");
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn earlier_of_two_additions_counts() {
    let queue = queue(1);
    let start = Instant::now();
    queue.add(key("a"), Priority::Retry, Duration::from_secs(300));
    queue.add(key("a"), Priority::Change, Duration::from_secs(2));
    queue.add(key("a"), Priority::Retry, Duration::from_secs(200));
    assert_eq!(take(&queue).await, "a");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn oldest_due_age_ignores_objects_that_are_not_due() {
    let queue = queue(1);
    assert_eq!(queue.oldest_due_age(), Duration::ZERO);
    queue.add(key("a"), Priority::Resync, Duration::from_secs(10));
    assert_eq!(queue.oldest_due_age(), Duration::ZERO);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(queue.oldest_due_age(), Duration::from_secs(30));
}

#[tokio::test]
async fn waiting_workers_share_due_objects() {
    let queue = Arc::new(queue(4));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.next().await.name })
        })
        .collect();
    tokio::task::yield_now().await;
    for name in ["a", "b", "c", "d"] {
        queue.add(key_in(name, name), Priority::Change, Duration::ZERO);
    }
    let mut taken = Vec::new();
    for worker in workers {
        taken.push(tokio::time::timeout(Duration::from_secs(5), worker).await.unwrap().unwrap());
    }
    taken.sort();
    assert_eq!(taken, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn flood_in_one_namespace_delays_another_by_one_reconcile() {
    for priority in [Priority::Change, Priority::Resync] {
        let queue = queue(1);
        flood(&queue, "busy", 10_000, priority);
        take(&queue).await;
        queue.add(key_in("quiet", "change"), Priority::Change, Duration::ZERO);
        let taken = [take(&queue).await, take(&queue).await];
        assert!(taken.contains(&"change".to_owned()), "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn namespaces_take_turns() {
    let queue = queue(1);
    for namespace in ["a", "b", "c"] {
        flood(&queue, namespace, 2, Priority::Change);
    }
    let mut taken = Vec::new();
    for _ in 0..6 {
        let key = queue.next().await;
        queue.done(&key);
        taken.push(key.namespace);
    }
    assert_eq!(taken, ["a", "b", "c", "a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn namespace_holds_at_most_a_quarter_of_the_workers() {
    let queue = queue(32);
    flood(&queue, "slow", 1000, Priority::Change);
    let mut held = Vec::new();
    while let Some(key) = try_next(&queue).await {
        held.push(key);
    }
    assert_eq!(held.len(), 8);
    flood(&queue, "quiet", 1, Priority::Resync);
    assert_eq!(try_next(&queue).await, Some(key_in("quiet", "00000")));
}

#[tokio::test(start_paused = true)]
async fn busy_namespaces_get_a_quarter_of_the_workers_each() {
    let queue = queue(32);
    for namespace in ["a", "b", "c", "d", "e"] {
        flood(&queue, namespace, 100, Priority::Change);
    }
    let mut held: HashMap<String, Vec<ObjectKey>> = HashMap::new();
    for _ in 0..32 {
        let key = try_next(&queue).await.expect("32 workers are served");
        held.entry(key.namespace.clone()).or_default().push(key);
    }
    assert!(held.values().all(|keys| keys.len() <= 8), "{held:?}");
    assert_eq!(held.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn namespace_gets_a_worker_when_one_of_its_own_is_done() {
    let queue = Arc::new(queue(4));
    flood(&queue, "n", 10, Priority::Change);
    let mut held = Vec::new();
    while let Some(key) = try_next(&queue).await {
        held.push(key);
    }
    assert_eq!(held.len(), 1);
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next().await }
    });
    tokio::task::yield_now().await;
    queue.done(&held[0]);
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn queue_of_50000_objects_leaves_no_lane_behind() {
    let queue = queue(8);
    for n in 0..50_000_u32 {
        let key = key_in(&format!("n{}", n % 100), &n.to_string());
        queue.add(key, Priority::Resync, Duration::from_secs(u64::from(n % 7)));
    }
    for _ in 0..50_000 {
        take(&queue).await;
    }
    let inner = queue.lock();
    assert!(inner.lanes.is_empty() && inner.waiting.is_empty() && inner.running.is_empty());
}

#[tokio::test(start_paused = true)]
async fn objects_of_a_standby_wait_for_no_worker() {
    let queue = queue(1);
    queue.hold();
    queue.add(key("a"), Priority::Change, Duration::ZERO);
    tokio::time::advance(Duration::from_hours(1)).await;
    assert_eq!((queue.len(), queue.state().due, queue.oldest_due_age()), (0, 0, Duration::ZERO));
    assert!(!queue.is_stalled(Duration::from_mins(15)));
    queue.begin();
    assert_eq!((queue.len(), queue.oldest_due_age()), (1, Duration::ZERO));
    assert!(!queue.is_stalled(Duration::from_mins(15)), "the workers have just started");
    tokio::time::advance(Duration::from_mins(16)).await;
    assert!(queue.is_stalled(Duration::from_mins(15)));
    assert_eq!(take(&queue).await, "a");
}
