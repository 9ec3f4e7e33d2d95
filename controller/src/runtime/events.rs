//! Events on custom resources: one for each change of state, not one for each reconcile.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::{Api, Client, Resource, api::PostParams};
use serde::Serialize;
use serde_json::json;
use tracing::warn;

use super::{
    api::{FIELD_MANAGER, request},
    clock::rfc3339_seconds,
};
use crate::key::ObjectKey;

/// The API server refuses longer messages.
const MAX_MESSAGE_BYTES: usize = 1024;

/// The `type` of an Event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) enum Severity {
    Normal,
    Warning,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventPublisher {
    pub(crate) client: Client,
    /// The name of the Pod, for `reportingInstance`.
    pub(crate) instance: String,
}

impl EventPublisher {
    /// Publishes an Event on what `object` refers to. Without its uid, `kubectl describe` does not
    /// show the Event. If the API server refuses the Event, it is logged and lost.
    pub(crate) async fn publish(
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
            "type": severity,
            "reason": reason,
            "action": action,
            "message": cut(message, MAX_MESSAGE_BYTES),
            "firstTimestamp": rfc3339_seconds(now),
            "lastTimestamp": rfc3339_seconds(now),
            "count": 1,
            "source": { "component": FIELD_MANAGER },
            "reportingComponent": FIELD_MANAGER,
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

/// The reference to an object of which only the key and the uid are known.
pub(crate) fn reference<K: Resource<DynamicType = ()>>(
    key: &ObjectKey,
    uid: &str,
) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: Some(key.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        name: Some(key.name.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

/// The longest head of a text within this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_message_is_cut_between_letters() {
        assert_eq!(cut("abc", 1024), "abc");
        assert_eq!(cut("aéé", 4), "aé");
    }
}
