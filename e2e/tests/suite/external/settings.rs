//! What the operator settles: by rights, and by flags.

use e2e::aws::Aws;
use serde_json::json;

use super::support::{change, external, force, secret, stores, value, wait_ready, wait_value};
use crate::support::{Kind, condition, pause, private, text};

/// Where ExternalSecrets ask for what the controller has no right to.
pub(crate) const WITHOUT_DELETE: [&str; 2] = ["external-no-delete", "external-renamed-twice"];
const HASH: &str = "reconcile.external-secrets.io/data-hash";

#[tokio::test]
async fn without_the_right_to_delete_the_condition_names_the_value_that_gives_it() {
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
        assert!(api.secret(ns, kept).await.is_some(), "{kept} is left as it was");
    }
}

/// Only the last name but one was known, and what had had a name in between stayed.
#[tokio::test]
async fn what_could_not_be_deleted_when_the_target_was_renamed_is_deleted_when_it_may_be() {
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
async fn without_a_hash_and_without_copies_a_secret_bears_nothing_of_a_value_or_of_argo_cd() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-flags");
    let aws = Aws::start().unwrap();
    secret(&aws, "flags/a", "1", &[]).await;
    stores(&api, ns).await;
    let flags = ["--data-hash=false", "--copy-metadata=false"];
    let controller = private.cluster().controller_with(&aws, &flags).unwrap();
    let mut object = external(ns, "s", &[("A", "flags/a")]);
    object["metadata"]["labels"] = json!({ "argocd.argoproj.io/instance": "x" });
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let made = api.secret(ns, "s").await.unwrap();
    assert!(made["metadata"]["annotations"][HASH].is_null(), "{}", made["metadata"]);
    assert!(made["metadata"]["labels"]["argocd.argoproj.io/instance"].is_null());
    // What others do to it is seen all the same,
    api.patch(Kind::Secret, ns, "s", json!({ "data": { "A": "eA==" } })).await;
    wait_value(&api, ns, "s", "A", "1").await;
    pause(1500).await;
    // and that it is in order too, after a restart.
    controller.end().unwrap();
    let (before, version) = (aws.counts(), api.secret(ns, "s").await.unwrap());
    let _controller = private.cluster().controller_with(&aws, &flags).unwrap();
    pause(4000).await;
    assert_eq!(aws.counts(), before);
    let after = api.secret(ns, "s").await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], version["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn with_consent_asked_for_a_secret_of_somebody_else_is_left_alone_until_it_says_yes() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-consent");
    let aws = Aws::start().unwrap();
    secret(&aws, "consent/a", "1", &[]).await;
    stores(&api, ns).await;
    let _controller = private.cluster().controller_with(&aws, &["--adopt-with-consent"]).unwrap();
    let foreign =
        json!({ "metadata": { "namespace": ns, "name": "s" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, foreign).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "consent/a")])).await;
    let object = wait_ready(&api, ns, "s", "False").await;
    let explained = condition(&object, "Explained").unwrap();
    assert_eq!(explained["reason"], "NotOwned");
    assert!(text(&explained["message"]).contains("mtk.mytomorrows.com/adopt=true"));
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "own").as_deref(), Some("1"));
    let consent = json!({ "metadata": { "annotations": { "mtk.mytomorrows.com/adopt": "true" } } });
    api.patch(Kind::Secret, ns, "s", consent).await;
    wait_value(&api, ns, "s", "A", "1").await;
    // Its own it knows without being told again.
    change(&aws, "consent/a", "2").await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
}
