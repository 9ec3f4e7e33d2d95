//! Changes are found by lists and descriptions of versions: no value is read, and nothing is written, while
//! nothing changes.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::ParameterType;
use e2e::aws::{Aws, Fault};
use e2e::controller::Controller;
use serde_json::{Value, json};

use super::support::{
    Faulty, change, external, faulty_store, force, rig, secret, value, wait_ready, wait_value,
};
use crate::support::{Api, Kind, condition, eventually, text};

/// Values that happen to be read as the proof of the day.
const MAX_DAILY_READS: usize = 3;

/// An AWS, and a controller that uses lists for any interval.
fn sweeping(class: &str) -> Faulty {
    let aws = Aws::start().unwrap();
    let flags = [&format!("--controller-class={class}"), "--min-list-interval=1s"];
    let controller: Controller = rig().cluster.controller_with(&aws, &flags).unwrap();
    Faulty { aws, controller, class: class.to_owned() }
}

/// Waits until the store has this reason in `VersionChecks`, with these words, and the metric says the same.
async fn wait_checks(api: &Api, rig: &Faulty, ns: &str, reason: &str, words: &str) {
    let has = |store: &Value| {
        condition(store, "VersionChecks").is_some_and(|checks| {
            checks["reason"] == reason && text(&checks["message"]).contains(words)
        })
    };
    api.wait(Kind::SecretStore, ns, "aws", has).await;
    let metric = "mtk_controller_external_store_version_checks";
    let metric = format!("{metric}{{name=\"aws\",namespace=\"{ns}\"}}");
    let expected = if reason == "Allowed" { 1.0 } else { 0.0 };
    let metrics = rig.controller.metrics().unwrap();
    assert_eq!(metrics.get(&metric), Some(&expected), "{metrics:?}");
}

/// Creates so many secrets, and an object with a short interval for each.
async fn many(api: &Api, rig: &Faulty, ns: &str, count: usize) {
    many_in(api, rig, ns, count, json!({})).await;
}

/// The same in a store with these settings.
async fn many_in(api: &Api, rig: &Faulty, ns: &str, count: usize, more: Value) {
    faulty_store(api, rig, ns, more).await;
    for number in 0..count {
        secret(&rig.aws, &format!("{ns}/{number}"), "1", &[]).await;
        let mut object = external(ns, &format!("s{number}"), &[("A", &format!("{ns}/{number}"))]);
        object["spec"]["refreshInterval"] = json!("4s");
        api.create(Kind::ExternalSecret, object).await;
    }
    for number in 0..count {
        wait_ready(api, ns, &format!("s{number}"), "True").await;
    }
}

fn count(counts: &BTreeMap<String, usize>, operations: &[&str]) -> usize {
    operations.iter().filter_map(|operation| counts.get(*operation)).sum()
}

const READS: [&str; 2] = ["GetSecretValue", "BatchGetSecretValue"];

/// Waits for so many more pages of lists.
async fn wait_lists(aws: &Aws, more: usize) {
    wait_requests(aws, "ListSecrets", more).await;
}

/// Waits for so many more requests.
async fn wait_requests(aws: &Aws, operation: &str, more: usize) {
    let first = count(&aws.counts(), &[operation]);
    eventually(operation, async || {
        (count(&aws.counts(), &[operation]) >= first + more).then_some(())
    })
    .await;
}

fn writes(ns: &str) -> usize {
    let writes = rig().cluster.writes().unwrap();
    writes.iter().filter(|write| write.namespace == ns).count()
}

#[tokio::test]
async fn unchanged_values_are_listed_and_a_changed_one_is_read() {
    let api = rig().api().await;
    let ns = "external-sweeps";
    let sweeping = sweeping(ns);
    many(&api, &sweeping, ns, 40).await;
    let aws = &sweeping.aws;
    wait_checks(&api, &sweeping, ns, "Allowed", "without reading").await;
    wait_lists(aws, 2).await;
    let (reads, writes_before) = (count(&aws.counts(), &READS), writes(ns));
    wait_lists(aws, 3).await;
    let more = count(&aws.counts(), &READS) - reads;
    assert!(more <= MAX_DAILY_READS, "{more} reads of unchanged values");
    assert_eq!(writes(ns), writes_before);

    let proofs = sweeping.controller.metrics().unwrap();
    let age =
        proofs[&format!("mtk_controller_external_oldest_proof_age_seconds{{namespace=\"{ns}\"}}")];
    assert!(age <= 15.0, "a list proved all of them: {age}");
    let object = api.get(Kind::ExternalSecret, ns, "s7").await.unwrap();
    assert_eq!(
        object["status"]["provedTime"], object["status"]["refreshTime"],
        "both are written together"
    );

    change(aws, "external-sweeps/7", "2").await;
    wait_value(&api, ns, "s7", "A", "2").await;
    let more = count(&aws.counts(), &READS) - reads;
    assert!((1..=1 + MAX_DAILY_READS).contains(&more), "{more} reads of one changed value");
}

/// Fault F14: a list that does not have a secret proves nothing about it.
#[tokio::test]
async fn value_that_no_list_has_is_read() {
    let api = rig().api().await;
    let ns = "external-unlisted";
    let sweeping = sweeping(ns);
    many(&api, &sweeping, ns, 3).await;
    sweeping.aws.faults().add(Fault::Unlisted("external-unlisted/1".into()));
    wait_lists(&sweeping.aws, 1).await;
    change(&sweeping.aws, "external-unlisted/1", "2").await;
    wait_value(&api, ns, "s1", "A", "2").await;
    // It is in no list, so that a deletion is seen by a read too.
    let deleted = sweeping.aws.secrets().delete_secret().secret_id("external-unlisted/1");
    deleted.send().await.unwrap();
    wait_ready(&api, ns, "s1", "False").await;
    let kept = api.secret(ns, "s1").await.unwrap();
    assert_eq!(value(&kept, "A").as_deref(), Some("2"), "the last good value stays");
    let restored = sweeping.aws.secrets().restore_secret().secret_id("external-unlisted/1");
    restored.send().await.unwrap();
    wait_ready(&api, ns, "s1", "True").await;
}

/// A role without the permission for lists works as before.
#[tokio::test]
async fn denied_list_is_asked_for_once() {
    let api = rig().api().await;
    let ns = "external-unlistable";
    let sweeping = sweeping(ns);
    sweeping.aws.faults().add(Fault::Denied("ListSecrets"));
    many(&api, &sweeping, ns, 3).await;
    change(&sweeping.aws, "external-unlistable/1", "2").await;
    wait_value(&api, ns, "s1", "A", "2").await;
    change(&sweeping.aws, "external-unlistable/1", "3").await;
    wait_value(&api, ns, "s1", "A", "3").await;
    assert_eq!(count(&sweeping.aws.counts(), &["ListSecrets"]), 1);
    wait_checks(&api, &sweeping, ns, "AccessDenied", "secretsmanager:ListSecrets").await;
}

/// Puts a parameter there, and overwrites it if it exists.
async fn put(aws: &Aws, name: &str, value: &str) {
    let put = aws.parameters().put_parameter().name(name).value(value).overwrite(true);
    put.r#type(ParameterType::SecureString).send().await.unwrap();
}

/// Creates so many parameters, and an object with a short interval for each.
async fn many_parameters(api: &Api, rig: &Faulty, ns: &str, count: usize) {
    faulty_store(api, rig, ns, json!({ "service": "ParameterStore" })).await;
    for number in 0..count {
        put(&rig.aws, &format!("/{ns}/{number}"), "1").await;
        let mut object = external(ns, &format!("s{number}"), &[("A", &format!("/{ns}/{number}"))]);
        object["spec"]["refreshInterval"] = json!("4s");
        api.create(Kind::ExternalSecret, object).await;
    }
    for number in 0..count {
        wait_ready(api, ns, &format!("s{number}"), "True").await;
    }
}

const PARAMETER_READS: [&str; 2] = ["GetParameter", "GetParameters"];

/// Versions are described in batches, and a parameter that is created again is read, although it has the same
/// version.
#[tokio::test]
async fn unchanged_parameters_are_described_and_a_changed_one_is_read() {
    let api = rig().api().await;
    let ns = "external-described";
    let sweeping = sweeping(ns);
    many_parameters(&api, &sweeping, ns, 20).await;
    let aws = &sweeping.aws;
    wait_checks(&api, &sweeping, ns, "Allowed", "without reading").await;
    wait_requests(aws, "DescribeParameters", 4).await;
    let (reads, writes_before) = (count(&aws.counts(), &PARAMETER_READS), writes(ns));
    wait_requests(aws, "DescribeParameters", 6).await;
    let more = count(&aws.counts(), &PARAMETER_READS) - reads;
    assert!(more <= MAX_DAILY_READS, "{more} reads of unchanged parameters");
    assert_eq!(writes(ns), writes_before);

    put(aws, "/external-described/7", "2").await;
    wait_value(&api, ns, "s7", "A", "2").await;
    let parameters = aws.parameters();
    parameters.delete_parameter().name("/external-described/8").send().await.unwrap();
    put(aws, "/external-described/8", "3").await;
    wait_value(&api, ns, "s8", "A", "3").await;
    let more = count(&aws.counts(), &PARAMETER_READS) - reads;
    assert!((2..=4 + MAX_DAILY_READS).contains(&more), "{more} reads of two changed parameters");
}

/// A role without the permission for descriptions works as before.
#[tokio::test]
async fn denied_description_is_asked_for_once() {
    let api = rig().api().await;
    let ns = "external-indescribable";
    let sweeping = sweeping(ns);
    sweeping.aws.faults().add(Fault::Denied("DescribeParameters"));
    many_parameters(&api, &sweeping, ns, 3).await;
    for value in ["2", "3"] {
        put(&sweeping.aws, "/external-indescribable/1", value).await;
        wait_value(&api, ns, "s1", "A", value).await;
    }
    assert_eq!(count(&sweeping.aws.counts(), &["DescribeParameters"]), 1);
    wait_checks(&api, &sweeping, ns, "AccessDenied", "ssm:DescribeParameters").await;
}

/// Reads in the place of lists would be throttled too.
#[tokio::test]
async fn throttled_lists_are_reported_until_they_work() {
    let api = rig().api().await;
    let ns = "external-throttled-lists";
    let sweeping = sweeping(ns);
    many(&api, &sweeping, ns, 3).await;
    wait_checks(&api, &sweeping, ns, "Allowed", "without reading").await;
    sweeping.aws.faults().add(Fault::Throttled("ListSecrets", usize::MAX));
    wait_checks(&api, &sweeping, ns, "Throttled", "secretsmanager:ListSecrets").await;
    sweeping.aws.faults().clear();
    wait_checks(&api, &sweeping, ns, "Allowed", "without reading").await;
}

/// A single value whose interval is shorter than the lag of lists is described: that costs as much as a read,
/// and neither AWS nor the controller decrypts the value.
#[tokio::test]
async fn single_value_with_a_short_interval_is_described() {
    let api = rig().api().await;
    let ns = "external-single";
    let aws = Aws::start().unwrap();
    let controller =
        rig().cluster.controller_with(&aws, &[&format!("--controller-class={ns}")]).unwrap();
    let rig = Faulty { aws, controller, class: ns.to_owned() };
    many(&api, &rig, ns, 1).await;
    let reads = count(&rig.aws.counts(), &READS);
    wait_requests(&rig.aws, "DescribeSecret", 4).await;
    assert!(count(&rig.aws.counts(), &READS) - reads <= 1, "the proof of the day");
    change(&rig.aws, "external-single/0", "2").await;
    wait_value(&api, ns, "s0", "A", "2").await;
    assert_eq!(count(&rig.aws.counts(), &["ListSecrets"]), 0);
    let deleted = rig.aws.secrets().delete_secret().secret_id("external-single/0");
    deleted.send().await.unwrap();
    wait_ready(&api, ns, "s0", "False").await;
}

/// Fault F14: the value was read because of an event or a change of the object, and lists show the old version.
#[tokio::test]
async fn list_that_lags_undoes_no_change() {
    let api = rig().api().await;
    let ns = "external-lagging";
    let sweeping = sweeping(ns);
    many(&api, &sweeping, ns, 3).await;
    let (aws, name) = (&sweeping.aws, "external-lagging/1");
    let read = aws.secrets().get_secret_value().secret_id(name).send().await.unwrap();
    aws.faults().add(Fault::Lagging(name.to_owned(), read.version_id.unwrap()));
    change(aws, name, "2").await;
    force(&api, ns, "s1").await;
    wait_value(&api, ns, "s1", "A", "2").await;
    // The status of the store says once that lists work.
    wait_checks(&api, &sweeping, ns, "Allowed", "without reading").await;
    wait_lists(aws, 1).await;
    let written = writes(ns);
    wait_lists(aws, 3).await;
    assert_eq!(value(&api.secret(ns, "s1").await.unwrap(), "A").as_deref(), Some("2"));
    assert_eq!(writes(ns), written);
    // Once lists are up to date, nothing is read any more.
    aws.faults().clear();
    wait_lists(aws, 2).await;
    let reads = count(&aws.counts(), &READS);
    wait_lists(aws, 2).await;
    let more = count(&aws.counts(), &READS) - reads;
    assert!(more <= MAX_DAILY_READS, "{more} reads of unchanged values");
}

/// Fault F15: the list continues with new credentials.
#[tokio::test]
async fn credentials_that_expire_in_a_sweep_are_renewed() {
    let api = rig().api().await;
    let ns = "external-sweep-expired";
    let sweeping = sweeping(ns);
    let role = json!({ "role": "arn:aws:iam::123456789012:role/reader" });
    many_in(&api, &sweeping, ns, 3, role).await;
    let aws = &sweeping.aws;
    wait_lists(aws, 1).await;
    let sessions = count(&aws.counts(), &["AssumeRole"]);
    aws.faults().add(Fault::ExpiredFor("ListSecrets", 1));
    wait_lists(aws, 2).await;
    assert_eq!(count(&aws.counts(), &["AssumeRole"]), sessions + 1);
    change(aws, "external-sweep-expired/1", "2").await;
    wait_value(&api, ns, "s1", "A", "2").await;
    let object = wait_ready(&api, ns, "s1", "True").await;
    assert!(condition(&object, "Explained").is_none(), "{}", object["status"]);
}
