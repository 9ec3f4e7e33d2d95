//! Events of AWS, for an object that reads nothing: it is reconciled step by step.

use std::{collections::HashSet, time::Duration};

use crds::{StoreStatus, secret_store::AwsService};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::external::{World, read};
use crate::{
    aws::events::{EventSubscriber as _, Hint},
    external::ExternalSecretController,
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{Controller as _, Now},
};

fn hint(name: &str) -> Hint {
    Hint {
        service: AwsService::SecretsManager,
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        name: name.to_owned(),
        arn: None,
        label: Some("AWSCURRENT".to_owned()),
        version: Some("v2".to_owned()),
        at: Timestamp::now(),
    }
}

/// The object in sync, read two hours ago. Its store had this reason in the condition `Events`.
async fn two_hours_later(reason: &str) -> World {
    let (world, proved) = (read_two_hours_ago(reason).await, read_two_hours_ago("Proved").await);
    if plan(&proved).starts_with("Wait") {
        return world;
    }
    // Its daily time was in these two hours.
    tokio::time::advance(Duration::from_hours(3)).await;
    read_two_hours_ago(reason).await
}

async fn read_two_hours_ago(reason: &str) -> World {
    let world = World::with(&[]);
    assert!(world.reconcile_within(Duration::from_secs(10)).await);
    let mut object = world.object();
    let before = Now::read().wall - SignedDuration::from_hours(2);
    object["status"]["refreshTime"] = json!(before.to_string());
    let events = json!({ "type": "Events", "status": "True", "reason": reason });
    let status: StoreStatus = read(&json!({ "conditions": [events] }));
    let world = World::of(object, status, &[]);
    world.controller.inherit_event_paths();
    world
}

fn plan(world: &World) -> String {
    let key = ObjectKey { namespace: "team".to_owned(), name: "s".to_owned() };
    let observed = world.controller.observe(&key).expect("the object");
    format!("{:?}", ExternalSecretController::plan(&observed, Now::read()))
}

#[tokio::test(start_paused = true)]
async fn event_wakes_only_the_objects_that_read_its_name() {
    let world = World::with(&[]);
    let soon = Duration::from_secs(5);
    while world.reconcile_within(soon).await {}
    let elsewhere = Hint { region: "eu-central-1".to_owned(), ..hint("a") };
    for other in [hint("b"), elsewhere] {
        world.controller.hinted(0, &other);
        assert!(!world.reconcile_within(soon).await, "{other:?}");
    }
    world.controller.hinted(0, &hint("a"));
    assert!(plan(&world).starts_with("SkipCreation"), "it is due");
    assert!(world.reconcile_within(soon).await);
    assert!(plan(&world).starts_with("Wait"));
}

#[tokio::test(start_paused = true)]
async fn interval_counts_unless_events_are_proved() {
    for (reason, expected) in
        [("Proved", "Wait"), ("Unproved", "SkipCreation"), ("Silent", "SkipCreation")]
    {
        let world = two_hours_later(reason).await;
        assert!(plan(&world).starts_with(expected), "{reason}: {}", plan(&world));
    }
}

#[tokio::test(start_paused = true)]
async fn values_are_due_again_once_events_are_silent_or_denied() {
    let denied = Failure::new(Reason::AccessDenied, "denied");
    for (failure, minutes) in [(None, 61), (Some(&denied), 6)] {
        let world = two_hours_later("Proved").await;
        let soon = Duration::from_secs(10);
        while world.reconcile_within(soon).await {}
        let mut proved = HashSet::new();
        world.controller.polled(0, failure);
        world.controller.check_event_paths(&mut proved);
        assert_eq!(proved.len(), 1);
        tokio::time::advance(Duration::from_mins(minutes)).await;
        world.controller.polled(0, failure);
        assert!(plan(&world).starts_with("SkipCreation"), "{minutes}: {}", plan(&world));
        world.controller.check_event_paths(&mut proved);
        assert!(proved.is_empty());
        assert!(world.reconcile_within(Duration::from_mins(5)).await, "{minutes}");
    }
}

#[tokio::test(start_paused = true)]
async fn changed_object_is_woken_by_its_new_name_only() {
    let world = World::with(&[]);
    let soon = Duration::from_secs(5);
    while world.reconcile_within(soon).await {}
    let mut object = world.object();
    object["spec"]["data"][0]["remoteRef"]["key"] = json!("c");
    object["metadata"]["generation"] = json!(2);
    world.controller.object_applied(read(&object));
    while world.reconcile_within(soon).await {}
    world.controller.hinted(0, &hint("a"));
    assert!(plan(&world).starts_with("Wait"), "{}", plan(&world));
    world.controller.hinted(0, &hint("c"));
    assert!(plan(&world).starts_with("SkipCreation"), "{}", plan(&world));
    assert!(world.reconcile_within(soon).await);
}
