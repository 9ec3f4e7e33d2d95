//! The health of real objects in Flux, Helm and Argo CD, with the code that they use.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use chart_tests::chart;
use e2e::aws::Aws;
use e2e::cluster::NAMESPACE;
use e2e::controlplane;
use serde_json::{Value, json};

use crate::external::support::{external, secret, store, stores, wait_ready};
use crate::external::upstream_crd;
use crate::support::{Api, Kind, condition, key_secret, private, sealed};
use crate::upstream_crd::{bitnamis_crd, wait_for_pruning};

const NAMES: [(Kind, &str); 4] = [
    (Kind::SealedSecret, "fine"),
    (Kind::SealedSecret, "lost"),
    (Kind::ExternalSecret, "made"),
    (Kind::ExternalSecret, "wrong"),
];

/// Objects with the state that the controller reports, as the table of `docs/gitops.md` names it.
const STATES: [(Kind, &str, &str); 10] = [
    (Kind::SealedSecret, "fine", "ready"),
    (Kind::SealedSecret, "taken", "not ready, retried"),
    (Kind::SealedSecret, "lost", "not ready, stalled"),
    (Kind::ExternalSecret, "made", "ready"),
    (Kind::ExternalSecret, "absent", "not ready, retried"),
    (Kind::ExternalSecret, "wrong", "not ready, stalled"),
    (Kind::SecretStore, "aws", "ready"),
    (Kind::SecretStore, "keyless", "not ready, retried"),
    (Kind::ClusterSecretStore, "health", "ready"),
    (Kind::ClusterSecretStore, "health-keyless", "not ready, retried"),
];

/// Every kind in every state. Tools wait until the controller has looked, and end at a permanent failure.
#[tokio::test]
async fn health_of_real_objects_is_as_documented() {
    let private = private().await;
    let (api, ns) = (private.api().await, "health");
    let aws = Aws::start().unwrap();
    secret(&aws, "health/a", "1", &[]).await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    stores(&api, ns).await;
    create_all(&api, ns).await;
    create_failing(&api, ns).await;
    for (kind, name, _) in STATES {
        assert_health(&api, kind, ns, name, "new").await;
    }
    let controller = private.cluster().controller_with(&aws, &[]).unwrap();
    wait_for_all(&api, ns).await;
    for (kind, name, state) in STATES {
        let expected = if state == "ready" { "True" } else { "False" };
        api.wait(kind, namespace(kind, ns), name, |object| {
            condition(object, "Ready").is_some_and(|ready| ready["status"] == expected)
        })
        .await;
        assert_health(&api, kind, ns, name, state).await;
    }
    // Nobody looks at the next generation.
    drop(controller);
    for (kind, name, _) in STATES.iter().filter(|(_, _, state)| *state == "ready") {
        let spec = match kind {
            Kind::SealedSecret => json!({ "template": { "metadata": { "labels": { "a": "b" } } } }),
            Kind::ExternalSecret => json!({ "refreshInterval": "2h" }),
            _ => json!({ "refreshInterval": 7 }),
        };
        api.patch(*kind, namespace(*kind, ns), name, json!({ "spec": spec })).await;
        assert_health(&api, *kind, ns, name, "ready, then edited").await;
    }
    for (kind, name, _) in STATES {
        if let Kind::ClusterSecretStore = kind {
            api.delete(kind, "", name).await;
        }
    }
}

/// Without a default status, no controller can hold back a new object.
#[tokio::test]
async fn crds_of_the_peers_show_failures_as_far_as_they_allow() {
    let private = private().await;
    let (api, ns) = (private.api().await, "health-upstream");
    let aws = Aws::start().unwrap();
    secret(&aws, "health/a", "1", &[]).await;
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
        let status = compute(&api.get(kind, ns, name).await.unwrap());
        assert_eq!(status["kstatus"], expected, "{name}");
    }
}

async fn create_all(api: &Api, ns: &str) {
    api.apply(Kind::SealedSecret, &sealed(ns, "fine", &[("A", "1")])).await;
    // An item sealed for another name fails like an item sealed for another cluster.
    let mut lost = sealed(ns, "other", &[("A", "1")]);
    lost["metadata"]["name"] = json!("lost");
    api.apply(Kind::SealedSecret, &lost).await;
    api.create(Kind::ExternalSecret, external(ns, "made", &[("A", "health/a")])).await;
    let mut wrong = external(ns, "wrong", &[("A", "health/a")]);
    wrong["spec"]["target"] = json!({ "template": { "data": { "B": "{{ if }}" } } });
    api.create(Kind::ExternalSecret, wrong).await;
}

async fn wait_for_all(api: &Api, ns: &str) {
    api.wait_ready(ns, "fine").await;
    api.wait_reason(ns, "lost", "UnknownKey").await;
    wait_ready(api, ns, "made", "True").await;
    wait_ready(api, ns, "wrong", "False").await;
}

/// Objects that the controller keeps retrying.
async fn create_failing(api: &Api, ns: &str) {
    api.create(Kind::Secret, json!({ "metadata": { "namespace": ns, "name": "taken" } })).await;
    api.apply(Kind::SealedSecret, &sealed(ns, "taken", &[("A", "1")])).await;
    api.create(Kind::ExternalSecret, external(ns, "absent", &[("A", "health/absent")])).await;
    let reference = |field: &str, store: &mut Value, value: Value| {
        let auth = &mut store["spec"]["provider"]["aws"]["auth"]["secretRef"];
        for key in ["accessKeyIDSecretRef", "secretAccessKeySecretRef"] {
            auth[key][field] = value.clone();
        }
    };
    let mut keyless = store(ns, "keyless", "SecretsManager");
    reference("name", &mut keyless, json!("missing"));
    api.create(Kind::SecretStore, keyless.clone()).await;
    for (name, mut store) in
        [("health", store(ns, "aws", "SecretsManager")), ("health-keyless", keyless)]
    {
        reference("namespace", &mut store, json!(ns));
        store["metadata"] = json!({ "name": name });
        api.create(Kind::ClusterSecretStore, store).await;
    }
}

fn namespace(kind: Kind, ns: &str) -> &str {
    if let Kind::ClusterSecretStore = kind { "" } else { ns }
}

/// Compares kstatus, Argo CD, and Flux with the expressions of the template with the table.
async fn assert_health(api: &Api, kind: Kind, ns: &str, name: &str, state: &str) {
    let object = api.get(kind, namespace(kind, ns), name).await.unwrap();
    let health = compute(&object);
    let [flux, kstatus, sealed, external] = documented(state);
    let argo = if let Kind::SealedSecret = kind { sealed } else { external };
    assert_eq!(health["kstatus"], kstatus, "kstatus: {name} {state}: {object}");
    assert_eq!(health["argocd"], argo, "Argo CD: {name} {state}: {object}");
    // Apps create no ClusterSecretStore, so the template has no expressions for it.
    let flux = if let Kind::ClusterSecretStore = kind { "" } else { &flux };
    assert_eq!(health["flux"], flux, "Flux: {name} {state}: {object}");
}

/// The cells of a row of the table, by its first cell.
fn documented(state: &str) -> [String; 4] {
    let page = fs::read_to_string(chart::root().join("docs/gitops.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| {state} |")));
    let cells: Vec<_> = row.unwrap().split('|').map(|cell| cell.trim().to_owned()).collect();
    cells[2..6].to_vec().try_into().unwrap()
}

fn compute(object: &Value) -> Value {
    let program = controlplane::health(|_| {}).unwrap();
    let rules = chart::root().join("deploy/gitops/config-repo/clusters/pi/apps.yaml");
    let mut child = Command::new(program)
        .arg("status")
        .arg(rules)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
