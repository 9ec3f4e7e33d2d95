//! Watches against an API server in this process, with an object that no type decodes.

use std::fmt::Debug;

use crds::{ClusterSecretStore, ExternalSecret, SealedSecret, SecretStore};
use http::{Request, Response};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Resource, client::Body, core::PartialObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_test::mock;

use super::api::{response, status};
use crate::{
    key::ObjectKey,
    restart::{kind::WorkloadKind, workload::WorkloadObject},
    runtime::{Lenient, SecretObject, Watch, WatchEvent},
};

/// An object that the type of every kind decodes.
fn object(name: &str, version: u32) -> Value {
    json!({
        "metadata": { "namespace": "n", "name": name, "uid": name,
                      "resourceVersion": version.to_string() },
        "spec": { "encryptedData": {}, "provider": {} },
    })
}

/// Go accepts dates up to the last second of 9999.
fn undecodable(name: &str, version: u32) -> Value {
    let mut object = object(name, version);
    object["metadata"]["managedFields"] =
        json!([{ "manager": "kubectl", "time": "9999-12-31T23:59:59Z" }]);
    object
}

fn event(of: &str, object: &Value) -> Value {
    json!({ "type": of, "object": object })
}

fn events(events: &[Value]) -> Response<Body> {
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    Response::new(Body::from(lines.join("\n").into_bytes()))
}

/// A server that lists in pages or in a stream, and then reports a change of each object.
fn server(streams: bool) -> Client {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let list = [undecodable("bad", 1), object("good", 2)];
            let changes = [
                event("MODIFIED", &undecodable("bad", 4)),
                event("MODIFIED", &object("changed", 5)),
                event("DELETED", &undecodable("bad", 6)),
            ];
            let end = json!({ "kind": "x", "apiVersion": "v1", "metadata": {
                "resourceVersion": "3", "annotations": { "k8s.io/initial-events-end": "true" } } });
            if query.contains("sendInitialEvents") && streams {
                let listed = list.iter().map(|object| event("ADDED", object));
                let all: Vec<_> = listed.chain([event("BOOKMARK", &end)]).chain(changes).collect();
                answer.send_response(events(&all));
            } else if query.contains("sendInitialEvents") {
                answer.send_response(status(422));
            } else if query.contains("resourceVersion=3") {
                answer.send_response(events(&changes));
            } else if query.contains("watch=true") {
                unanswered.push(answer);
            } else {
                let list = json!({ "metadata": { "resourceVersion": "3" }, "items": list });
                answer.send_response(response(200, &list));
            }
        }
    });
    Client::new(service, "default")
}

/// The events of the watch: names of objects, and the names of a full list.
async fn handed_on<K>(api: Api<Lenient<K>>) -> Vec<String>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let (send, mut events) = mpsc::unbounded_channel();
    let handle = move |event: WatchEvent<K>| {
        let name = match event {
            WatchEvent::Applied { object, .. } => ObjectKey::of(object.meta()).name,
            WatchEvent::Deleted(metadata) => format!("deleted {}", metadata.name.unwrap()),
            WatchEvent::Listed(listed) => {
                format!("list of {}", listed.into_iter().next().unwrap().name)
            }
            WatchEvent::Absent(absence) => absence.to_string(),
        };
        let _ = send.send(name);
    };
    let watch = tokio::spawn(Watch::new(api, "objects").run(handle));
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(events.recv().await.expect("the watch never ends"));
    }
    watch.abort();
    names
}

async fn check<K>(what: &str, api: impl Fn(Client) -> Api<Lenient<K>>)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    for streams in [true, false] {
        let wait = std::time::Duration::from_secs(5);
        let names = tokio::time::timeout(wait, handed_on(api(server(streams)))).await;
        let names = names.unwrap_or_else(|_| panic!("{what}: the watch is stopped ({streams})"));
        assert_eq!(names, ["good", "list of good", "changed", "deleted bad"], "{what} {streams}");
    }
}

#[tokio::test(start_paused = true)]
async fn object_that_cannot_be_decoded_stops_no_watch_of_any_kind() {
    check::<SealedSecret>("SealedSecrets", Api::all).await;
    check::<ExternalSecret>("ExternalSecrets", Api::all).await;
    check::<SecretStore>("SecretStores", Api::all).await;
    check::<ClusterSecretStore>("ClusterSecretStores", Api::all).await;
    check::<SecretObject>("Secrets", Api::all).await;
    check::<PartialObjectMeta<Namespace>>("namespaces", Api::all).await;
    for kind in WorkloadKind::ALL {
        check::<WorkloadObject>(kind.plural(), |client| Api::all_with(client, &kind)).await;
    }
}
