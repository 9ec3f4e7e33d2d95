//! Delivery of sealed values to the app.

use std::time::Instant;

use serde_json::json;

use super::app::{App, sealed_values, with};
use super::stage::stage;
use crate::support::eventually;
use crate::workloads::restarts_catch_up;

#[tokio::test]
async fn changed_value_reaches_the_environment_by_one_restart() {
    let Some(stage) = stage() else { return };
    let ns = "pods-environment";
    let values = |key: &str| sealed_values(ns, "app", &[("SECRET_KEY", key), ("DB_PASSWORD", "d")]);
    let app = App::install(stage, &stage.helm, ns, values("one")).await;
    assert!(app.has("SECRET_KEY=one\nDB_PASSWORD=d\n"));
    assert!(!app.has("SECRET_KEY=two\n"), "the comparison can fail");
    assert_eq!(app.secrets().await, ["DB_PASSWORD by env", "SECRET_KEY by env"]);
    app.restarts_once("SECRET_KEY=two\nDB_PASSWORD=d\n", async { app.upgrade(values("two")) })
        .await;
}

#[tokio::test]
async fn changed_value_reaches_a_mounted_file_without_a_restart() {
    let Some(stage) = stage() else { return };
    let ns = "pods-files";
    let files =
        json!({ "secrets": { "asEnv": { "enabled": false }, "asFiles": { "enabled": true } } });
    let values = |key: &str| {
        let sealed = sealed_values(ns, "app", &[("SECRET_KEY", key), ("API_TOKEN", "t")]);
        with(sealed, files.clone())
    };
    let app = App::install(stage, &stage.helm, ns, values("one")).await;
    assert!(app.has("SECRET_KEY=one\nAPI_TOKEN=t\n"));
    assert_eq!(app.secrets().await, ["API_TOKEN by file", "SECRET_KEY by file"]);
    let before = (app.revision().await, app.pods().await[0]["metadata"]["uid"].clone());
    let generation = |says: &serde_json::Value| {
        let secrets = says["secrets"].as_array().unwrap();
        let key = secrets.iter().find(|secret| secret["name"] == "SECRET_KEY").unwrap();
        key["generation"].as_u64().unwrap()
    };
    let old = generation(&app.says().await);

    app.upgrade(values("two"));
    let written = Instant::now();
    app.wait_for("SECRET_KEY=two\nAPI_TOKEN=t\n").await;
    eventually("the running process reads the new value", async || {
        (generation(&app.says().await) > old).then_some(())
    })
    .await;
    assert!(written.elapsed().as_secs() < 30, "{:?}", written.elapsed());
    restarts_catch_up(&app.api).await;
    assert_eq!((app.revision().await, app.pods().await[0]["metadata"]["uid"].clone()), before);
}
