//! When an object reads because of events.

use super::*;
use crate::aws::ReadVersion;

const KEY: &str = "0 a";

/// An object that has read version `v1`, created at second 10.
struct World {
    looks: Looks,
    versions: Versions,
    now: Instant,
    /// The proofs of the last refresh.
    proofs: Vec<Source>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            looks: Looks::default(),
            versions: Versions::default(),
            now: Instant::now(),
            proofs: Vec::new(),
        };
        world.take("v1", 10);
        world
    }

    fn take(&mut self, id: &str, second: i64) {
        let read = ReadVersion { id: id.into(), created: second * 1000 };
        self.versions.record_taken([(KEY.to_owned(), read)]);
    }

    /// An event of this second, and when the object looks because of it.
    fn hint(&mut self, version: &str, second: i64) -> Option<Duration> {
        self.hint_of(AwsService::SecretsManager, Some(version), second)
    }

    fn hint_of(
        &mut self,
        service: AwsService,
        version: Option<&str>,
        second: i64,
    ) -> Option<Duration> {
        let at = Timestamp::from_second(second).unwrap();
        let hint = Hint {
            service,
            account: String::new(),
            region: String::new(),
            name: String::new(),
            arn: None,
            label: None,
            version: version.map(Into::into),
            at,
        };
        let store = StoreKey { namespace: None, name: String::new() };
        let concerned = [Concerned { version_key: Some(KEY.into()), store, is_find: false }];
        let wall = Timestamp::from_second(1000).unwrap();
        let is_new = self.looks.expect(&concerned, 3, &hint, &self.versions, wall);
        is_new.then(|| self.looks.ask(self.now)).flatten()
    }

    /// A refresh that reads this version. Returns when the object looks again.
    fn refresh(&mut self, id: &str, second: i64) -> Option<Duration> {
        let before = self.looks.clone();
        self.take(id, second);
        self.proofs = self.looks.record_read(&before, &self.versions, self.now, u32::MAX / 2);
        self.looks.look_in(self.now)
    }

    fn is_accepted(&self, id: &str, second: i64) -> bool {
        let mut versions = self.versions.clone();
        self.looks.tell(&mut versions);
        let read = ReadVersion { id: id.into(), created: second * 1000 };
        versions.accepts(KEY, &read, self.now)
    }
}

#[tokio::test(start_paused = true)]
async fn stale_read_after_an_event_is_repeated_until_the_version_comes() {
    let mut world = World::new();
    assert_eq!(world.hint("v2", 20), Some(Duration::ZERO));
    for expected in [200, 1000] {
        let again = world.refresh("v1", 10).unwrap();
        assert_eq!(again.as_millis(), expected, "within the noise");
        world.now += again;
    }
    assert_eq!(world.refresh("v2", 20), None);
    assert_eq!(world.hint("v2", 20), None, "it is applied");
}

#[tokio::test(start_paused = true)]
async fn event_proves_its_queue_once_its_version_is_read() {
    let mut world = World::new();
    world.hint("v2", 20);
    world.refresh("v1", 10);
    assert!(world.proofs.is_empty());
    world.refresh("v2", 20);
    assert_eq!(world.proofs.iter().map(|source| source.queue).collect::<Vec<_>>(), [3]);
    world.hint("v2", 20);
    world.refresh("v2", 20);
    assert!(world.proofs.is_empty(), "everybody may repeat an old event");
}

#[tokio::test(start_paused = true)]
async fn parameter_is_read_again_until_it_has_another_version() {
    let mut world = World::new();
    world.hint_of(AwsService::ParameterStore, None, 20);
    assert!(world.refresh("v1", 10).is_some());
    assert_eq!(world.refresh("v2", 20), None);
    assert_eq!(world.proofs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn version_that_never_comes_is_given_up() {
    let mut world = World::new();
    let start = world.now;
    world.hint("forged", 20);
    let mut reads = 1;
    while let Some(again) = world.refresh("v1", 10) {
        world.now += again;
        reads += 1;
    }
    assert_eq!(reads, 1 + REPEATS.len());
    assert!(world.now - start < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn duplicate_and_reordered_events_cause_no_read() {
    let mut world = World::new();
    world.hint("v3", 30);
    assert_eq!(world.hint("v3", 30), None, "the look to come covers it");
    assert_eq!(world.refresh("v3", 30), None);
    assert_eq!(world.hint("v3", 30), None);
    assert_eq!(world.hint("v2", 20), None, "it is older than the version that was read");
    assert!(!world.is_accepted("v2", 20));
}

#[tokio::test(start_paused = true)]
async fn older_event_does_not_replace_the_expected_version() {
    let mut world = World::new();
    world.hint("v3", 30);
    world.hint("v2", 20);
    assert!(world.refresh("v2", 20).is_some(), "v3 is still to come");
    assert_eq!(world.refresh("v3", 30), None);
}

#[tokio::test(start_paused = true)]
async fn stage_moved_back_on_purpose_is_followed_at_once() {
    let mut world = World::new();
    world.take("v2", 20);
    assert!(!world.is_accepted("v1", 10), "a stale read");
    assert_eq!(world.hint("v1", 40), Some(Duration::ZERO));
    assert!(world.is_accepted("v1", 10));
    assert!(!world.is_accepted("v0", 5));
    assert_eq!(world.refresh("v1", 10), None);
    assert!(world.is_accepted("v2", 20), "and forward again");
}

#[tokio::test(start_paused = true)]
async fn event_during_a_refresh_asks_for_another_one() {
    let mut world = World::new();
    world.hint("v2", 20);
    let before = world.looks.clone();
    world.now += Duration::from_millis(50);
    assert_eq!(world.hint("v3", 30), None);
    world.now += Duration::from_millis(50);
    world.take("v2", 20);
    world.looks.record_read(&before, &world.versions, world.now, 0);
    assert_eq!(world.looks.look_in(world.now), Some(Duration::ZERO));
    assert_eq!(world.refresh("v3", 30), None);
}

#[tokio::test(start_paused = true)]
async fn failed_look_is_retried_and_another_event_retries_it_at_once() {
    let mut world = World::new();
    world.hint("v2", 20);
    world.looks.record_failure(world.now);
    assert_eq!(world.looks.look_in(world.now), Some(Duration::ZERO), "whenever it is retried");
    assert_eq!(world.hint("v3", 30), Some(Duration::ZERO));
    assert_eq!(world.refresh("v3", 30), None);
}

#[tokio::test(start_paused = true)]
async fn forged_events_cause_one_read_in_ten_seconds_and_the_last_one_counts() {
    let mut world = World::new();
    let (start, mut reads) = (world.now, 0);
    for number in 0..6000 {
        world.hint(&format!("forged-{number}"), 20);
        if world.looks.look_in(world.now) == Some(Duration::ZERO) {
            world.refresh("v1", 10);
            reads += 1;
        }
        world.now += Duration::from_millis(100);
    }
    assert_eq!((world.now - start).as_secs(), 600);
    assert!((60..=64).contains(&reads), "{reads}");
    world.hint("v2", 50);
    let wait = world.looks.look_in(world.now).unwrap();
    assert!(wait <= INTERVAL, "{wait:?}");
    world.now += wait;
    assert_eq!(world.refresh("v2", 50), None);
}

#[tokio::test(start_paused = true)]
async fn event_from_the_future_does_not_make_others_look_old() {
    let mut world = World::new();
    world.hint("forged", 1_000_000_000);
    world.hint("v2", 1000);
    assert!(world.is_accepted("v2", 1000));
    assert_eq!(world.refresh("v2", 1000), None);
}
