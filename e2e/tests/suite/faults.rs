//! Invalid and hostile objects.

use std::fs;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sealing::{KeyOptions, Scope, SealingKey};
use serde_json::{Value, json};

use crate::support::{Api, Key, Kind, Private, data, private, sealed, shared};

/// Fault F8.
#[tokio::test]
async fn hostile_objects_do_not_delay_other_objects() {
    let api = shared().api().await;
    let ns = api.namespace("faults-hostile").await;
    let unknown = unknown_key().seal(Scope::Strict, &ns, "many", "1");
    let mut many = sealed(&ns, "many", &[]);
    for n in 0..1000 {
        many["spec"]["encryptedData"][format!("K{n}")] = json!(unknown);
    }
    for n in 0..5 {
        many["metadata"]["name"] = json!(format!("many{n}"));
        api.apply(Kind::SealedSecret, &many).await;
    }
    for (n, item) in ["", "AA==", "//8=", "%", "AQA="].iter().enumerate() {
        let mut object = sealed(&ns, &format!("malformed{n}"), &[]);
        object["spec"]["encryptedData"] = json!({ "A": item });
        api.apply(Kind::SealedSecret, &object).await;
    }

    for n in 0..5 {
        let name = format!("fresh{n}");
        let applied = Instant::now();
        api.apply(Kind::SealedSecret, &sealed(&ns, &name, &[("A", "1"), ("B", "2")])).await;
        api.wait_ready(&ns, &name).await;
        let took = applied.elapsed();
        assert!(took < Duration::from_secs(5), "{name} took {took:?}");
        assert_eq!(data(&api.secret(&ns, &name).await.unwrap()), ["A=1", "B=2"]);
    }
    for n in 0..5 {
        let many = api.wait_reason(&ns, &format!("many{n}"), "UnknownKey").await;
        let status = many["status"].to_string();
        assert!(status.contains("997 more were not tried"), "{status}");
        api.wait_reason(&ns, &format!("malformed{n}"), "Malformed").await;
    }
}

#[tokio::test]
async fn rejected_secret_is_reported_with_its_invalid_fields() {
    let api = shared().api().await;
    let ns = api.namespace("faults-invalid").await;
    let mut object = sealed(&ns, "s", &[("A", "1")]);
    object["spec"]["template"] = json!({ "type": "kubernetes.io/tls" });
    api.apply(Kind::SealedSecret, &object).await;
    let failed = api.wait_reason(&ns, "s", "InvalidSecret").await;
    let message = message(&failed);
    assert!(message.contains("data[tls.crt]"), "{message}");
    assert!(message.contains("data[tls.key]"), "{message}");
}

/// Go accepts dates of the whole year 9999. The objects arrive in a list and in an event.
#[tokio::test]
async fn object_with_a_date_of_the_year_9999_stops_no_list_and_no_watch() {
    let private = private().await;
    let (cluster, api) = (private.cluster(), private.api().await);
    let ns = api.namespace("faults-dates").await;
    create_with_a_late_date(&private, &api, &ns, "listed").await;
    let controller = cluster.controller(&[]).unwrap();
    create_with_a_late_date(&private, &api, &ns, "watched").await;
    api.create(Kind::SealedSecret, sealed(&ns, "good", &[("A", "1")])).await;
    // It is sealed for another key: the status shows that the controller has read it.
    api.wait_reason(&ns, "good", "UnknownKey").await;
    let log = controller.log().unwrap();
    for name in ["listed", "watched"] {
        let object = format!("{ns}/{name}");
        let named = |line: &str| line.contains(&object) && line.contains("cannot be decoded");
        assert!(log.lines().any(named), "{object}: {log}");
    }
    // A client of the tests decodes objects as strictly as the controller.
    private.kubectl(&["delete", "sealedsecrets", "--all", "--namespace", &ns]);
}

async fn create_with_a_late_date(private: &Private, api: &Api, namespace: &str, name: &str) {
    let mut object = api.create(Kind::SealedSecret, sealed(namespace, name, &[("A", "1")])).await;
    // A creation or a change would take the fields from their owner, and thereby remove the date.
    object["metadata"]["managedFields"] = json!([{
        "manager": "another", "operation": "Update", "time": "9999-12-31T23:59:59Z",
        "apiVersion": "bitnami.com/v1alpha1", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:spec": { "f:encryptedData": { "f:A": {} } } },
    }]);
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let file = private.cluster().plane().directory().join(format!("{name}.json"));
    fs::write(&file, object.to_string()).unwrap();
    private.kubectl(&["replace", "--filename", file.to_str().unwrap()]);
    let path = "jsonpath={.metadata.managedFields[*].time}";
    let get = ["get", "sealedsecret", name, "--namespace", namespace, "--output", path];
    let dates = private.kubectl(&get);
    assert!(dates.contains("9999-12-31"), "{dates}");
}

/// A SealedSecret must not create a sealing key: others would seal with it.
#[tokio::test]
async fn sealed_secret_cannot_create_a_controller_key() {
    let api = shared().api().await;
    let ns = e2e::cluster::NAMESPACE;
    let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
    let mut key = sealed(ns, "evil", &[("A", "1")]);
    key["spec"]["template"] = json!({ "metadata": { "labels": { label: "active" } } });
    api.apply(Kind::SealedSecret, &key).await;
    api.apply(Kind::SealedSecret, &sealed(ns, "sealed-secrets-keyevil", &[("A", "1")])).await;
    for name in ["evil", "sealed-secrets-keyevil"] {
        api.wait_reason(ns, name, "TypeDenied").await;
        assert_eq!(api.secret(ns, name).await, None);
        api.delete(Kind::SealedSecret, ns, name).await;
    }
}

fn message(object: &Value) -> String {
    crate::support::condition(object, "Ready").unwrap()["message"].to_string()
}

fn unknown_key() -> Key {
    let key = SealingKey::generate(&KeyOptions {
        bits: 2048,
        common_name: String::new(),
        not_before: Timestamp::now(),
        lifetime: SignedDuration::from_hours(1),
    })
    .unwrap();
    Key::from_pem(&key.certificate().unwrap().to_pem())
}
