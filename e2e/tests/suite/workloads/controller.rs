//! Starts, resyncs and missing permissions of the controller.

use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controlplane::Request;
use serde_json::json;

use super::support::{
    FLAGS, adopted, alone, deployment, events, from_key, grant, restarted, restarts_catch_up,
    rollouts, rules, secret, state, template,
};
use crate::support::{Api, Kind, eventually, key_secret, resyncs, sealed};

#[tokio::test]
async fn resyncs_and_a_controller_restart_cause_no_write() {
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
    resyncs(&controller, 10).await;
    controller.end().unwrap();
    let _controller = private.cluster().controller(&flags).unwrap();
    restarts_catch_up(&api).await;
    assert_eq!(writes(), before);
    assert_eq!(rollouts(&api, &ns).await, 1);
}

#[tokio::test]
async fn change_without_a_controller_causes_one_restart_at_the_next_start() {
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
    restarts_catch_up(&api).await;
    assert_eq!(rollouts(&api, &ns).await, 2);
}

#[tokio::test]
async fn lost_mac_key_causes_no_restart() {
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
    restarts_catch_up(&api).await;
    assert_eq!(template(&after), template(&before), "the template's annotation is unchanged");
    assert_eq!(rollouts(&api, &ns).await, 2);
    secret(&api, &ns, "s", &[("A", "3")]).await;
    restarted(&api, &ns, 3).await;
}

#[tokio::test]
async fn missing_permissions_are_reported_once() {
    let cluster = Cluster::start().unwrap();
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    let api = Api::of(&cluster).await;
    let ns = api.namespace("workloads-forbidden").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.apply(Kind::Deployment, &deployment(&ns, "*", json!([from_key("s", "A")]))).await;
    let controller = cluster.controller(&FLAGS).unwrap();
    api.wait_ready(&ns, "s").await;
    let forbidden = "mtk_controller_workload_watch_forbidden{resource=\"deployments\"}";
    eventually("the metric reports it", async || {
        (controller.metrics().unwrap().get(forbidden) == Some(&1.0)).then_some(())
    })
    .await;
    let log = controller.log().unwrap();
    assert_eq!(log.matches("may not watch deployments.apps").count(), 1, "{log}");
    controller.get("/readyz").unwrap();
    drop(controller);

    // Without the permission to patch them.
    grant(&cluster, &rules().replace(", patch]", "]"));
    let _controller = cluster.controller(&FLAGS).unwrap();
    let event = eventually("an Event names the missing permission", async || {
        let events = api.events(&ns, "app").await;
        events.into_iter().find(|[_, reason, _]| reason == "RestartFailed")
    })
    .await;
    assert!(event[2].contains("patch deployments"), "{event:?}");
    eventually("further attempts", async || {
        let requests = cluster.requests().unwrap();
        let is_attempt = |request: &&Request| request.namespace == ns && request.code == 403;
        let attempts = requests.iter().filter(is_attempt);
        (attempts.filter(|request| request.verb == "patch").count() >= 3).then_some(())
    })
    .await;
    let failed = events(&api, &ns, "app").await;
    assert_eq!(failed, ["RestartFailed"], "one Event for all retries");
    grant(&cluster, &rules());
    adopted(&api, Kind::Deployment, &ns).await;
}
