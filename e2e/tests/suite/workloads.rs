//! Workloads that ask for it are restarted when what they use of a Secret changed, once and never
//! without a cause. A new `ReplicaSet` is a rollout.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::LazyLock;

use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controller::Controller;
use serde_json::{Value, json};

use crate::support::{Api, Kind, eventually, key_secret, pause, private, sealed};

const RESTART_ON: &str = "mtk.mytomorrows.com/restart-on";
const RESTART_TARGETS: &str = "mtk.mytomorrows.com/restart-targets";
const STATE: &str = "mtk.mytomorrows.com/restart-state";
const TEMPLATE: &str = "mtk.mytomorrows.com/secrets";
const FLAGS: [&str; 4] =
    ["--restart-workloads", "--restart-delay=2s", "--restart-min-interval=1s", "--log-level=debug"];
/// Longer than the controller waits before a restart.
const SETTLED: u64 = 5000;

/// A cluster with a controller that restarts workloads.
struct Place {
    cluster: Cluster,
    controller: Controller,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let cluster = Cluster::start().unwrap();
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    grant(&cluster, &rules());
    let controller = cluster.controller(&FLAGS).unwrap();
    Place { cluster, controller }
});

#[tokio::test]
async fn a_resealed_value_restarts_the_workload_that_uses_it_exactly_once() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-once").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let manifest = deployment(&ns, "*", json!([from_key("s", "A")]));
    api.apply(Kind::Deployment, &manifest).await;
    adopted(&api, Kind::Deployment, &ns).await;
    assert_eq!(rollouts(&api, &ns).await, 1, "adopting restarts nothing");

    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "2")])).await;
    let restarted = restarted(&api, &ns, 2).await;
    pause(SETTLED).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
    assert!(events(&api, &ns, "app").await.contains(&"RestartTriggered".to_owned()));
    let patches = PLACE.cluster.writes().unwrap();
    // One that meets a change of somebody else is refused, and made again.
    let taken = patches
        .iter()
        .filter(|w| w.namespace == ns && w.resource == "deployments" && w.code == 200);
    assert_eq!(taken.count(), 2, "the baseline and the restart");

    let fields = restarted["metadata"]["managedFields"].as_array().unwrap();
    let ours = fields.iter().find(|entry| entry["manager"] == "mtk-controller").unwrap();
    let text = ours["fieldsV1"].to_string();
    assert!(text.contains(STATE) && text.contains(TEMPLATE), "{text}");
    assert!(!text.contains("f:containers"), "nothing else is ours: {text}");

    // As GitOps tools do each few minutes.
    let applied = api.apply(Kind::Deployment, &manifest).await;
    assert_eq!(applied["metadata"]["generation"], restarted["metadata"]["generation"]);
    assert_eq!(template(&applied), template(&restarted));
}

#[tokio::test]
async fn only_a_used_item_counts() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-item").await;
    secret(&api, &ns, "s", &[("A", "1"), ("B", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "s", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    secret(&api, &ns, "s", &[("A", "1"), ("B", "2")]).await;
    pause(SETTLED).await;
    assert_eq!(rollouts(&api, &ns).await, 1);
    secret(&api, &ns, "s", &[("A", "2"), ("B", "2")]).await;
    restarted(&api, &ns, 2).await;
}

#[tokio::test]
async fn two_changed_secrets_of_one_workload_cause_one_restart() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-two").await;
    for name in ["a", "b"] {
        api.apply(Kind::SealedSecret, &sealed(&ns, name, &[("A", "1")])).await;
        api.wait_ready(&ns, name).await;
    }
    let environment = json!([from_key("a", "A"), from_key("b", "A")]);
    api.apply(Kind::Deployment, &deployment(&ns, "*", environment)).await;
    adopted(&api, Kind::Deployment, &ns).await;
    let changed = ["a", "b"].map(|name| sealed(&ns, name, &[("A", "2")]));
    for object in &changed {
        api.apply(Kind::SealedSecret, object).await;
    }
    restarted(&api, &ns, 2).await;
    pause(SETTLED).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
}

#[tokio::test]
async fn a_secret_that_goes_restarts_nothing_and_one_that_comes_back_only_with_other_data() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-absent").await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    pause(SETTLED).await;
    assert_eq!(rollouts(&api, &ns).await, 1, "its Pods could not start before");
    for (values, expected) in [("1", 1), ("2", 2)] {
        api.delete(Kind::Secret, &ns, "s").await;
        pause(SETTLED).await;
        secret(&api, &ns, "s", &[("A", values)]).await;
        pause(SETTLED).await;
        assert_eq!(rollouts(&api, &ns).await, expected, "it came back as {values}");
    }
}

#[tokio::test]
async fn a_paused_deployment_waits_for_the_end_of_its_pause() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-paused").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    api.patch(Kind::Deployment, &ns, "app", json!({ "spec": { "paused": true } })).await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    eventually("it is postponed", async || {
        events(&api, &ns, "app").await.contains(&"RestartPostponed".to_owned()).then_some(())
    })
    .await;
    pause(SETTLED).await;
    let paused = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&paused).is_null(), "it is not written while it is paused");
    let pending = PLACE.controller.metrics().unwrap()["mtk_controller_workload_restarts_pending"];
    assert!(pending >= 1.0, "{pending}");

    api.patch(Kind::Deployment, &ns, "app", json!({ "spec": { "paused": false } })).await;
    restarted(&api, &ns, 2).await;
    let events = events(&api, &ns, "app").await;
    let postponed = events.iter().filter(|reason| *reason == "RestartPostponed").count();
    assert_eq!(postponed, 1, "{events:?}");
}

#[tokio::test]
async fn a_workload_of_reloaders_is_left_to_it_and_an_event_says_so_once() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-reloader").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    let mut object = deployment(&ns, "*", json!([from_key("s", "A")]));
    object["metadata"]["annotations"]["reloader.stakater.com/auto"] = json!("true");
    api.apply(Kind::Deployment, &object).await;
    eventually("it is said", async || {
        events(&api, &ns, "app").await.contains(&"RestartSkipped".to_owned()).then_some(())
    })
    .await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    pause(SETTLED).await;
    let left = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&left).is_null() && left["metadata"]["annotations"].get(STATE).is_none());
    assert_eq!(rollouts(&api, &ns).await, 1);
    assert_eq!(events(&api, &ns, "app").await, ["RestartSkipped"]);
}

#[tokio::test]
async fn a_sealed_secret_names_workloads_to_restart_and_what_is_wrong_in_it_is_said() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-targets").await;
    let object = |value: &str| {
        let mut object = sealed(&ns, "s", &[("A", value)]);
        object["metadata"]["annotations"][RESTART_TARGETS] =
            json!("Deployment/app, StatefulSet/app, CronJob/app");
        object
    };
    api.apply(Kind::SealedSecret, &object("1")).await;
    api.wait_ready(&ns, "s").await;
    let mut manifest = deployment(&ns, "*", json!([from_key("s", "A")]));
    manifest["metadata"].as_object_mut().unwrap().remove("annotations");
    api.apply(Kind::Deployment, &manifest).await;
    manifest["kind"] = json!("StatefulSet");
    manifest["spec"]["serviceName"] = json!("app");
    api.apply(Kind::StatefulSet, &manifest).await;
    for kind in [Kind::Deployment, Kind::StatefulSet] {
        adopted(&api, kind, &ns).await;
    }
    api.apply(Kind::SealedSecret, &object("2")).await;
    for kind in [Kind::Deployment, Kind::StatefulSet] {
        api.wait(kind, &ns, "app", |workload| template(workload).is_string()).await;
    }
    eventually("the wrong part is said", async || {
        let events = api.events(&ns, "s").await;
        let invalid = events.iter().find(|[_, reason, _]| reason == "RestartInvalid")?;
        invalid[2].contains("CronJob/app").then_some(())
    })
    .await;

    let wrong = deployment(&ns, "No_Name", json!([]));
    let mut wrong = wrong.clone();
    wrong["metadata"]["name"] = json!("wrong");
    api.apply(Kind::Deployment, &wrong).await;
    eventually("a wrong name is said", async || {
        events(&api, &ns, "wrong").await.contains(&"RestartInvalid".to_owned()).then_some(())
    })
    .await;
}

/// It puts back the Deployment's annotations of before, our baseline among them.
#[tokio::test]
async fn an_undone_rollout_is_not_followed_by_a_restart() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-undo").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    let before = adopted(&api, Kind::Deployment, &ns).await;
    // The old ReplicaSet has a copy of the baseline by then.
    eventually("the ReplicaSet has the baseline", async || {
        let sets = api.list(Kind::ReplicaSet, Some(&ns)).await;
        sets[0]["metadata"]["annotations"][STATE].is_string().then_some(())
    })
    .await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    restarted(&api, &ns, 2).await;
    let mut kubectl = PLACE.cluster.plane().kubectl();
    kubectl.args(["rollout", "undo", "deployment/app", "-n", &ns]);
    let output = kubectl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    pause(SETTLED).await;
    let undone = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&undone).is_null(), "the undone template stays");
    assert_ne!(state(&undone), state(&before), "and the baseline is that of now");
}

#[tokio::test]
async fn ten_resyncs_and_a_controller_restart_cause_no_restart_and_no_write() {
    let (private, api, ns) = alone("workloads-resync").await;
    let flags = [&FLAGS[..], &["--resync-period=1s"]].concat();
    let controller = private.cluster().controller(&flags).unwrap();
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    let writes = || {
        let writes = private.cluster().writes().unwrap();
        writes.into_iter().filter(|write| write.namespace == ns).count()
    };
    let before = writes();
    pause(11_000).await;
    controller.end().unwrap();
    let _controller = private.cluster().controller(&flags).unwrap();
    pause(SETTLED).await;
    assert_eq!(writes(), before);
    assert_eq!(rollouts(&api, &ns).await, 1);
}

#[tokio::test]
async fn what_changes_while_no_controller_runs_causes_one_restart_at_its_next_start() {
    let (private, api, ns) = alone("workloads-missed").await;
    let controller = private.cluster().controller(&FLAGS).unwrap();
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    controller.end().unwrap();
    secret(&api, &ns, "s", &[("A", "2")]).await;
    let controller = private.cluster().controller(&FLAGS).unwrap();
    restarted(&api, &ns, 2).await;
    drop(controller);
    let _controller = private.cluster().controller(&FLAGS).unwrap();
    pause(SETTLED).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
}

#[tokio::test]
async fn losing_the_mac_key_causes_no_restart() {
    let (private, api, ns) = alone("workloads-key").await;
    let controller = private.cluster().controller(&FLAGS).unwrap();
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    let before = restarted(&api, &ns, 2).await;
    controller.end().unwrap();
    api.delete(Kind::Secret, NAMESPACE, "mtk-controller-fingerprint-key").await;
    let _controller = private.cluster().controller(&FLAGS).unwrap();
    let after =
        api.wait(Kind::Deployment, &ns, "app", |workload| state(workload) != state(&before)).await;
    pause(SETTLED).await;
    assert_eq!(template(&after), template(&before), "the template's annotation is left as it is");
    assert_eq!(rollouts(&api, &ns).await, 2);
    secret(&api, &ns, "s", &[("A", "3")]).await;
    restarted(&api, &ns, 3).await;
}

#[tokio::test]
async fn argo_rollouts_and_flagger_are_noticed_when_they_are_installed_later() {
    let api = Api::of(&PLACE.cluster).await;
    let ns = api.namespace("workloads-later").await;
    for (group, version, kind, plural) in [
        ("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
        ("flagger.app", "v1beta1", "Canary", "canaries"),
    ] {
        let definition = definition(group, version, kind, plural);
        api.create(Kind::CustomResourceDefinition, definition).await;
    }
    secret(&api, &ns, "s", &[("A", "1")]).await;
    // The template is in a Deployment without Pods, and this one is also Flagger's.
    let mut template_of = deployment(&ns, "*", json!([from_key("s", "A")]));
    template_of["spec"]["replicas"] = json!(0);
    api.apply(Kind::Deployment, &template_of).await;
    let mut flaggers = deployment(&ns, "*", json!([from_key("s", "A")]));
    flaggers["metadata"]["name"] = json!("flaggers");
    let (rollout, canary) = eventually("the kinds are served", async || {
        let metadata = |name: &str| {
            json!({ "namespace": ns, "name": name, "annotations": { RESTART_ON: "*" } })
        };
        let rollout = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata("app"),
            "spec": { "workloadRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app" } },
        });
        let canary = json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": metadata("app"),
            "spec": { "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "flaggers" } },
        });
        served(&api, Kind::Rollout, &ns).await?;
        served(&api, Kind::Canary, &ns).await?;
        Some((rollout, canary))
    })
    .await;
    api.apply(Kind::Rollout, &rollout).await;
    api.apply(Kind::Canary, &canary).await;
    adopted(&api, Kind::Rollout, &ns).await;
    api.apply(Kind::Deployment, &flaggers).await;
    eventually("the Canary is known", async || {
        events(&api, &ns, "flaggers").await.contains(&"RestartSkipped".to_owned()).then_some(())
    })
    .await;

    secret(&api, &ns, "s", &[("A", "2")]).await;
    let restarted = api
        .wait(Kind::Rollout, &ns, "app", |rollout| rollout["spec"]["restartAt"].is_string())
        .await;
    assert!(restarted["spec"].get("template").is_none(), "its template is not made up");
    pause(SETTLED).await;
    for name in ["app", "flaggers"] {
        let left = api.get(Kind::Deployment, &ns, name).await.unwrap();
        assert!(template(&left).is_null(), "{name}");
    }
    let restarted_at = |rollout: &Value| rollout["spec"]["restartAt"].clone();
    let later = api.get(Kind::Rollout, &ns, "app").await.unwrap();
    assert_eq!(restarted_at(&later), restarted_at(&restarted), "once");
}

#[tokio::test]
async fn without_the_rights_it_says_so_once_and_does_all_else() {
    let cluster = Cluster::start().unwrap();
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    let api = Api::of(&cluster).await;
    let ns = api.namespace("workloads-forbidden").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    let controller = cluster.controller(&FLAGS).unwrap();
    api.wait_ready(&ns, "s").await;
    let forbidden = "mtk_controller_workload_watch_forbidden{resource=\"deployments\"}";
    eventually("the metric tells", async || {
        (controller.metrics().unwrap().get(forbidden) == Some(&1.0)).then_some(())
    })
    .await;
    let log = controller.log().unwrap();
    assert_eq!(log.matches("may not watch deployments.apps").count(), 1, "{log}");
    controller.get("/readyz").unwrap();
    drop(controller);

    // Without the right to patch them.
    grant(&cluster, &rules().replace(", patch]", "]"));
    let _controller = cluster.controller(&FLAGS).unwrap();
    let event = eventually("it is said what right is missing", async || {
        let events = api.events(&ns, "app").await;
        events.into_iter().find(|[_, reason, _]| reason == "RestartFailed")
    })
    .await;
    assert!(event[2].contains("patch deployments"), "{event:?}");
    pause(SETTLED).await;
    let failed = events(&api, &ns, "app").await;
    assert_eq!(failed, ["RestartFailed"], "once, however often it is tried");
    grant(&cluster, &rules());
    adopted(&api, Kind::Deployment, &ns).await;
}

/// The private cluster with the rights, and a namespace in it.
async fn alone(name: &str) -> (crate::support::Private, Api, String) {
    let private = private().await;
    grant(private.cluster(), &rules());
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace(name).await;
    (private, api, ns)
}

/// The rules of the chart's optional role.
fn rules() -> String {
    let file = e2e::programs::repository("deploy/charts/mtk-controller/templates/_rules.tpl");
    let text = fs::read_to_string(file).unwrap();
    let (_, rules) = text.split_once("{{- define \"mtk-controller.restartRules\" -}}\n").unwrap();
    rules.split_once("{{- end }}").unwrap().0.to_owned()
}

fn grant(cluster: &Cluster, rules: &str) {
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
         metadata:\n  name: mtk-controller-restart\nrules:\n{rules}"
    );
    let mut kubectl = cluster.plane().kubectl();
    kubectl.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut kubectl = kubectl.spawn().unwrap();
    kubectl.stdin.take().unwrap().write_all(role.as_bytes()).unwrap();
    assert!(kubectl.wait().unwrap().success());
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "mtk-controller-restart" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                     "name": "mtk-controller-restart" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": NAMESPACE, "name": "mtk-controller" }],
    });
    cluster.apply(&binding).unwrap();
}

fn definition(group: &str, version: &str, kind: &str, plural: &str) -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": plural },
            "versions": [{ "name": version, "served": true, "storage": true,
                           "schema": { "openAPIV3Schema": anything } }],
        },
    })
}

/// Whether objects of a kind can be made.
async fn served(api: &Api, kind: Kind, ns: &str) -> Option<()> {
    api.try_patch(kind, ns, "none", json!({})).await.err().and_then(|error| match error {
        kube::Error::Api(status) if status.message.contains("\"none\" not found") => Some(()),
        _ => None,
    })
}

fn deployment(ns: &str, restart_on: &str, environment: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "namespace": ns, "name": "app", "annotations": { RESTART_ON: restart_on } },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "app" } },
            "template": {
                "metadata": { "labels": { "app": "app" } },
                "spec": { "containers": [{ "name": "app", "image": "app", "env": environment }] },
            },
        },
    })
}

fn from_key(secret: &str, key: &str) -> Value {
    let reference = json!({ "name": secret, "key": key });
    json!({ "name": format!("FROM_{secret}_{key}").to_uppercase(),
            "valueFrom": { "secretKeyRef": reference } })
}

/// A Secret that nobody sealed.
async fn secret(api: &Api, ns: &str, name: &str, values: &[(&str, &str)]) {
    let data: serde_json::Map<_, _> =
        values.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let object = json!({ "apiVersion": "v1", "kind": "Secret",
                         "metadata": { "namespace": ns, "name": name }, "stringData": data });
    api.apply(Kind::Secret, &object).await;
}

/// Waits until the workload `app` has a baseline.
async fn adopted(api: &Api, kind: Kind, ns: &str) -> Value {
    api.wait(kind, ns, "app", |workload| state(workload).is_string()).await
}

/// Waits until the Deployment `app` was restarted by us and has had so many rollouts.
async fn restarted(api: &Api, ns: &str, expected: usize) -> Value {
    api.wait(Kind::Deployment, ns, "app", |workload| template(workload).is_string()).await;
    eventually("it is rolled out", async || (rollouts(api, ns).await == expected).then_some(()))
        .await;
    api.get(Kind::Deployment, ns, "app").await.unwrap()
}

async fn rollouts(api: &Api, ns: &str) -> usize {
    let sets = api.list(Kind::ReplicaSet, Some(ns)).await;
    let is_apps = |set: &&Value| set["metadata"]["ownerReferences"][0]["name"] == "app";
    sets.iter().filter(is_apps).count()
}

fn state(workload: &Value) -> &Value {
    &workload["metadata"]["annotations"][STATE]
}

fn template(workload: &Value) -> &Value {
    &workload["spec"]["template"]["metadata"]["annotations"][TEMPLATE]
}

/// The reasons of our Events.
async fn events(api: &Api, ns: &str, name: &str) -> Vec<String> {
    let events = api.events(ns, name).await;
    let reasons = events.into_iter().map(|[_, reason, _]| reason);
    reasons.filter(|reason| reason.starts_with("Restart")).collect()
}
