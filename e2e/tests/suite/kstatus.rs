//! The status of objects as Flux and Helm compute it, with the code that they use.

use std::io::Write as _;
use std::process::{Command, Stdio};

use e2e::aws::Aws;
use e2e::cluster::NAMESPACE;
use e2e::controlplane;
use serde_json::{Value, json};

use crate::external::support::{external, secret, stores, wait_ready};
use crate::external::upstream_crd;
use crate::support::{Api, Kind, key_secret, private, sealed};
use crate::upstream_crd::{bitnamis_crd, wait_for_pruning};

const NAMES: [(Kind, &str); 5] = [
    (Kind::SealedSecret, "fine"),
    (Kind::SealedSecret, "lost"),
    (Kind::ExternalSecret, "made"),
    (Kind::ExternalSecret, "wrong"),
    (Kind::SecretStore, "aws"),
];

#[tokio::test]
async fn tools_wait_until_the_controller_has_looked_and_end_at_a_permanent_failure() {
    let private = private().await;
    let (api, ns) = (private.api().await, "kstatus");
    let aws = Aws::start().unwrap();
    secret(&aws, "kstatus/a", "1", &[]).await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    stores(&api, ns).await;
    create_all(&api, ns).await;
    for (kind, name) in NAMES {
        assert_eq!(status(&api, kind, ns, name).await, "InProgress", "{name} is new");
    }
    let _controller = private.cluster().controller_with(&aws, &[]).unwrap();
    wait_for_all(&api, ns).await;
    for (kind, name) in NAMES {
        let expected = if ["lost", "wrong"].contains(&name) { "Failed" } else { "Current" };
        assert_eq!(status(&api, kind, ns, name).await, expected, "{name}");
    }
}

/// Without a default status, no controller can hold back a new object.
#[tokio::test]
async fn crds_of_the_peers_show_failures_as_far_as_they_allow() {
    let private = private().await;
    let (api, ns) = (private.api().await, "kstatus-upstream");
    let aws = Aws::start().unwrap();
    secret(&aws, "kstatus/a", "1", &[]).await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let crd = api.get(Kind::CustomResourceDefinition, "", upstream_crd::NAME).await.unwrap();
    private.cluster().apply(&upstream_crd::upstream(crd)).unwrap();
    private.cluster().apply(&bitnamis_crd()).unwrap();
    stores(&api, ns).await;
    wait_for_pruning(&api, ns).await;
    upstream_crd::wait_for_explained(&api, ns, false).await;
    create_all(&api, ns).await;
    let _controller = private.cluster().controller_with(&aws, &[]).unwrap();
    wait_for_all(&api, ns).await;
    // External Secrets' CRD accepts no condition that would show that a retry is useless.
    let expected =
        [("fine", "Current"), ("lost", "Failed"), ("made", "Current"), ("wrong", "InProgress")];
    for ((kind, name), (_, expected)) in NAMES.into_iter().zip(expected) {
        assert_eq!(status(&api, kind, ns, name).await, expected, "{name}");
    }
}

async fn create_all(api: &Api, ns: &str) {
    api.apply(Kind::SealedSecret, &sealed(ns, "fine", &[("A", "1")])).await;
    // An item sealed for another name fails like an item sealed for another cluster.
    let mut lost = sealed(ns, "other", &[("A", "1")]);
    lost["metadata"]["name"] = json!("lost");
    api.apply(Kind::SealedSecret, &lost).await;
    api.create(Kind::ExternalSecret, external(ns, "made", &[("A", "kstatus/a")])).await;
    let mut wrong = external(ns, "wrong", &[("A", "kstatus/a")]);
    wrong["spec"]["target"] = json!({ "template": { "data": { "B": "{{ if }}" } } });
    api.create(Kind::ExternalSecret, wrong).await;
}

async fn wait_for_all(api: &Api, ns: &str) {
    api.wait_ready(ns, "fine").await;
    api.wait_reason(ns, "lost", "UnknownKey").await;
    wait_ready(api, ns, "made", "True").await;
    wait_ready(api, ns, "wrong", "False").await;
}

async fn status(api: &Api, kind: Kind, ns: &str, name: &str) -> String {
    compute(&api.get(kind, ns, name).await.unwrap())
}

fn compute(object: &Value) -> String {
    let program = controlplane::kstatus().unwrap();
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let line = String::from_utf8(output.stdout).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}
