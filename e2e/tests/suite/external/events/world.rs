//! An AWS with a queue of events, and a controller that polls it.

use std::collections::BTreeMap;
use std::ops::Deref;

use e2e::aws::{Aws, REGION};
use e2e::controller::Controller;
use e2e::events::{ACCOUNT, label_updated};
use e2e::moto;
use serde_json::Value;

use super::super::support::{external, rig, secret, stores_of, wait_ready};
use crate::support::{Api, Kind, eventually};

/// An AWS with a queue, which announces the changes of [`Events::change`].
pub(super) struct Events {
    pub(super) aws: Aws,
    pub(super) queue: String,
    /// The stores here have it, and the controllers that manage them.
    pub(super) class: String,
}

/// The same with a controller that polls the queue.
pub(super) struct World {
    events: Events,
    pub(super) controller: Controller,
}

impl Deref for World {
    type Target = Events;

    fn deref(&self) -> &Events {
        &self.events
    }
}

impl World {
    pub(super) fn start(class: &str) -> World {
        World::start_with(class, &[])
    }

    pub(super) fn start_with(class: &str, flags: &[&str]) -> World {
        let events = Events::start(class);
        World { controller: events.controller(flags), events }
    }
}

impl Events {
    pub(super) fn start(class: &str) -> Events {
        let aws = Aws::start().unwrap();
        let queue = aws.event_queue().unwrap();
        Events { aws, queue, class: class.to_owned() }
    }

    pub(super) fn controller(&self, flags: &[&str]) -> Controller {
        let class = format!("--controller-class={}", self.class);
        let queue = format!("--event-queue={},region={REGION}", self.queue);
        let flags = [&["--log-level=debug", &class, &queue], flags].concat();
        rig().cluster.controller_with(&self.aws, &flags).unwrap()
    }

    /// Puts a message into the queue.
    pub(super) fn send(&self, body: &Value) {
        moto::send_message(self.aws.moto(), &self.queue, &body.to_string()).unwrap();
    }

    /// Puts a message into the queue that a label is on this version now, whether it is true or not.
    pub(super) fn claim(&self, name: &str, label: &str, version: &str) {
        let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf");
        self.send(&label_updated(&arn, name, label, version));
    }

    /// Changes a value, which AWS announces. Returns the id of the version.
    pub(super) async fn change(&self, name: &str, value: &str) -> String {
        let secrets = self.aws.announced_secrets();
        let put = secrets.put_secret_value().secret_id(name).secret_string(value);
        put.send().await.unwrap().version_id.unwrap()
    }

    /// The version with this label, now.
    pub(super) async fn version(&self, name: &str, label: &str) -> String {
        let secrets = self.aws.secrets();
        let listed = secrets.list_secret_version_ids().secret_id(name).send().await.unwrap();
        let mut versions = listed.versions().iter();
        let with_label =
            versions.find(|version| version.version_stages().iter().any(|stage| stage == label));
        with_label.and_then(|version| version.version_id()).unwrap().to_owned()
    }

    /// Moves `AWSCURRENT` to this version, which AWS announces.
    pub(super) async fn make_current(&self, name: &str, version: &str) {
        let old = self.version(name, "AWSCURRENT").await;
        let secrets = self.aws.announced_secrets();
        let moved = secrets.update_secret_version_stage().secret_id(name);
        let moved = moved.version_stage("AWSCURRENT").move_to_version_id(version);
        moved.remove_from_version_id(old).send().await.unwrap();
    }

    /// Waits until every message was handled, and returns the requests for values so far.
    pub(super) async fn reads(&self) -> usize {
        self.drained().await;
        self.reads_so_far()
    }

    pub(super) async fn drained(&self) {
        eventually("the queue is empty", async || {
            (moto::messages(self.aws.moto(), &self.queue).unwrap() == [0, 0]).then_some(())
        })
        .await;
    }

    pub(super) fn reads_so_far(&self) -> usize {
        count(&self.aws.counts(), &["GetSecretValue", "BatchGetSecretValue"])
    }
}

pub(super) fn count(counts: &BTreeMap<String, usize>, operations: &[&str]) -> usize {
    operations.iter().filter_map(|operation| counts.get(*operation)).sum()
}

/// Creates a namespace with a secret and an object that is in sync.
pub(super) async fn in_sync(api: &Api, world: &Events, ns: &str) -> String {
    stores_of(api, ns, &world.class).await;
    let name = format!("{ns}/a");
    secret(&world.aws, &name, "1", &[]).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", &name)])).await;
    wait_ready(api, ns, "s", "True").await;
    name
}
