//! Changes are found by lists of versions: no value is read, and nothing is written, while nothing changes.

use std::collections::BTreeMap;

use e2e::aws::{Aws, Fault};
use e2e::controller::Controller;
use serde_json::json;

use super::support::{
    Faulty, change, external, faulty_store, rig, secret, value, wait_ready, wait_value,
};
use crate::support::{Api, eventually};

/// Values that happen to be read as the proof of the day.
const MAX_DAILY_READS: usize = 3;

/// An AWS, and a controller that uses lists for any interval.
fn sweeping(class: &str) -> Faulty {
    let aws = Aws::start().unwrap();
    let flags = [&format!("--controller-class={class}"), "--min-list-interval=1s"];
    let controller: Controller = rig().cluster.controller_with(&aws, &flags).unwrap();
    Faulty { aws, controller, class: class.to_owned() }
}

/// Creates so many secrets, and an object with a short interval for each.
async fn many(api: &Api, rig: &Faulty, ns: &str, count: usize) {
    faulty_store(api, rig, ns, json!({})).await;
    for number in 0..count {
        secret(&rig.aws, &format!("{ns}/{number}"), "1", &[]).await;
        let mut object = external(ns, &format!("s{number}"), &[("A", &format!("{ns}/{number}"))]);
        object["spec"]["refreshInterval"] = json!("4s");
        api.create(crate::support::Kind::ExternalSecret, object).await;
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
    let first = count(&aws.counts(), &["ListSecrets"]);
    eventually("lists of versions", async || {
        (count(&aws.counts(), &["ListSecrets"]) >= first + more).then_some(())
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
    wait_lists(aws, 2).await;
    let (reads, writes_before) = (count(&aws.counts(), &READS), writes(ns));
    wait_lists(aws, 3).await;
    let more = count(&aws.counts(), &READS) - reads;
    assert!(more <= MAX_DAILY_READS, "{more} reads of unchanged values");
    assert_eq!(writes(ns), writes_before);

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
}
