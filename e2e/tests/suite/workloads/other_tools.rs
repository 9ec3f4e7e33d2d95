//! Workloads that Reloader, Argo Rollouts or Flagger handle.

use serde_json::{Value, json};

use super::support::{
    CLUSTER, RESTART_ON, STATE, adopted, definition, deployment, events, from_key,
    restarts_catch_up, rollouts, secret, served, template,
};
use crate::support::{Api, Kind, eventually};

#[tokio::test]
async fn reloader_workload_is_skipped_with_one_event() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-reloader").await;
    secret(&api, &ns, "s", &[("A", "1")]).await;
    let mut object = deployment(&ns, "*", json!([from_key("s", "A")]));
    object["metadata"]["annotations"]["reloader.stakater.com/auto"] = json!("true");
    api.apply(Kind::Deployment, &object).await;
    eventually("the Event exists", async || {
        events(&api, &ns, "app").await.contains(&"RestartSkipped".to_owned()).then_some(())
    })
    .await;
    secret(&api, &ns, "s", &[("A", "2")]).await;
    restarts_catch_up(&api).await;
    let left = api.get(Kind::Deployment, &ns, "app").await.unwrap();
    assert!(template(&left).is_null() && left["metadata"]["annotations"].get(STATE).is_none());
    assert_eq!(rollouts(&api, &ns).await, 1);
    assert_eq!(events(&api, &ns, "app").await, ["RestartSkipped"]);
}

#[tokio::test]
async fn later_installed_argo_rollouts_and_flagger_are_watched() {
    let api = Api::of(&CLUSTER.cluster).await;
    let ns = api.namespace("workloads-later").await;
    for (group, version, kind, plural) in [
        ("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
        ("flagger.app", "v1beta1", "Canary", "canaries"),
    ] {
        let definition = definition(group, version, kind, plural);
        api.create(Kind::CustomResourceDefinition, definition).await;
    }
    secret(&api, &ns, "s", &[("A", "1")]).await;
    // The Rollout's template is in a Deployment without Pods. The second Deployment belongs to Flagger.
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
    eventually("the controller knows the Canary", async || {
        events(&api, &ns, "flaggers").await.contains(&"RestartSkipped".to_owned()).then_some(())
    })
    .await;

    secret(&api, &ns, "s", &[("A", "2")]).await;
    let restarted = api
        .wait(Kind::Rollout, &ns, "app", |rollout| rollout["spec"]["restartAt"].is_string())
        .await;
    assert!(restarted["spec"].get("template").is_none(), "the controller adds no template");
    restarts_catch_up(&api).await;
    for name in ["app", "flaggers"] {
        let left = api.get(Kind::Deployment, &ns, name).await.unwrap();
        assert!(template(&left).is_null(), "{name}");
    }
    let restarted_at = |rollout: &Value| rollout["spec"]["restartAt"].clone();
    let later = api.get(Kind::Rollout, &ns, "app").await.unwrap();
    assert_eq!(restarted_at(&later), restarted_at(&restarted), "one restart");
}
