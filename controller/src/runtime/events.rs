//! Events on custom resources: one for each change of state, not one for each reconcile.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::{Api, Client, Resource, api::PostParams};
use serde_json::json;
use tracing::warn;

use crate::runtime::api::request;

/// `source.component` of our Events.
const COMPONENT: &str = "mtk-controller";
/// The API server takes no more.
const MESSAGE_BYTES: usize = 1024;

/// Whether an Event is good news.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// It is.
    Normal,
    /// It is not.
    Warning,
}

/// Publishes Events. Cheap to clone.
#[derive(Clone)]
pub struct EventPublisher {
    client: Client,
    instance: String,
}

impl EventPublisher {
    /// `instance` is the name of the Pod, for `reportingInstance`.
    pub fn new(client: Client, instance: String) -> Self {
        Self { client, instance }
    }

    /// Writes a core/v1 Event on an object whose items are opened.
    pub async fn publish<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        self.publish_about(object.object_ref(&()), "Unseal", severity, reason, message).await;
    }

    /// Writes a core/v1 Event on what this refers to (with its uid, or `kubectl describe` misses
    /// it). An Event that cannot be written is logged and lost: it reports, and nothing depends on
    /// it.
    pub async fn publish_about(
        &self,
        object: ObjectReference,
        action: &str,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        let namespace = object.namespace.clone().unwrap_or_default();
        let name = object.name.clone().unwrap_or_default();
        let now = Timestamp::now();
        let body = json!({
            "metadata": {
                "namespace": namespace,
                "generateName": format!("{}.", cut(&name, 200)),
            },
            "involvedObject": object,
            "type": match severity {
                Severity::Normal => "Normal",
                Severity::Warning => "Warning",
            },
            "reason": reason,
            "action": action,
            "message": cut(message, MESSAGE_BYTES),
            "firstTimestamp": second(now),
            "lastTimestamp": second(now),
            "count": 1,
            "source": { "component": COMPONENT },
            "reportingComponent": COMPONENT,
            "reportingInstance": cut(&self.instance, 128),
        });
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let event = serde_json::from_value(body).expect("the body is an Event");
        if let Err(error) = request(api.create(&PostParams::default(), &event)).await
            && !error.is_namespace_terminating()
        {
            let failure = error.failure("write an Event");
            warn!(object = %format!("{namespace}/{name}"), %failure, "an Event is lost");
        }
    }
}

fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).expect("a second of a time is a time").to_string()
}

/// The longest head of a text within this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_letters() {
        assert_eq!(cut("abc", 1024), "abc");
        assert_eq!(cut("aéé", 4), "aé");
    }
}
