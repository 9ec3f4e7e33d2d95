//! Planned reads: few requests for many objects, also with few permissions.

use std::collections::BTreeMap;

use e2e::aws::{Aws, Fault};
use futures::future::join_all;
use serde_json::json;

use super::support::{
    external, faulty, faulty_store, force, rig, secret, wait_ready, wait_refreshes, wait_value,
};
use crate::support::{Api, Kind, condition, text};

/// Creates this many secrets, and an object for each.
async fn many(api: &Api, aws: &Aws, ns: &str, count: usize) {
    for number in 0..count {
        secret(aws, &format!("{ns}/{number}"), "v", &[]).await;
    }
    let made = (0..count).map(async |number| {
        let name = format!("s{number}");
        let from = format!("{ns}/{number}");
        api.create(Kind::ExternalSecret, external(ns, &name, &[("A", &from)])).await;
        wait_ready(api, ns, &name, "True").await;
    });
    join_all(made).await;
}

fn since(aws: &Aws, before: &BTreeMap<String, usize>, operation: &str) -> usize {
    let count =
        |counts: &BTreeMap<String, usize>| counts.get(operation).copied().unwrap_or_default();
    count(&aws.counts()) - count(before)
}

#[tokio::test]
async fn many_objects_need_few_requests_and_the_store_reports_it() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-batches";
    faulty_store(&api, faulty, ns, json!({ "role": "arn:aws:iam::123456789012:role/reader" }))
        .await;
    let before = faulty.aws.counts();
    many(&api, &faulty.aws, ns, 60).await;
    let batches = since(&faulty.aws, &before, "BatchGetSecretValue");
    let singles = since(&faulty.aws, &before, "GetSecretValue");
    assert!(batches >= 3 && batches + singles <= 12, "{batches} batches, {singles} singles");
    assert_eq!(since(&faulty.aws, &before, "AssumeRole"), 1, "one session for all objects");
    let store =
        api.wait(Kind::SecretStore, ns, "aws", |store| condition(store, "BatchReads").is_some());
    let store = store.await;
    assert_eq!(condition(&store, "BatchReads").unwrap()["status"], "True", "{}", store["status"]);
}

#[tokio::test]
async fn role_without_batches_reads_individually_and_the_store_names_the_action() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-singles";
    faulty.aws.faults().add(Fault::Denied("BatchGetSecretValue"));
    faulty_store(&api, faulty, ns, json!({})).await;
    let before = faulty.aws.counts();
    many(&api, &faulty.aws, ns, 30).await;
    assert_eq!(since(&faulty.aws, &before, "BatchGetSecretValue"), 1, "the probe");
    assert_eq!(since(&faulty.aws, &before, "GetSecretValue"), 30);
    let store =
        api.wait(Kind::SecretStore, ns, "aws", |store| condition(store, "BatchReads").is_some());
    let store = store.await;
    let batches = condition(&store, "BatchReads").unwrap();
    assert_eq!(batches["status"], "False");
    assert!(text(&batches["message"]).contains("secretsmanager:BatchGetSecretValue"), "{batches}");
}

/// AWS denies a whole `GetParameters` because of one parameter that the role may not read.
#[tokio::test]
async fn denied_parameter_is_named_and_does_not_affect_others() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-denied-parameter";
    let name = |last: &str| format!("/{ns}/{last}");
    for last in ["a", "b", "c"] {
        let put = faulty.aws.parameters().put_parameter().name(name(last));
        put.r#type("String".into()).value("1").send().await.unwrap();
    }
    faulty.aws.faults().add(Fault::DeniedItem(name("c")));
    faulty_store(&api, faulty, ns, json!({ "service": "ParameterStore" })).await;
    let (a, b, c) = (name("a"), name("b"), name("c"));
    api.create(Kind::ExternalSecret, external(ns, "may-not", &[("A", &a), ("C", &c)])).await;
    let object = wait_ready(&api, ns, "may-not", "False").await;
    let message = text(&condition(&object, "Explained").unwrap()["message"]);
    assert!(message.contains("ssm:GetParameter on arn:aws:ssm:"), "{message}");
    assert!(message.contains("parameter/external-denied-parameter/c"), "{message}");
    let before = faulty.aws.counts();
    api.create(Kind::ExternalSecret, external(ns, "may", &[("A", &a), ("B", &b)])).await;
    wait_ready(&api, ns, "may", "True").await;
    let store =
        api.wait(Kind::SecretStore, ns, "aws", |store| condition(store, "BatchReads").is_some());
    let store = store.await;
    assert_eq!(condition(&store, "BatchReads").unwrap()["status"], "True", "{}", store["status"]);
    assert!(since(&faulty.aws, &before, "GetParameters") >= 1);
}

/// After stages moved, moto returns the old version in batches. AWS may do the same for a moment.
#[tokio::test]
async fn batched_value_of_another_stage_is_read_individually() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-stages";
    faulty_store(&api, faulty, ns, json!({})).await;
    for name in ["a", "b"] {
        secret(&faulty.aws, &format!("{ns}/{name}"), "old", &[]).await;
    }
    let secrets = faulty.aws.secrets();
    let id = format!("{ns}/a");
    let old = secrets.describe_secret().secret_id(&id).send().await.unwrap();
    let old = old.version_ids_to_stages.unwrap().into_keys().next().unwrap();
    let put = secrets.put_secret_value().secret_id(&id).secret_string("new");
    let new = put.version_stages("AWSPENDING").send().await.unwrap().version_id.unwrap();
    let moved = secrets.update_secret_version_stage().secret_id(&id).version_stage("AWSCURRENT");
    moved.remove_from_version_id(old).move_to_version_id(new).send().await.unwrap();
    let (a, b) = (format!("{ns}/a"), format!("{ns}/b"));
    let object = external(ns, "s", &[("A", &a), ("B", &b)]);
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "new").await;
    wait_value(&api, ns, "s", "B", "old").await;
}

#[tokio::test]
async fn unchanged_value_causes_no_write() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let ns = "external-unchanged";
    faulty_store(&api, faulty, ns, json!({})).await;
    secret(&faulty.aws, "external-unchanged/a", "v", &[]).await;
    let mut object = external(ns, "s", &[("A", "external-unchanged/a")]);
    object["spec"]["refreshInterval"] = json!("2s");
    api.create(Kind::ExternalSecret, object).await;
    let object = wait_ready(&api, ns, "s", "True").await;
    let before = faulty.aws.counts();
    wait_refreshes(&faulty.controller, ns, "s", 3.0).await;
    let looks = since(&faulty.aws, &before, "DescribeSecret");
    assert!(looks >= 2, "the controller asks for its version again");
    let after = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
    let versions = [&object, &after].map(|object| text(&object["metadata"]["resourceVersion"]));
    assert_eq!(versions[0], versions[1]);
    let writes = rig().cluster.writes().unwrap();
    let secrets =
        writes.iter().filter(|write| write.namespace == ns && write.resource == "secrets");
    assert_eq!(secrets.count(), 1, "only the creation");
    force(&api, ns, "s").await;
}
