use std::collections::VecDeque;

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value as Json, json};
use tower_test::mock;

use super::*;
use crate::{runtime::mac::MacKey, target::desired::DesiredSecret};

/// An API server that gives these answers, and returns what it was asked.
fn writer(answers: Vec<(u16, Json)>) -> (Writer, tokio::task::JoinHandle<Vec<String>>) {
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    let mut answers = VecDeque::from(answers);
    let requests = tokio::spawn(async move {
        let mut requests = Vec::new();
        while let Some((code, body)) = answers.pop_front() {
            let (request, response) = handle.next_request().await.expect("a request");
            let (parts, request_body) = request.into_parts();
            let text = request_body.collect_bytes().await.expect("the body of a request");
            requests.push(format!("{} {}", parts.method, String::from_utf8_lossy(&text)));
            let body = if code < 300 { body } else { json!({ "code": code, "reason": body }) };
            let body = Body::from(serde_json::to_vec(&body).expect("JSON"));
            response.send_response(Response::builder().status(code).body(body).expect("an answer"));
        }
        requests
    });
    let mac_key = Arc::new(MacKey::from_bytes(&[1; MacKey::BYTES]).expect("a key"));
    let client = Client::new(service, "default");
    (Writer::new(client, Arc::new(SecretIndex::new(mac_key))), requests)
}

fn key() -> ObjectKey {
    ObjectKey { namespace: "n".into(), name: "s".into() }
}

fn secret(owner_uid: &str) -> Json {
    json!({
        "metadata": { "namespace": "n", "name": "s", "uid": "x", "resourceVersion": "7",
                      "ownerReferences": [{ "apiVersion": "a/v1", "kind": "K", "name": "k",
                                            "uid": owner_uid, "controller": true }] },
        "type": "Opaque",
    })
}

fn target() -> DesiredSecret {
    DesiredSecret {
        key: key(),
        owner_uid: "u1".into(),
        owner: None,
        type_: "Opaque".into(),
        immutable: false,
        labels: [("l".to_owned(), "1".to_owned())].into(),
        annotations: [].into(),
        data: [].into(),
        random: None,
    }
}

#[tokio::test]
async fn deletion_is_guarded_by_uid_and_resource_version() {
    let (writer, requests) = writer(vec![(200, secret("u1")), (200, json!({}))]);
    assert_eq!(writer.delete(&key(), "u1").await.unwrap(), Deletion::Deleted);
    let requests = requests.await.unwrap();
    assert_eq!(requests[0], "GET ");
    let body: Json = serde_json::from_str(requests[1].strip_prefix("DELETE ").unwrap()).unwrap();
    assert_eq!(body["preconditions"], json!({ "uid": "x", "resourceVersion": "7" }));
}

#[tokio::test]
async fn secret_of_another_owner_is_not_deleted() {
    let (writer, requests) = writer(vec![(200, secret("u2"))]);
    assert_eq!(writer.delete(&key(), "u1").await.unwrap(), Deletion::NotOwned);
    assert_eq!(requests.await.unwrap(), ["GET "]);
}

#[tokio::test]
async fn missing_secret_is_not_deleted() {
    let (first, requests) = writer(vec![(404, json!("NotFound"))]);
    assert_eq!(first.delete(&key(), "u1").await.unwrap(), Deletion::Missing);
    assert_eq!(requests.await.unwrap(), ["GET "]);
    let (second, _requests) = writer(vec![(200, secret("u1")), (404, json!("NotFound"))]);
    assert_eq!(second.delete(&key(), "u1").await.unwrap(), Deletion::Missing);
}

#[tokio::test]
async fn secret_that_changed_since_it_was_read_is_not_deleted() {
    let (writer, _requests) = writer(vec![(200, secret("u1")), (409, json!("Conflict"))]);
    assert_eq!(writer.delete(&key(), "u1").await.unwrap_err().reason, Reason::Conflict);
}

#[tokio::test]
async fn unindexed_secret_that_exists_is_read_and_patched_under_guards() {
    let (writer, requests) =
        writer(vec![(409, json!("AlreadyExists")), (200, secret("u1")), (200, secret("u1"))]);
    assert_eq!(writer.apply(&target()).await.unwrap().0, Applied::Updated);
    let requests = requests.await.unwrap();
    assert!(requests[0].starts_with("POST "), "{requests:?}");
    assert_eq!(requests[1], "GET ");
    let patch: Json = serde_json::from_str(requests[2].strip_prefix("PATCH ").unwrap()).unwrap();
    assert_eq!(
        (&patch["metadata"]["uid"], &patch["metadata"]["resourceVersion"]),
        (&json!("x"), &json!("7"))
    );
}

#[tokio::test]
async fn refused_secret_is_not_written() {
    let (writer, requests) = writer(vec![(409, json!("AlreadyExists")), (200, secret("u2"))]);
    match writer.apply(&target()).await.unwrap_err() {
        ApplyError::Refused(Refusal::ControlledBy { controller, .. }) => {
            assert_eq!(controller.to_string(), "K/k");
        }
        error => panic!("{error:?}"),
    }
    assert_eq!(requests.await.unwrap().len(), 2);
}

#[tokio::test]
async fn indexed_secret_that_vanished_is_not_created_at_once() {
    let (writer, requests) = writer(vec![(404, json!("NotFound"))]);
    writer.index.upsert(&serde_json::from_value(secret("u1")).unwrap());
    assert!(matches!(writer.apply(&target()).await.unwrap_err(), ApplyError::Vanished));
    assert!(!writer.index.contains(&key()), "the next attempt creates it");
    assert_eq!(requests.await.unwrap(), ["GET "]);
}
