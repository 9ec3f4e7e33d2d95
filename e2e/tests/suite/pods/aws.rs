//! How a value in AWS reaches the app.

use e2e::aws::REGION;
use serde_json::{Value, json};

use super::app::{App, with};
use super::stage::{Stage, stage};
use crate::support::Kind;

async fn make(stage: &Stage, name: &str, value: &str) {
    let made = stage.aws.secrets().create_secret().name(name).secret_string(value);
    made.send().await.unwrap();
}

async fn change(stage: &Stage, name: &str, value: &str) {
    let put = stage.aws.secrets().put_secret_value().secret_id(name).secret_string(value);
    put.send().await.unwrap();
}

/// The chart's values for one secret in AWS, which is a JSON object.
fn values(secret: &str) -> Value {
    json!({ "secrets": { "externalSecret": {
        "enabled": true, "storeRef": { "name": "aws" }, "refreshInterval": "2s",
        "dataFrom": [{ "extract": { "key": secret } }],
    } } })
}

/// Installs the app in a namespace with a store that reads as the controller's Pod.
async fn install(stage: &'static Stage, namespace: &'static str, values: Value) -> App<'static> {
    let app = App::in_namespace(stage, &stage.helm, namespace).await;
    let provider = json!({ "service": "SecretsManager", "region": REGION });
    let store = json!({ "metadata": { "namespace": namespace, "name": "aws" },
                        "spec": { "provider": { "aws": provider } } });
    app.api.create(Kind::SecretStore, store).await;
    app.upgrade(values);
    app
}

#[tokio::test]
async fn value_changed_in_aws_reaches_the_environment_by_one_restart() {
    let Some(stage) = stage() else { return };
    make(stage, "pods-aws/app", r#"{"SECRET_KEY":"one","DB_PASSWORD":"d"}"#).await;
    let app = install(stage, "pods-aws", values("pods-aws/app")).await;
    assert!(app.has("SECRET_KEY=one\nDB_PASSWORD=d\n"));
    assert!(!app.has("SECRET_KEY=two\n"), "the comparison can fail");
    assert_eq!(app.secrets().await, ["DB_PASSWORD by env", "SECRET_KEY by env"]);
    let changed = change(stage, "pods-aws/app", r#"{"SECRET_KEY":"two","DB_PASSWORD":"d"}"#);
    app.restarts_once("SECRET_KEY=two\nDB_PASSWORD=d\n", changed).await;
}

#[tokio::test]
async fn value_changed_in_aws_reaches_a_mounted_file_without_a_restart() {
    let Some(stage) = stage() else { return };
    make(stage, "pods-aws-files/app", r#"{"API_TOKEN":"one"}"#).await;
    let files =
        json!({ "secrets": { "asEnv": { "enabled": false }, "asFiles": { "enabled": true } } });
    let app = install(stage, "pods-aws-files", with(values("pods-aws-files/app"), files)).await;
    assert_eq!(app.secrets().await, ["API_TOKEN by file"]);
    let before = app.revision().await;
    change(stage, "pods-aws-files/app", r#"{"API_TOKEN":"two"}"#).await;
    app.wait_for("API_TOKEN=two\n").await;
    assert_eq!(app.revision().await, before);
}
