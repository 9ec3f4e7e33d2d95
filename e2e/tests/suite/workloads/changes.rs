//! Which changes of a Secret restart a workload.

use serde_json::json;

use super::support::{
    CLUSTER, RESTART_TARGETS, STATE, TEMPLATE, adopted, deployment, events, from_key, restarted,
    restarts_catch_up, rollouts, secret, state, template,
};
use crate::support::{Api, Kind, eventually, sealed};

#[tokio::test]
async fn changed_value_restarts_its_workload_once() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-once").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    let manifest = deployment(&ns, "*", json!([from_key("s", "A")]));
    api.apply(Kind::Deployment, &manifest).await;
    adopted(&api, Kind::Deployment, &ns).await;
    assert_eq!(rollouts(&api, &ns).await, 1, "adoption restarts nothing");

    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "2")])).await;
    let restarted = restarted(&api, &ns, 2).await;
    restarts_catch_up(&api).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
    assert!(events(&api, &ns, "app").await.contains(&"RestartTriggered".to_owned()));
    let patches = CLUSTER.cluster.writes().unwrap();
    // The API server rejects a patch that conflicts with another change, and the controller retries.
    let taken = patches
        .iter()
        .filter(|w| w.namespace == ns && w.resource == "deployments" && w.code == 200);
    assert_eq!(taken.count(), 2, "the baseline and the restart");

    let fields = restarted["metadata"]["managedFields"].as_array().unwrap();
    let ours = fields.iter().find(|entry| entry["manager"] == "mtk-controller").unwrap();
    let text = ours["fieldsV1"].to_string();
    assert!(text.contains(STATE) && text.contains(TEMPLATE), "{text}");
    assert!(!text.contains("f:containers"), "the controller owns no other field: {text}");

    // GitOps tools do this every few minutes.
    let applied = api.apply(Kind::Deployment, &manifest).await;
    assert_eq!(applied["metadata"]["generation"], restarted["metadata"]["generation"]);
    assert_eq!(template(&applied), template(&restarted));
}

#[tokio::test]
async fn only_used_items_trigger_a_restart() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-item").await;
    secret(&api, &ns, "s", &[("A", "1"), ("B", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "s", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    secret(&api, &ns, "s", &[("A", "1"), ("B", "2")]).await;
    restarts_catch_up(&api).await;
    assert_eq!(rollouts(&api, &ns).await, 1);
    secret(&api, &ns, "s", &[("A", "2"), ("B", "2")]).await;
    restarted(&api, &ns, 2).await;
}

#[tokio::test]
async fn two_changed_secrets_of_one_workload_cause_one_restart() {
    let api = Api::of(&CLUSTER.cluster).await;
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
    restarts_catch_up(&api).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
}

#[tokio::test]
async fn recreated_secret_restarts_only_with_other_data() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-absent").await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    restarts_catch_up(&api).await;
    assert_eq!(rollouts(&api, &ns).await, 1, "its Pods could not start before");
    for (values, expected) in [("1", 1), ("2", 2)] {
        api.delete(Kind::Secret, &ns, "s").await;
        restarts_catch_up(&api).await;
        secret(&api, &ns, "s", &[("A", values)]).await;
        restarts_catch_up(&api).await;
        assert_eq!(rollouts(&api, &ns).await, expected, "recreated with {values}");
    }
}

#[tokio::test]
async fn paused_deployment_restarts_after_its_pause() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-paused").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    adopted(&api, Kind::Deployment, &ns).await;
    api.patch(Kind::Deployment, &ns, "app", json!({ "spec": { "paused": true } })).await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    eventually("the restart is postponed", async || {
        events(&api, &ns, "app").await.contains(&"RestartPostponed".to_owned()).then_some(())
    })
    .await;
    restarts_catch_up(&api).await;
    let paused = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&paused).is_null(), "the controller does not write while it is paused");
    let pending = CLUSTER.controller.metrics().unwrap()["mtk_controller_workload_restarts_pending"];
    assert!(pending >= 1.0, "{pending}");

    api.patch(Kind::Deployment, &ns, "app", json!({ "spec": { "paused": false } })).await;
    restarted(&api, &ns, 2).await;
    let events = events(&api, &ns, "app").await;
    let postponed = events.iter().filter(|reason| *reason == "RestartPostponed").count();
    assert_eq!(postponed, 1, "{events:?}");
}

#[tokio::test]
async fn sealed_secret_names_workloads_and_invalid_names_are_reported() {
    let api = Api::of(&CLUSTER.cluster).await;
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
    eventually("an Event reports the invalid target", async || {
        let events = api.events(&ns, "s").await;
        let invalid = events.iter().find(|[_, reason, _]| reason == "RestartInvalid")?;
        invalid[2].contains("CronJob/app").then_some(())
    })
    .await;

    let wrong = deployment(&ns, "No_Name", json!([]));
    let mut wrong = wrong.clone();
    wrong["metadata"]["name"] = json!("wrong");
    api.apply(Kind::Deployment, &wrong).await;
    eventually("an Event reports the invalid name", async || {
        events(&api, &ns, "wrong").await.contains(&"RestartInvalid".to_owned()).then_some(())
    })
    .await;
}

/// `kubectl rollout undo` restores old annotations of the Deployment, including our baseline.
#[tokio::test]
async fn undone_rollout_causes_no_restart() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-undo").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    let before = adopted(&api, Kind::Deployment, &ns).await;
    // The undo copies the annotations of the old ReplicaSet.
    eventually("the ReplicaSet has the baseline", async || {
        let sets = api.list(Kind::ReplicaSet, Some(&ns)).await;
        sets[0]["metadata"]["annotations"][STATE].is_string().then_some(())
    })
    .await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    restarted(&api, &ns, 2).await;
    let mut kubectl = CLUSTER.cluster.plane().kubectl();
    kubectl.args(["rollout", "undo", "deployment/app", "-n", &ns]);
    let output = kubectl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    restarts_catch_up(&api).await;
    let undone = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&undone).is_null(), "the restored template stays");
    assert_ne!(state(&undone), state(&before), "the baseline is the current one");
}
