use std::collections::{BTreeMap, VecDeque};

use crds::external_secret::CreationPolicy;
use http::{Request, Response};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::client::Body;
use serde_json::{Value as Json, json};
use tower_test::mock;

use super::*;
use crate::{
    runtime::{
        mac::MacKey,
        secret::{FINGERPRINT_KEY_SECRET, KEY_LABEL},
    },
    target::{DesiredSecret, ExternalSecretTarget, external::ExternalContent},
};

/// An API server that gives these responses, and returns the requests.
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
    let index = Arc::new(SecretIndex::new(mac_key));
    (Writer::new(client, index, Policy::without_allowed_types()), requests)
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
async fn unindexed_secret_that_vanished_is_not_created_at_once() {
    let (writer, requests) = writer(vec![(409, json!("AlreadyExists")), (404, json!("NotFound"))]);
    assert!(matches!(writer.apply(&target()).await.unwrap_err(), ApplyError::Vanished));
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

/// A Secret that the controller never writes for a user.
struct Denied {
    key: ObjectKey,
    type_: &'static str,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl Denied {
    fn rows() -> Vec<Self> {
        let row = |namespace: &str, name: &str, type_, labels: &[&str], annotations: &[&str]| {
            let map = |keys: &[&str]| keys.iter().map(|k| ((*k).to_owned(), "x".into())).collect();
            let key = ObjectKey { namespace: namespace.into(), name: name.into() };
            Self { key, type_, labels: map(labels), annotations: map(annotations) }
        };
        vec![
            row("n", "s", "kubernetes.io/service-account-token", &[], &[]),
            row("kube-system", "bootstrap-token-abcdef", "bootstrap.kubernetes.io/token", &[], &[]),
            row("n", "sh.helm.release.v1.web.v1", "helm.sh/release.v1", &[], &[]),
            row("kube-system", "brought-by-hand", "kubernetes.io/tls", &[KEY_LABEL], &[]),
            row("kube-system", "sealed-secrets-keyabcde", "Opaque", &[], &[]),
            row("kube-system", FINGERPRINT_KEY_SECRET, "Opaque", &[], &[]),
            row("n", "s", "Opaque", &[], &["kubernetes.io/service-account.name"]),
            row("n", "s", "Opaque", &[], &["kubernetes.io/service-account.uid"]),
        ]
    }

    /// The same name, without the denied fields.
    fn harmless(&self) -> Self {
        let (labels, annotations) = (BTreeMap::new(), BTreeMap::new());
        Self { key: self.key.clone(), type_: "Opaque", labels, annotations }
    }

    /// The existing Secret. All targets own it.
    fn existing(&self) -> Json {
        let ObjectKey { namespace, name } = &self.key;
        json!({
            "metadata": { "namespace": namespace, "name": name, "uid": "x", "resourceVersion": "7",
                          "labels": self.labels, "annotations": self.annotations,
                          "ownerReferences": [owner()] },
            "type": self.type_,
        })
    }

    fn sealed(&self) -> DesiredSecret {
        DesiredSecret {
            key: self.key.clone(),
            type_: self.type_.into(),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            ..target()
        }
    }

    fn external(&self, policy: CreationPolicy) -> ExternalSecretTarget {
        ExternalSecretTarget {
            key: self.key.clone(),
            owner: owner(),
            policy,
            field_manager: "external".into(),
            immutable: false,
            content: ExternalContent {
                type_: Some(self.type_.into()),
                labels: self.labels.clone(),
                annotations: self.annotations.clone(),
                ..ExternalContent::default()
            },
            writes_data_hash: false,
            requires_adopt_annotation: false,
        }
    }
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "external-secrets.io/v1".into(),
        kind: "ExternalSecret".into(),
        name: "e".into(),
        uid: "u1".into(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// Asserts that the writer only reads.
async fn assert_denied(existing: Option<&Json>, target: &impl SecretTarget) {
    let (writer, requests) =
        writer(existing.map(|secret| (200, secret.clone())).into_iter().collect());
    if let Some(existing) = existing {
        writer.index.upsert(&serde_json::from_value(existing.clone()).unwrap());
    }
    match writer.apply(target).await.unwrap_err() {
        ApplyError::Failed(failure) => assert_eq!(failure.reason, Reason::TypeDenied, "{failure}"),
        error => panic!("{}: {error:?}", target.key()),
    }
    assert!(requests.await.unwrap().iter().all(|request| request == "GET "));
}

#[tokio::test]
async fn no_custom_resource_writes_a_denied_secret_or_makes_one_of_another() {
    for row in Denied::rows() {
        let (denied, harmless) = (row.existing(), row.harmless());
        assert_denied(None, &row.sealed()).await;
        assert_denied(Some(&harmless.existing()), &row.sealed()).await;
        assert_denied(
            Some(&denied),
            &DesiredSecret { type_: row.type_.into(), ..harmless.sealed() },
        )
        .await;
        for policy in [
            CreationPolicy::Owner,
            CreationPolicy::Orphan,
            CreationPolicy::Merge,
            CreationPolicy::CreateOrMerge,
        ] {
            if policy != CreationPolicy::Merge {
                assert_denied(None, &row.external(policy)).await;
            }
            assert_denied(Some(&harmless.existing()), &row.external(policy)).await;
            let mut untyped = harmless.external(policy);
            untyped.content.type_ = None;
            assert_denied(Some(&denied), &untyped).await;
        }
    }
}
