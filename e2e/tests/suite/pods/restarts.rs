//! Restarts of real Pods because of a changed Secret.

use serde_json::{Value, json};

use super::app::{App, sealed_values, with};
use super::stage::stage;
use crate::support::{Kind, sealed};
use crate::workloads::restarts_catch_up;

#[tokio::test]
async fn resyncs_and_a_controller_restart_cause_no_restart() {
    let Some(stage) = stage() else { return };
    let ns = "pods-resyncs";
    let values = sealed_values(ns, "app", &[("SECRET_KEY", "one")]);
    let app = App::install(stage, &stage.helm, ns, values).await;
    let (revision, pods) = (app.revision().await, names(&app).await);
    // This controller resyncs each second.
    restarts_catch_up(&app.api).await;
    let rollout = ["rollout", "-n", "kube-system"];
    let of = "deployment/mtk-controller";
    stage.kubectl(&[&rollout[..1], &["restart"], &rollout[1..], &[of]].concat(), "");
    stage
        .kubectl(&[&rollout[..1], &["status", "--timeout=90s"], &rollout[1..], &[of]].concat(), "");
    restarts_catch_up(&app.api).await;
    assert_eq!(app.revision().await, revision);
    assert_eq!(names(&app).await, pods);
}

#[tokio::test]
async fn two_changed_secrets_cause_one_restart() {
    let Some(stage) = stage() else { return };
    let ns = "pods-two-secrets";
    let api = stage.api().await;
    let more = json!({
        "extraEnvFrom": [{ "secretRef": { "name": "second", "optional": true } }],
        "secrets": { "restartOnChange": false },
        "deploymentAnnotations": { "mtk.mytomorrows.com/restart-on": "*" },
    });
    let values = with(sealed_values(ns, "app", &[("SECRET_KEY", "one")]), more);
    let app = App::install(stage, &stage.helm, ns, values).await;
    let apply = async |name: &str, item: &str, value: &str| {
        api.apply(Kind::SealedSecret, &sealed(ns, name, &[(item, value)])).await;
    };
    // An optional Secret that appears is a change too. Wait for its restart.
    apply("second", "SECOND", "one").await;
    app.wait_for("SECOND=one\n").await;
    app.wait_for_rollout().await;
    let before = app.revision().await;

    api.patch(Kind::SealedSecret, ns, "app", spec(&sealed(ns, "app", &[("SECRET_KEY", "two")])))
        .await;
    apply("second", "SECOND", "two").await;
    app.wait_for("SECRET_KEY=two\nSECOND=two\n").await;
    app.wait_for_rollout().await;
    restarts_catch_up(&app.api).await;
    assert_eq!(app.revision().await, before + 1);
}

fn spec(object: &Value) -> Value {
    json!({ "spec": object["spec"] })
}

async fn names(app: &App<'_>) -> Vec<Value> {
    app.pods().await.iter().map(|pod| pod["metadata"]["name"].clone()).collect()
}
