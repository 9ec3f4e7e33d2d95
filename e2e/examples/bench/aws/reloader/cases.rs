//! Sequences of changes and events.

use e2e::aws::table::arn;
use e2e::events::{label_updated, trail};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Play;
use crate::aws::rig::Rig;

/// The value after the last change of each case.
pub(in crate::aws) const LAST: &str = "last";
/// The prefix of the store `prefixed`.
pub(in crate::aws) const PREFIX: &str = "team/";

type Steps = fn(&mut Play<'_>, &mut Rig) -> anyhow::Result<()>;

/// An object, and what happens to its secret.
pub(in crate::aws) struct Case {
    pub(in crate::aws) what: &'static str,
    name: &'static str,
    pub(in crate::aws) store: &'static str,
    /// Whether the object names the secret by its ARN.
    by_arn: bool,
    pub(super) steps: Steps,
}

impl Case {
    const fn new(name: &'static str, what: &'static str, steps: Steps) -> Case {
        Case { what, name, store: "aws", by_arn: false, steps }
    }

    /// The name of the object.
    pub(in crate::aws) fn object(&self) -> String {
        format!("case-{}", self.name)
    }

    /// The name of the secret in AWS.
    pub(in crate::aws) fn remote(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// How the object names it.
    pub(in crate::aws) fn key(&self) -> String {
        let remote = self.remote();
        match (self.store, self.by_arn) {
            ("prefixed", _) => self.name.to_owned(),
            (_, true) => arn(&remote),
            _ => remote,
        }
    }
}

pub(in crate::aws) const CASES: [Case; 9] = [
    Case::new("native", "native event, without a trail", |play, rig| {
        let version = play.change(rig, LAST);
        play.native(rig, &version);
        Ok(())
    }),
    Case::new("name", "PutSecretValue by name", |play, rig| {
        let version = play.change(rig, LAST);
        play.put(rig, &play.case.remote(), &version, "10:00:00");
        Ok(())
    }),
    Case::new("arn", "PutSecretValue by ARN, the object has the name", |play, rig| {
        let version = play.change(rig, LAST);
        play.put(rig, &arn(&play.case.remote()), &version, "10:00:00");
        Ok(())
    }),
    Case {
        by_arn: true,
        ..Case::new("by-arn", "PutSecretValue by name, the object has the ARN", |play, rig| {
            let version = play.change(rig, LAST);
            play.put(rig, &play.case.remote(), &version, "10:00:00");
            Ok(())
        })
    },
    Case {
        store: "prefixed",
        ..Case::new("prefix", "the store has a prefix", |play, rig| {
            let version = play.change(rig, LAST);
            play.put(rig, &play.case.remote(), &version, "10:00:00");
            Ok(())
        })
    },
    Case::new("rotation", "rotation: pending first, then its label moves", |play, rig| {
        let name = play.case.remote();
        let mut pending = put_event(&name, "pending", "10:00:00");
        pending["detail"]["requestParameters"]["versionStages"] = json!(["AWSPENDING"]);
        play.send(rig, &pending);
        let version = play.change(rig, LAST);
        let mut moved = trail("UpdateSecretVersionStage", &name);
        moved["detail"]["requestParameters"] = json!({
            "secretId": name, "versionStage": "AWSCURRENT", "moveToVersionId": version,
        });
        moved["detail"]["eventTime"] = json!("10:00:01");
        play.send(rig, &moved);
        Ok(())
    }),
    Case::new("twice", "two changes within a second", |play, rig| {
        let name = play.case.remote();
        for value in ["first", LAST] {
            let version = play.change(rig, value);
            play.put(rig, &name, &version, "10:00:00");
        }
        Ok(())
    }),
    Case::new("stale", "the first read after the event is stale", |play, rig| {
        rig.aws.table().lag(&play.case.remote());
        let version = play.change(rig, LAST);
        play.peer.receive(
            &put_event(&play.case.remote(), &version, "10:00:00"),
            &play.case.key(),
            "before",
        );
        play.native(rig, &version);
        Ok(())
    }),
    Case::new("killed", "the process ends when it has received the message", |play, rig| {
        // The reloader has deleted the message by then. Here it comes again.
        drop(rig.session.take_controller()?);
        let version = play.change(rig, LAST);
        play.native(rig, &version);
        play.changed = Instant::now();
        rig.session.start_controller()
    }),
];

impl Play<'_> {
    /// Changes the value in AWS. Returns the id of the version.
    fn change(&self, rig: &Rig, value: &str) -> String {
        rig.aws.table().put(&self.case.remote(), value)
    }

    /// The event of AWS that needs no trail.
    fn native(&mut self, rig: &Rig, version: &str) {
        let name = self.case.remote();
        self.send(rig, &label_updated(&arn(&name), &name, "AWSCURRENT", version));
    }

    /// The record of `CloudTrail` about a new version.
    fn put(&mut self, rig: &Rig, id: &str, version: &str, time: &str) {
        self.send(rig, &put_event(id, version, time));
    }

    /// Puts the message into the queue of both.
    fn send(&mut self, rig: &Rig, message: &Value) {
        let current = rig.aws.table().current(&self.case.remote());
        self.peer.receive(message, &self.case.key(), &current);
        self.changed = Instant::now();
        rig.aws.queue().send(message.to_string());
    }
}

fn put_event(id: &str, version: &str, time: &str) -> Value {
    let mut event = trail("PutSecretValue", id);
    event["detail"]["requestParameters"]["clientRequestToken"] = json!(version);
    event["detail"]["responseElements"] = Value::Null;
    event["detail"]["eventTime"] = json!(format!("2026-11-30T{time}Z"));
    event
}
