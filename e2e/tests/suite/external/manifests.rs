//! Typical manifests (`e2e/manifests`): applied unchanged by `kubectl`, they produce the Secrets
//! that their first lines describe.

use std::{fs, path::Path};

use aws_sdk_ssm::types::ParameterType;
use e2e::aws::Aws;
use serde_json::{Value, json};

use super::support::{change, rig, secret, store, stores, value};
use crate::support::{Api, Kind, condition, text};

const NS: &str = "external-manifests";

async fn values(aws: &Aws) {
    let db =
        json!({ "username": "app", "password": "s3cr3t", "host": "db.example.org", "port": 5432 });
    let ci = json!({ "bot": "deploy", "pass": "pw", "server": "registry.example.org" });
    let nested = json!({ "address": { "city": "Delft" }, "list": ["a", "b"] });
    let tags = [("env", "prod"), ("team", "shop")];
    for (name, value, tags) in [
        ("docs/db", db.to_string(), &[][..]),
        ("docs/ci", ci.to_string(), &[]),
        ("docs/nested", nested.to_string(), &[]),
        ("docs/api-token", "tok-123".to_owned(), &tags),
        ("docs/b64", "aGVsbG8=".to_owned(), &[("env", "prod")]),
        ("docs/app/one", "1".to_owned(), &[]),
        ("docs/app/two", "2".to_owned(), &[]),
        ("docs/merge/x", r#"{"a":"1"}"#.to_owned(), &[]),
        ("docs/merge/y", r#"{"b":2}"#.to_owned(), &[]),
        ("docs/rotated", "old".to_owned(), &[]),
    ] {
        secret(aws, name, value, tags).await;
    }
    change(aws, "docs/rotated", "new").await;
    for (name, value) in
        [("/docs/url", "https://shop.example.org"), ("/docs/config", r#"{"key":"k-1"}"#)]
    {
        let put = aws.parameters().put_parameter().name(name).value(value);
        put.r#type(ParameterType::SecureString).send().await.unwrap();
    }
}

/// The stores that the manifests name, and the ConfigMap.
async fn surroundings(api: &Api) {
    stores(api, NS).await;
    for (name, service) in
        [("aws-secretsmanager", "SecretsManager"), ("aws-parameterstore", "ParameterStore")]
    {
        api.create(Kind::SecretStore, store(NS, name, service)).await;
    }
    let mut global = store("", "aws-global", "SecretsManager");
    global["metadata"].as_object_mut().unwrap().remove("namespace");
    let keys = &mut global["spec"]["provider"]["aws"]["auth"]["secretRef"];
    for key in keys.as_object_mut().unwrap().values_mut() {
        key["namespace"] = json!(NS);
    }
    api.create(Kind::ClusterSecretStore, global).await;
    let templates = json!({ "app.ini": "user={{ .user }}\n", "keys": "app_user: {{ .user }}\n" });
    let map = json!({ "metadata": { "namespace": NS, "name": "templates" }, "data": templates });
    api.create(Kind::ConfigMap, map).await;
    serve_v1beta1();
}

fn serve_v1beta1() {
    // As the chart's `crds.unsafeServeV1Beta1` does.
    let patch = json!([{ "op": "replace", "path": "/spec/versions/1/served", "value": true }]);
    for kind in ["externalsecrets", "secretstores", "clustersecretstores"] {
        let mut kubectl = rig().cluster.plane().kubectl();
        kubectl.args(["patch", "crd", &format!("{kind}.external-secrets.io"), "--type=json", "-p"]);
        assert!(kubectl.arg(patch.to_string()).output().unwrap().status.success());
    }
}

#[tokio::test]
async fn rows_01_and_02_manifests_apply_unchanged_and_give_their_secrets() {
    let api = rig().api().await;
    values(&rig().aws).await;
    surroundings(&api).await;
    let directory = e2e::programs::repository("e2e/manifests");
    let mut files: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 30);
    crate::support::eventually("v1beta1 is served", async || {
        let mut kubectl = rig().cluster.plane().kubectl();
        kubectl.args(["apply", "-n", NS, "-f"]).arg(&directory);
        let output = kubectl.output().unwrap();
        output.status.success().then_some(())
    })
    .await;
    for file in files {
        let manifest = fs::read_to_string(&file).unwrap();
        let expects = manifest.lines().filter_map(|line| line.strip_prefix("# expects "));
        for expected in expects {
            let (name, pair) = expected.split_once(' ').unwrap();
            let (key, wanted) = pair.split_once('=').unwrap();
            let wanted = wanted.replace("\\n", "\n");
            let has = |secret: &Value| found(secret, key).as_deref() == Some(&*wanted);
            let secret = tokio::time::timeout(
                std::time::Duration::from_secs(40),
                api.wait(Kind::Secret, NS, name, has),
            );
            if secret.await.is_err() {
                let object = api.get(Kind::ExternalSecret, NS, name).await.unwrap();
                let there = api.secret(NS, name).await;
                panic!(
                    "{expected}: {there:?}\n{}",
                    condition(&object, "Explained").unwrap_or_else(|| &object["status"])
                );
            }
        }
    }
}

/// Manifests as in public repositories: `kubectl` accepts them, or reports the error.
#[tokio::test]
async fn manifests_of_public_repositories_are_accepted_or_refused() {
    let ns = rig().api().await.namespace("external-shapes").await;
    serve_v1beta1();
    let shapes = e2e::programs::repository("e2e/shapes");
    let apply = |file: &Path| {
        let mut kubectl = rig().cluster.plane().kubectl();
        kubectl.args(["apply", "--dry-run=server", "--validate=strict", "-n", &ns, "-f"]).arg(file);
        let output = kubectl.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(errors) }
    };
    let mut answer = Ok(());
    crate::support::eventually("v1beta1 is served", async || {
        answer = apply(&shapes.join("accepted.yaml"));
        let is_unserved = |errors: &String| errors.contains("no matches for kind");
        (!answer.as_ref().is_err_and(is_unserved)).then_some(())
    })
    .await;
    assert_eq!(answer, Ok(()));

    let refused = fs::read_to_string(shapes.join("refused.yaml")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("one.yaml");
    let mut count = 0;
    for document in refused.split("---\n") {
        let Some(document) = document.strip_prefix("# refused: ") else { continue };
        let (why, manifest) = document.split_once('\n').unwrap();
        fs::write(&file, manifest).unwrap();
        let errors = apply(&file).unwrap_err();
        assert!(errors.contains(why), "{why}: {errors}");
        count += 1;
    }
    assert_eq!(count, 7);
}

fn found(secret: &Value, key: &str) -> Option<String> {
    let metadata = &secret["metadata"];
    if key == "@type" {
        return Some(text(&secret["type"]));
    }
    if let Some(label) = key.strip_prefix("@label/") {
        return Some(text(&metadata["labels"][label]));
    }
    if let Some(annotation) = key.strip_prefix("@annotation/") {
        return Some(text(&metadata["annotations"][annotation]));
    }
    value(secret, key)
}
