//! From the old chart to the new one, and from plaintext in the chart's values to sealed values.

use e2e::helm::Helm;
use e2e::load::Load;
use serde_json::{Value, json};

use super::app::{App, CHART, NAME, sealed_values};
use super::stage::{Stage, stage};
use crate::support::{Kind, data};
use crate::workloads::restarts_catch_up;

#[tokio::test]
async fn migration_to_sealed_values_keeps_the_secret_with_helm_4() {
    let Some(stage) = stage() else { return };
    move_over(stage, &stage.helm, "pods-move-4").await;
}

#[tokio::test]
async fn migration_to_sealed_values_keeps_the_secret_with_helm_3() {
    let Some(stage) = stage() else { return };
    move_over(stage, &stage.helm3, "pods-move-3").await;
}

#[tokio::test]
async fn upgrade_of_the_old_chart_keeps_the_secret_with_helm_4() {
    let Some(stage) = stage() else { return };
    upgrade(stage, &stage.helm, "pods-old-4").await;
}

#[tokio::test]
async fn upgrade_of_the_old_chart_keeps_the_secret_with_helm_3() {
    let Some(stage) = stage() else { return };
    upgrade(stage, &stage.helm3, "pods-old-3").await;
}

async fn upgrade(stage: &Stage, helm: &Helm, ns: &'static str) {
    // The namespace does not enforce `restricted`, because the old chart's Pods violate it.
    let app = App { stage, helm, api: stage.api().await, namespace: ns };
    let values = json!({
        "name": "mytomorrows-app",
        "labels": { "app": "mytomorrows" },
        "image": { "repository": "localhost/mtk-app", "tag": env!("CARGO_PKG_VERSION"),
                   "pullPolicy": "Never" },
        "envConfigs": { "ENVIRONMENT": "production", "PORT": "8080" },
        "envSecrets": { "SECRET_KEY": "with,comma.and=more", "DB_PASSWORD": "d" },
        "service": { "type": "LoadBalancer", "port": 80, "targetPort": 8080 },
    });
    let secret = &format!("{NAME}-secret");
    let now = async || {
        let uid = |object: Value| object["metadata"]["uid"].clone();
        let found = app.api.secret(ns, secret).await.unwrap();
        let deployment = app.api.get(Kind::Deployment, ns, NAME).await.unwrap();
        (data(&found), uid(found), uid(deployment), app.address().await)
    };
    helm.upgrade(app.release(), "e2e/tests/suite/pods/old-chart", &values).unwrap();
    let before = now().await;
    assert_eq!(before.0, ["DB_PASSWORD=d", "SECRET_KEY=with,comma.and=more"]);
    assert_eq!(app.says().await["config"]["ENVIRONMENT"], "production");

    helm.upgrade(app.release(), CHART, &values).unwrap();
    app.wait_for_rollout().await;
    assert_eq!(now().await, before, "the same Secret, Deployment and address");
    assert!(app.has("SECRET_KEY=with,comma.and=more\nDB_PASSWORD=d\n"));
    assert_eq!(app.says().await["config"]["ENVIRONMENT"], "production");
    let pods = app.pods().await;
    assert_eq!(pods[0]["spec"]["securityContext"]["runAsNonRoot"], true, "it is the new chart's");
}

async fn move_over(stage: &Stage, helm: &Helm, ns: &'static str) {
    let secret = &format!("{NAME}-secret");
    let old = json!({
        "envConfigs": { "API_BASE_URL": "https://api.example.org", "MAX_CONNECTIONS": 10 },
        "envSecrets": { "SECRET_KEY": "with,comma.and=more", "DB_PASSWORD": 5 },
    });
    let app = App::install(stage, helm, ns, old).await;
    let before = app.api.secret(ns, secret).await.unwrap();
    assert_eq!(data(&before), ["DB_PASSWORD=5", "SECRET_KEY=with,comma.and=more"]);
    assert!(app.has("SECRET_KEY=with,comma.and=more\nDB_PASSWORD=5\n"));
    let notes = helm.notes(app.release()).unwrap();
    assert!(notes.contains("envSecrets") && notes.contains("mtk-seal"), "{notes}");
    assert!(!notes.contains("with,comma"), "{notes}");

    let load = Load::start(app.address().await, "/");
    let mut values = sealed_values(ns, secret, &[("SECRET_KEY", "new"), ("DB_PASSWORD", "5")]);
    values["secrets"]["name"] = json!("{{ .Release.Name }}-secret");
    app.upgrade(values);
    app.wait_for("SECRET_KEY=new\nDB_PASSWORD=5\n").await;
    app.wait_for_rollout().await;
    restarts_catch_up(&app.api).await;
    let answers = load.end().unwrap();
    assert!(answers.failed.is_empty(), "{:?} failed, {} succeeded", answers.failed, answers.good);
    let after = app.api.secret(ns, secret).await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "never deleted");
    assert_eq!(data(&after), ["DB_PASSWORD=5", "SECRET_KEY=new"]);
    assert_eq!(owner(&after), "SealedSecret");

    // The Secret is no longer part of the release.
    helm.uninstall(app.release()).unwrap();
    let gone =
        crate::support::eventually("the Secret is deleted with its SealedSecret", async || {
            app.api.get(Kind::Secret, ns, secret).await.is_none().then_some(())
        });
    gone.await;
}

fn owner(secret: &Value) -> &str {
    secret["metadata"]["ownerReferences"][0]["kind"].as_str().unwrap_or_default()
}
