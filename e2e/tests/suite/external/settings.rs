//! Permissions and flags that the cluster's administrator sets.

use e2e::aws::Aws;
use serde_json::json;

use super::support::{
    catch_up, change, external, force, secret, stores, value, wait_ready, wait_value,
};
use crate::support::{Kind, condition, private, text};

/// Namespaces of tests in which the controller lacks a permission.
pub(crate) const WITHOUT_DELETE: [&str; 2] = ["external-no-delete", "external-renamed-twice"];
const HASH: &str = "reconcile.external-secrets.io/data-hash";

#[tokio::test]
async fn missing_delete_permission_is_reported_with_the_chart_value() {
    let private = private().await;
    let (api, ns) = (private.api().await, WITHOUT_DELETE[0]);
    let aws = Aws::start().unwrap();
    secret(&aws, "no-delete/a", "1", &[]).await;
    stores(&api, ns).await;
    let _controller = private.cluster().controller_with(&aws, &[]).unwrap();
    for (name, target) in
        [("gone", json!({ "deletionPolicy": "Delete" })), ("renamed", json!({ "name": "one" }))]
    {
        let mut object = external(ns, name, &[("A", "no-delete/a")]);
        object["spec"]["target"] = target;
        api.create(Kind::ExternalSecret, object).await;
        wait_ready(&api, ns, name, "True").await;
    }
    let patch = json!({ "spec": { "target": { "name": "two" } } });
    api.patch(Kind::ExternalSecret, ns, "renamed", patch).await;
    wait_ready(&api, ns, "renamed", "False").await;
    let deleted = aws.secrets().delete_secret().secret_id("no-delete/a");
    deleted.force_delete_without_recovery(true).send().await.unwrap();
    force(&api, ns, "gone").await;
    for (name, kept) in [("gone", "gone"), ("renamed", "one")] {
        let object = wait_ready(&api, ns, name, "False").await;
        let message = text(&condition(&object, "Explained").unwrap()["message"]);
        assert!(message.contains("externalSecrets.allowDelete=true"), "{name}: {message}");
        assert!(api.secret(ns, kept).await.is_some(), "{kept} is unchanged");
    }
}

/// The status remembers every earlier name, not only the last one.
#[tokio::test]
async fn secrets_of_renamed_targets_are_deleted_once_rbac_allows_it() {
    let private = private().await;
    let (api, ns) = (private.api().await, WITHOUT_DELETE[1]);
    let aws = Aws::start().unwrap();
    secret(&aws, "renamed/a", "1", &[]).await;
    stores(&api, ns).await;
    let _controller = private.cluster().controller_with(&aws, &[]).unwrap();
    let mut object = external(ns, "s", &[("A", "renamed/a")]);
    object["spec"]["target"] = json!({ "name": "one" });
    api.create(Kind::ExternalSecret, object).await;
    wait_ready(&api, ns, "s", "True").await;
    for name in ["two", "three"] {
        let patch = json!({ "spec": { "target": { "name": name } } });
        api.patch(Kind::ExternalSecret, ns, "s", patch).await;
        wait_value(&api, ns, name, "A", "1").await;
        wait_ready(&api, ns, "s", "False").await;
    }
    e2e::cluster::allow_delete(private.cluster().plane().access()).unwrap();
    force(&api, ns, "s").await;
    wait_ready(&api, ns, "s", "True").await;
    for name in ["one", "two"] {
        assert!(api.secret(ns, name).await.is_none(), "{name}");
    }
    assert!(api.secret(ns, "three").await.is_some());
}

#[tokio::test]
async fn flags_omit_the_data_hash_and_copied_labels() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-flags");
    let aws = Aws::start().unwrap();
    secret(&aws, "flags/a", "1", &[]).await;
    stores(&api, ns).await;
    let flags = ["--data-hash=false", "--copy-metadata=false"];
    let controller = private.cluster().controller_with(&aws, &flags).unwrap();
    let mut object = external(ns, "s", &[("A", "flags/a")]);
    object["metadata"]["labels"] = json!({ "team": "a" });
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let made = api.secret(ns, "s").await.unwrap();
    assert!(made["metadata"]["annotations"][HASH].is_null(), "{}", made["metadata"]);
    assert!(made["metadata"]["labels"]["team"].is_null());
    // The controller still repairs edits.
    api.patch(Kind::Secret, ns, "s", json!({ "data": { "A": "eA==" } })).await;
    wait_value(&api, ns, "s", "A", "1").await;
    catch_up(&api, &aws, &controller, "default").await;
    // After a restart it finds the Secret in sync.
    controller.end().unwrap();
    let reads = || aws.requests().iter().filter(|request| request.access_key == ns).count();
    let (before, version) = (reads(), api.secret(ns, "s").await.unwrap());
    let controller = private.cluster().controller_with(&aws, &flags).unwrap();
    catch_up(&api, &aws, &controller, "default").await;
    assert_eq!(reads(), before);
    let after = api.secret(ns, "s").await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], version["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn required_annotation_protects_a_foreign_secret() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-adopt");
    let aws = Aws::start().unwrap();
    secret(&aws, "adopt/a", "1", &[]).await;
    stores(&api, ns).await;
    let _controller =
        private.cluster().controller_with(&aws, &["--require-adopt-annotation"]).unwrap();
    let foreign =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, foreign).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "adopt/a")])).await;
    let object = wait_ready(&api, ns, "s", "False").await;
    let explained = condition(&object, "Explained").unwrap();
    assert_eq!(explained["reason"], "NotOwned");
    assert!(text(&explained["message"]).contains("mtk.mytomorrows.com/adopt=true"));
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "own").as_deref(), Some("1"));
    let adopt = json!({ "metadata": { "annotations": { "mtk.mytomorrows.com/adopt": "true" } } });
    api.patch(Kind::Secret, ns, "s", adopt).await;
    wait_value(&api, ns, "s", "A", "1").await;
    // The Secret is the controller's own now.
    change(&aws, "adopt/a", "2").await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
    // External Secrets made this one: only its field manager shows that.
    let theirs = json!({ "metadata": { "namespace": ns, "name": "theirs" }, "data": { "B": "" } });
    api.create_as("externalsecrets.external-secrets.io/theirs", Kind::Secret, theirs).await;
    api.create(Kind::ExternalSecret, external(ns, "theirs", &[("A", "adopt/a")])).await;
    wait_value(&api, ns, "theirs", "A", "2").await;
}
