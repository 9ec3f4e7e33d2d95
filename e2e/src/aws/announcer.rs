//! Which changes AWS announces, and how its events arrive: once as a rule, but also late, twice, in another order,
//! or not at all.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use crate::events::{label_updated, parameter_changed, trail};

/// How the events of the next changes arrive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Delivery {
    /// At once, as a rule.
    #[default]
    Once,
    /// After this time.
    Late(Duration),
    /// Two times.
    Twice,
    /// After those of the next change that is delivered otherwise.
    Held,
    /// Not at all.
    Lost,
}

/// Announces the changes that pass the proxy.
#[derive(Debug, Default)]
pub struct Announcer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    queue: Option<String>,
    delivery: Delivery,
    held: Vec<Value>,
}

/// Messages for a queue.
pub(super) struct Messages {
    pub(super) queue: String,
    pub(super) events: Vec<Value>,
    pub(super) delay: Duration,
}

impl Announcer {
    /// Announces changes in the queue with this URL.
    pub fn announce_to(&self, queue: &str) {
        self.lock().queue = Some(queue.to_owned());
    }

    /// Delivers the events of later changes in this way.
    pub fn deliver(&self, delivery: Delivery) {
        self.lock().delivery = delivery;
    }

    /// The messages to send because of an operation that succeeded.
    pub(super) fn messages(
        &self,
        operation: &str,
        request: &Value,
        answer: &Value,
    ) -> Option<Messages> {
        let mut events = events(operation, request, answer);
        let mut state = self.lock();
        let queue = state.queue.clone().filter(|_| !events.is_empty())?;
        let mut delay = Duration::ZERO;
        match state.delivery {
            Delivery::Once => {}
            Delivery::Late(time) => delay = time,
            Delivery::Twice => events.extend(events.clone()),
            Delivery::Held => state.held.append(&mut events),
            Delivery::Lost => events.clear(),
        }
        if !events.is_empty() {
            events.append(&mut state.held);
        }
        Some(Messages { queue, events, delay })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

fn events(operation: &str, request: &Value, answer: &Value) -> Vec<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&answer["Name"]);
    let updated = |label: &str, version: &Value| {
        label_updated(&text(&answer["ARN"]), &name, label, &text(version))
    };
    // AWS announces every label but these two.
    let is_announced = |label: &str| !["AWSPENDING", "AWSPREVIOUS"].contains(&label);
    match operation {
        "CreateSecret" | "UpdateSecret" if answer["VersionId"].is_string() => {
            vec![updated("AWSCURRENT", &answer["VersionId"])]
        }
        "PutSecretValue" => {
            let labels = answer["VersionStages"].as_array().into_iter().flatten();
            let labels = labels.filter_map(Value::as_str).filter(|label| is_announced(label));
            labels.map(|label| updated(label, &answer["VersionId"])).collect()
        }
        "UpdateSecretVersionStage" => {
            let label = text(&request["VersionStage"]);
            let moved = Some(&request["MoveToVersionId"]).filter(|_| is_announced(&label));
            moved.map(|version| updated(&label, version)).into_iter().collect()
        }
        "DeleteSecret" | "RestoreSecret" => vec![trail(operation, &name)],
        "PutParameter" => vec![parameter_changed("Update", &text(&request["Name"]))],
        "DeleteParameter" => vec![parameter_changed("Delete", &text(&request["Name"]))],
        _ => vec![],
    }
}
