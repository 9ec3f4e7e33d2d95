//! From plaintext in the chart's values to sealed values.

use e2e::helm::Helm;
use e2e::load::Load;
use serde_json::{Value, json};

use super::app::{App, NAME, sealed_values};
use super::stage::{Stage, stage};
use crate::support::{Kind, data, pause};

#[tokio::test]
async fn moving_to_sealed_values_leaves_no_moment_without_the_secret_with_helm_4() {
    let Some(stage) = stage() else { return };
    move_over(stage, &stage.helm, "pods-move-4").await;
}

#[tokio::test]
async fn moving_to_sealed_values_leaves_no_moment_without_the_secret_with_helm_3() {
    let Some(stage) = stage() else { return };
    move_over(stage, &stage.helm3, "pods-move-3").await;
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
    pause(3000).await;
    let answers = load.end().unwrap();
    assert!(answers.failed.is_empty(), "{:?} beside {} good", answers.failed, answers.good);
    let after = app.api.secret(ns, secret).await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "never deleted");
    assert_eq!(data(&after), ["DB_PASSWORD=5", "SECRET_KEY=new"]);
    assert_eq!(owner(&after), "SealedSecret");

    // Helm does not know the Secret any more, and goes with the rest.
    helm.uninstall(app.release()).unwrap();
    let gone = crate::support::eventually("the Secret goes with its SealedSecret", async || {
        app.api.get(Kind::Secret, ns, secret).await.is_none().then_some(())
    });
    gone.await;
}

fn owner(secret: &Value) -> &str {
    secret["metadata"]["ownerReferences"][0]["kind"].as_str().unwrap_or_default()
}
