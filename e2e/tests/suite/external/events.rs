//! Events of AWS: a message in the queue, and how soon the Secret has the new value. Every `refreshInterval` is
//! an hour, so nothing else reads.

mod delivery;
mod throttling;
mod world;

use std::time::{Duration, Instant};

use e2e::aws::Fault;
use e2e::moto;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use self::world::{Events, World, in_sync};
use super::support::{change, external, force, rig, stores_of, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, eventually};

/// The world that most tests here share.
async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(async || World::start("events")).await
}

#[tokio::test]
async fn event_brings_a_changed_value_long_before_its_interval() {
    let (world, api, ns) = (world().await, rig().api().await, "events-change");
    let name = in_sync(&api, world, ns).await;
    let mut fastest = Duration::MAX;
    for value in ["2", "3", "4", "5", "6"] {
        let changed = Instant::now();
        world.change(&name, value).await;
        wait_value(&api, ns, "s", "A", value).await;
        fastest = fastest.min(changed.elapsed());
    }
    // Other tests keep the machine busy, so one of the changes has to be that fast.
    assert!(fastest < Duration::from_secs(1), "the fastest change took {fastest:?}");
    let store = api.wait(Kind::SecretStore, ns, "aws", |store| {
        condition(store, "Events").is_some_and(|events| events["reason"] == "Proved")
    });
    assert_eq!(condition(&store.await, "Events").unwrap()["status"], "True");
}

/// Waits until the condition `Events` of the store has this reason.
async fn wait_events(api: &Api, ns: &str, reason: &str) {
    let has = |store: &Value| condition(store, "Events").is_some_and(|it| it["reason"] == reason);
    api.wait(Kind::SecretStore, ns, "aws", has).await;
}

/// An event was lost: somebody may have changed the rule. Values are read at their interval until an event comes.
#[tokio::test]
async fn change_that_no_event_announced_ends_the_proof_of_events() {
    let (api, ns) = (rig().api().await, "events-lost");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    world.change(&name, "2").await;
    wait_value(&api, ns, "s", "A", "2").await;
    wait_events(&api, ns, "Proved").await;
    change(&world.aws, &name, "3").await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "3").await;
    wait_events(&api, ns, "Lost").await;
    world.change(&name, "4").await;
    wait_value(&api, ns, "s", "A", "4").await;
    wait_events(&api, ns, "Proved").await;
}

#[tokio::test]
async fn rotation_in_four_steps_wakes_nobody_before_its_last() {
    let (api, ns) = (rig().api().await, "events-rotation");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    let before = world.reads().await;
    let put = world.aws.announced_secrets().put_secret_value().secret_id(&name).secret_string("2");
    let pending = put.version_stages("AWSPENDING").send().await.unwrap().version_id.unwrap();
    // AWS does not announce it, but CloudTrail and other senders may.
    world.claim(&name, "AWSPENDING", &pending);
    assert_eq!(world.reads().await, before, "createSecret, setSecret and testSecret");
    let old = world.version(&name, "AWSCURRENT").await;
    world.make_current(&name, &pending).await;
    world.claim(&name, "AWSPREVIOUS", &old);
    wait_value(&api, ns, "s", "A", "2").await;
    assert_eq!(world.reads().await, before + 1);
}

#[tokio::test]
async fn duplicate_forged_and_foreign_messages_change_nothing() {
    let (api, ns) = (rig().api().await, "events-forged");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    let version = world.change(&name, "2").await;
    wait_value(&api, ns, "s", "A", "2").await;
    let before = world.reads().await;
    for _ in 0..20 {
        world.claim(&name, "AWSCURRENT", &version);
        world.claim(&format!("{ns}/other"), "AWSCURRENT", &version);
    }
    world.send(&json!({ "source": "aws.ec2" }));
    world.send(&json!({ "detail": "$(reboot)" }));
    eventually("the queue has only what is no event", async || {
        let left = moto::messages(world.aws.moto(), &world.queue).unwrap();
        (left == [0, 2]).then_some(())
    })
    .await;
    let after = world.reads_so_far();
    assert_eq!(after, before, "neither duplicates nor names that nobody reads");
    let log = world.controller.log().unwrap();
    assert!(!log.contains("reboot"), "bodies are not logged");
}

#[tokio::test]
async fn secret_deleted_and_restored_is_noticed_at_once() {
    let (world, api, ns) = (world().await, rig().api().await, "events-deleted");
    let name = in_sync(&api, world, ns).await;
    let secrets = world.aws.announced_secrets();
    secrets.delete_secret().secret_id(&name).send().await.unwrap();
    wait_ready(&api, ns, "s", "False").await;
    secrets.restore_secret().secret_id(&name).send().await.unwrap();
    wait_ready(&api, ns, "s", "True").await;
}

#[tokio::test]
async fn changed_parameter_arrives_by_an_event() {
    let (world, api, ns) = (world().await, rig().api().await, "events-parameter");
    stores_of(&api, ns, &world.class).await;
    let name = format!("/{ns}/a");
    let put = |value: &str| {
        let put = world.aws.announced_parameters().put_parameter().name(&name).value(value);
        put.r#type(aws_sdk_ssm::types::ParameterType::String).overwrite(true).send()
    };
    put("1").await.unwrap();
    let mut object = external(ns, "s", &[("A", &name)]);
    object["spec"]["secretStoreRef"]["name"] = json!("ps");
    api.create(Kind::ExternalSecret, object).await;
    wait_ready(&api, ns, "s", "True").await;
    put("2").await.unwrap();
    wait_value(&api, ns, "s", "A", "2").await;
}

/// The message waits in the queue meanwhile.
#[tokio::test]
async fn controller_that_was_down_during_the_event_catches_up() {
    let (api, ns) = (rig().api().await, "events-down");
    let events = Events::start("events-down");
    let first = events.controller(&[]);
    let name = in_sync(&api, &events, ns).await;
    drop(first);
    events.change(&name, "2").await;
    let _second = events.controller(&[]);
    wait_value(&api, ns, "s", "A", "2").await;
}

#[tokio::test]
async fn stale_read_after_an_event_is_repeated() {
    let (api, ns) = (rig().api().await, "events-stale");
    let world = World::start("events-stale");
    let name = in_sync(&api, &world, ns).await;
    let read = world.aws.secrets().get_secret_value().secret_id(&name).send().await.unwrap();
    let (id, created) = (read.version_id.unwrap(), read.created_date.unwrap().secs());
    world.aws.faults().add(Fault::Stale(name.clone(), id, created, "1".to_owned()));
    let before = world.reads().await;
    world.change(&name, "2").await;
    eventually("a stale read and a repeated one", async || {
        (world.reads().await >= before + 2).then_some(())
    })
    .await;
    world.aws.faults().clear();
    wait_value(&api, ns, "s", "A", "2").await;
}

#[tokio::test]
async fn queue_that_is_gone_and_denied_is_polled_again_once_it_is_back() {
    let (api, ns) = (rig().api().await, "events-gone");
    let world = World::start("events-gone");
    let name = in_sync(&api, &world, ns).await;
    moto::delete_queue(world.aws.moto(), &world.queue).unwrap();
    wait_up(&world, 0.0).await;
    let log = world.controller.log().unwrap();
    assert!(log.contains("event queue changes was not found"), "{log}");
    world.aws.faults().add(Fault::Denied("ReceiveMessage"));
    moto::create_queue(world.aws.moto(), "changes").unwrap();
    eventually("the denial is logged", async || {
        world.controller.log().unwrap().contains("AWS denies sqs:ReceiveMessage").then_some(())
    })
    .await;
    world.change(&name, "2").await;
    world.aws.faults().clear();
    wait_value(&api, ns, "s", "A", "2").await;
    wait_up(&world, 1.0).await;
}

async fn wait_up(world: &World, up: f64) {
    eventually("the metric of the queue", async || {
        let metrics = world.controller.metrics().unwrap();
        (metrics.get("mtk_controller_event_queue_up{queue=\"changes\"}") == Some(&up)).then_some(())
    })
    .await;
}
