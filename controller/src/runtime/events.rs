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
use crate::{key::ObjectKey, telemetry::one_line};

/// The API server refuses longer messages.
const MAX_MESSAGE_BYTES: usize = 1024;
/// The namespace of Events about objects without a namespace. Kubernetes refuses any other.
const NAMESPACE_OF_CLUSTER_EVENTS: &str = "default";

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
    /// Publishes an Event on the object that `object` refers to. Without its uid,
    /// `kubectl describe` does not show the Event. If the API server refuses the Event, the
    /// controller logs that and drops the Event.
    pub(crate) async fn publish(
        &self,
        object: ObjectReference,
        action: &str,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        let namespace =
            object.namespace.as_deref().unwrap_or(NAMESPACE_OF_CLUSTER_EVENTS).to_owned();
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
            "message": cut(&one_line(message.to_owned()), MAX_MESSAGE_BYTES),
            "firstTimestamp": rfc3339_seconds(now),
            "lastTimestamp": rfc3339_seconds(now),
            "count": 1,
            "source": { "component": FIELD_MANAGER },
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": cut(&self.instance, 128),
        });
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let event = serde_json::from_value(body).expect("the body is an Event");
        // The leader publishes the Events of a standby.
        if let Err(error) = request(api.create(&PostParams::default(), &event)).await
            && !error.is_namespace_terminating()
            && !error.is_fenced()
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

/// The longest prefix of a text within this many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use crds::{ClusterSecretStore, SecretStore};
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::Value;
    use tower_test::mock;

    use super::*;

    /// The path and the body of the request for an Event.
    async fn published(object: ObjectReference, message: &str) -> (String, Value) {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let client = Client::new(service, "unused");
        let events = EventPublisher { client, instance: "pod".to_owned() };
        let publish = events.publish(object, "Check", Severity::Normal, "Valid", message);
        let serve = async {
            let (request, answer) = handle.next_request().await.unwrap();
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let created = Response::builder().status(201).body(Body::from(body.clone()));
            answer.send_response(created.unwrap());
            (parts.uri.path().to_owned(), serde_json::from_slice(&body).unwrap())
        };
        tokio::join!(publish, serve).1
    }

    #[tokio::test]
    async fn event_about_a_cluster_scoped_object_is_in_the_default_namespace() {
        for (namespace, expected) in [("", "default"), ("team", "team")] {
            let key = ObjectKey { namespace: namespace.into(), name: "aws".into() };
            let object = if namespace.is_empty() {
                reference::<ClusterSecretStore>(&key, "u")
            } else {
                reference::<SecretStore>(&key, "u")
            };
            let (path, body) = published(object, "store validated").await;
            assert_eq!(path, format!("/api/v1/namespaces/{expected}/events"));
            assert_eq!(body["metadata"]["namespace"], expected);
            assert_eq!(body["involvedObject"]["namespace"].as_str().unwrap_or_default(), namespace);
        }
    }

    #[tokio::test]
    async fn message_of_an_event_is_one_line() {
        let key = ObjectKey { namespace: "n".into(), name: "aws".into() };
        let (_, body) = published(reference::<SecretStore>(&key, "u"), "a\nb").await;
        assert_eq!(body["message"], "a\\nb");
    }

    #[test]
    fn long_message_is_cut_between_letters() {
        assert_eq!(cut("abc", 1024), "abc");
        assert_eq!(cut("aéé", 4), "aé");
    }
}
