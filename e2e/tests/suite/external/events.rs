//! Events of AWS: a message in the queue, and how soon the Secret has the new value. Every `refreshInterval` is
//! an hour, so nothing else reads.

use std::collections::BTreeMap;
use std::ops::Deref;

use e2e::aws::{Aws, Fault, REGION};
use e2e::controller::Controller;
use e2e::moto;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::support::{change, external, force, rig, secret, stores_of, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, eventually};

const ACCOUNT: &str = "123456789012";

/// An AWS with a queue.
struct Events {
    aws: Aws,
    queue: String,
    /// The stores here have it, and the controllers that manage them.
    class: String,
}

/// The same with a controller that polls the queue.
struct World {
    events: Events,
    controller: Controller,
}

impl Deref for World {
    type Target = Events;

    fn deref(&self) -> &Events {
        &self.events
    }
}

impl World {
    fn start(class: &str) -> World {
        let events = Events::start(class);
        World { controller: events.controller(), events }
    }
}

impl Events {
    fn start(class: &str) -> Events {
        let aws = Aws::start().unwrap();
        let url = moto::create_queue(aws.moto(), "changes").unwrap();
        let path = url.splitn(4, '/').nth(3).unwrap();
        let queue = format!("http://{}/{path}", aws.address());
        Events { aws, queue, class: class.to_owned() }
    }

    fn controller(&self) -> Controller {
        let flags = [
            "--log-level=debug",
            &format!("--controller-class={}", self.class),
            &format!("--event-queue={},region={REGION}", self.queue),
        ];
        rig().cluster.controller_with(&self.aws, &flags).unwrap()
    }

    /// Puts a message into the queue.
    fn send(&self, body: &Value) {
        moto::send_message(self.aws.moto(), &self.queue, &body.to_string()).unwrap();
    }

    /// Puts what AWS sends when a label moves to a version.
    fn labelled(&self, name: &str, label: &str, version: &str) {
        let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf");
        let detail = json!({ "name": name, "labelUpdated": label, "versionId": version });
        self.send(&event("aws.secretsmanager", "Secret Label Updated", &[&arn], &detail));
    }

    /// Changes a value, and sends what AWS does then.
    async fn change(&self, name: &str, value: &str) -> String {
        let version = change(&self.aws, name, value).await;
        self.labelled(name, "AWSCURRENT", &version);
        version
    }

    /// Waits until every message was handled, and returns the requests for values so far.
    async fn reads(&self) -> usize {
        eventually("the queue is empty", async || {
            (moto::messages(self.aws.moto(), &self.queue).unwrap() == [0, 0]).then_some(())
        })
        .await;
        count(&self.aws.counts(), &["GetSecretValue", "BatchGetSecretValue"])
    }
}

fn count(counts: &BTreeMap<String, usize>, operations: &[&str]) -> usize {
    operations.iter().filter_map(|operation| counts.get(*operation)).sum()
}

fn event(source: &str, detail_type: &str, resources: &[&str], detail: &Value) -> Value {
    json!({
        "version": "0", "id": "2b1d8f1c", "source": source, "detail-type": detail_type,
        "account": ACCOUNT, "time": Timestamp::now().to_string(), "region": REGION,
        "resources": resources, "detail": detail,
    })
}

/// The world that most tests here share.
async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(async || World::start("events")).await
}

/// Creates a namespace with a secret and an object that is in sync.
async fn in_sync(api: &Api, world: &Events, ns: &str) -> String {
    stores_of(api, ns, &world.class).await;
    let name = format!("{ns}/a");
    secret(&world.aws, &name, "1", &[]).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", &name)])).await;
    wait_ready(api, ns, "s", "True").await;
    name
}

#[tokio::test]
async fn event_brings_a_changed_value_long_before_its_interval() {
    let (world, api, ns) = (world().await, rig().api().await, "events-change");
    let name = in_sync(&api, world, ns).await;
    for value in ["2", "3"] {
        world.change(&name, value).await;
        wait_value(&api, ns, "s", "A", value).await;
    }
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
    let put = world.aws.secrets().put_secret_value().secret_id(&name).secret_string("2");
    let pending = put.version_stages("AWSPENDING").send().await.unwrap().version_id.unwrap();
    world.labelled(&name, "AWSPENDING", &pending);
    assert_eq!(world.reads().await, before, "createSecret, setSecret and testSecret");
    let secrets = world.aws.secrets();
    let versions = secrets.list_secret_version_ids().secret_id(&name).send().await.unwrap();
    let current = versions
        .versions()
        .iter()
        .find(|version| version.version_stages().iter().any(|stage| stage == "AWSCURRENT"));
    let finish = secrets.update_secret_version_stage().secret_id(&name);
    let finish = finish.version_stage("AWSCURRENT").move_to_version_id(&pending);
    let old = current.and_then(|version| version.version_id()).unwrap();
    finish.remove_from_version_id(old).send().await.unwrap();
    world.labelled(&name, "AWSPREVIOUS", old);
    world.labelled(&name, "AWSCURRENT", &pending);
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
        world.labelled(&name, "AWSCURRENT", &version);
        world.labelled(&format!("{ns}/other"), "AWSCURRENT", &version);
    }
    world.send(&json!({ "source": "aws.ec2" }));
    world.send(&json!({ "detail": "$(reboot)" }));
    eventually("the queue has only what is no event", async || {
        let left = moto::messages(world.aws.moto(), &world.queue).unwrap();
        (left == [0, 2]).then_some(())
    })
    .await;
    let after = count(&world.aws.counts(), &["GetSecretValue", "BatchGetSecretValue"]);
    assert_eq!(after, before, "neither duplicates nor names that nobody reads");
    let log = world.controller.log().unwrap();
    assert!(!log.contains("reboot"), "bodies are not logged");
}

#[tokio::test]
async fn secret_deleted_and_restored_is_noticed_at_once() {
    let (world, api, ns) = (world().await, rig().api().await, "events-deleted");
    let name = in_sync(&api, world, ns).await;
    let trail = |operation: &str| {
        let detail = json!({
            "eventName": operation, "requestParameters": { "secretId": name },
            "responseElements": { "name": name },
        });
        world.send(&event("aws.secretsmanager", "AWS API Call via CloudTrail", &[], &detail));
    };
    let secrets = world.aws.secrets();
    secrets.delete_secret().secret_id(&name).send().await.unwrap();
    trail("DeleteSecret");
    wait_ready(&api, ns, "s", "False").await;
    secrets.restore_secret().secret_id(&name).send().await.unwrap();
    trail("RestoreSecret");
    wait_ready(&api, ns, "s", "True").await;
}

#[tokio::test]
async fn changed_parameter_arrives_by_an_event() {
    let (world, api, ns) = (world().await, rig().api().await, "events-parameter");
    stores_of(&api, ns, &world.class).await;
    let name = format!("/{ns}/a");
    let put = |value: &str| {
        let put = world.aws.parameters().put_parameter().name(&name).value(value);
        put.r#type(aws_sdk_ssm::types::ParameterType::String).overwrite(true).send()
    };
    put("1").await.unwrap();
    let mut object = external(ns, "s", &[("A", &name)]);
    object["spec"]["secretStoreRef"]["name"] = json!("ps");
    api.create(Kind::ExternalSecret, object).await;
    wait_ready(&api, ns, "s", "True").await;
    put("2").await.unwrap();
    let detail = json!({ "operation": "Update", "name": name, "type": "String" });
    world.send(&event("aws.ssm", "Parameter Store Change", &[], &detail));
    wait_value(&api, ns, "s", "A", "2").await;
}

/// The message waits in the queue meanwhile.
#[tokio::test]
async fn controller_that_was_down_during_the_event_catches_up() {
    let (api, ns) = (rig().api().await, "events-down");
    let events = Events::start("events-down");
    let first = events.controller();
    let name = in_sync(&api, &events, ns).await;
    drop(first);
    events.change(&name, "2").await;
    let _second = events.controller();
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
