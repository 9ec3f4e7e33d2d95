//! Events that come late, twice, in another order, not at all, or from a tenant.

use std::time::{Duration, Instant};

use e2e::aws::Delivery;
use jiff::Timestamp;
use serde_json::json;

use super::super::support::{external, rig, secret, wait_ready, wait_value};
use super::world::{World, in_sync};
use crate::support::{Kind, condition, eventually};

#[tokio::test]
async fn late_duplicate_and_reordered_events_end_with_the_newest_value() {
    let (api, ns) = (rig().api().await, "events-delivery");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    let announcer = world.aws.announcer();
    announcer.deliver(Delivery::Late(Duration::from_secs(2)));
    world.change(&name, "late").await;
    wait_value(&api, ns, "s", "A", "late").await;
    announcer.deliver(Delivery::Twice);
    world.change(&name, "twice").await;
    wait_value(&api, ns, "s", "A", "twice").await;
    announcer.deliver(Delivery::Held);
    world.change(&name, "older").await;
    announcer.deliver(Delivery::Once);
    world.change(&name, "newer").await;
    wait_value(&api, ns, "s", "A", "newer").await;
    world.drained().await;
    let api_writes = || {
        let writes = rig().cluster.writes().unwrap();
        let of_secret = writes.iter().filter(|write| {
            write.namespace == ns
                && write.resource == "secrets"
                && write.user.ends_with("mtk-controller")
        });
        of_secret.count()
    };
    assert_eq!(api_writes(), 4, "one for the first value, and one for each that was seen");
}

/// No event has proved the path yet, so the interval counts.
#[tokio::test]
async fn lost_event_is_found_by_the_next_list() {
    let (api, ns) = (rig().api().await, "events-unheard");
    let world = World::start_with(ns, &["--min-list-interval=1s"]);
    world.aws.announcer().deliver(Delivery::Lost);
    let name = in_sync(&api, &world, ns).await;
    // A single value is read: only for several is there a list.
    let other = format!("{ns}/b");
    secret(&world.aws, &other, "1", &[]).await;
    let mut object = external(ns, "t", &[("A", &name), ("B", &other)]);
    object["spec"]["refreshInterval"] = json!("4s");
    api.create(Kind::ExternalSecret, object).await;
    wait_ready(&api, ns, "t", "True").await;
    let lists = || world.aws.counts().get("ListSecrets").copied().unwrap_or_default();
    eventually("a list", async || (lists() > 0).then_some(())).await;
    world.change(&other, "2").await;
    wait_value(&api, ns, "t", "B", "2").await;
    let store =
        api.wait(Kind::SecretStore, ns, "aws", |store| condition(store, "Events").is_some());
    assert_eq!(condition(&store.await, "Events").unwrap()["reason"], "Unproved");
}

/// Its creation is older than that of the version before, so without the event it would be a stale read.
#[tokio::test]
async fn stage_moved_back_on_purpose_is_followed_at_once() {
    let (api, ns) = (rig().api().await, "events-back");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    let first = world.version(&name, "AWSCURRENT").await;
    // Versions are ordered by their creation, in seconds.
    let second = Timestamp::now().as_second();
    eventually("the next second", async || (Timestamp::now().as_second() > second).then_some(()))
        .await;
    world.change(&name, "2").await;
    wait_value(&api, ns, "s", "A", "2").await;
    let moved = Instant::now();
    world.make_current(&name, &first).await;
    wait_value(&api, ns, "s", "A", "1").await;
    assert!(moved.elapsed().as_secs() < 30, "{:?}: it waited for the grace", moved.elapsed());
}

/// A tenant who may write to the queue causes a few reads of what the objects read anyway, and sees the same for names
/// that objects read, for others, and for versions that exist.
#[tokio::test]
async fn writer_of_the_queue_causes_few_reads_and_learns_nothing() {
    const MESSAGES: usize = 150;
    let (api, ns) = (rig().api().await, "events-writer");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    let current = world.version(&name, "AWSCURRENT").await;
    let object = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
    let (begun, before) = (Instant::now(), world.reads().await);
    for number in 0..MESSAGES {
        world.claim(&name, "AWSCURRENT", &format!("forged-{number}"));
        world.claim(&format!("{ns}/unused"), "AWSCURRENT", &format!("forged-{number}"));
        world.claim(&name, "AWSCURRENT", &current);
    }
    let reads = world.reads().await - before;
    // A burst of three, then one in ten seconds.
    let most = 4 + usize::try_from(begun.elapsed().as_secs() / 10).unwrap();
    assert!((1..=most).contains(&reads), "{reads} reads, at most {most}");
    // All messages are deleted alike, and nothing is sent.
    let operations = world.aws.counts();
    assert!(!operations.contains_key("SendMessage"), "{operations:?}");
    let log = world.controller.log().unwrap();
    assert!(
        !log.contains("forged-") && !log.contains("unused"),
        "names and versions of messages are logged"
    );
    let after = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"]);
    let store = api.get(Kind::SecretStore, ns, "aws").await.unwrap();
    assert_eq!(condition(&store, "Events").unwrap()["reason"], "Unproved", "nothing is proved");
}
