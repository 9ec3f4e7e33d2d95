//! `--namespace-selector` and `--label-selector`: objects that are not selected are left as they are.

use serde_json::json;

use crate::support::{Api, Kind, catch_up_in, data, eventually, key_secret, private, sealed};
use e2e::cluster::NAMESPACE;

async fn label_namespace(api: &Api, namespace: &str, value: &str) {
    let patch = json!({ "metadata": { "labels": { "sealing": value } } });
    api.patch(Kind::Namespace, "", namespace, patch).await;
}

async fn apply(api: &Api, namespace: &str, name: &str, value: &str) {
    api.apply(Kind::SealedSecret, &sealed(namespace, name, &[("A", value)])).await;
}

#[tokio::test]
async fn namespaces_join_and_leave_by_their_labels() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let on = api.namespace("selectors-on").await;
    let joins = api.namespace("selectors-joins").await;
    label_namespace(&api, &on, "on").await;
    apply(&api, &on, "s", "1").await;
    apply(&api, &joins, "s", "1").await;
    let controller = private.cluster().controller(&["--namespace-selector=sealing=on"]).unwrap();
    api.wait_ready(&on, "s").await;
    catch_up_in(&api, &on).await;
    assert_eq!(api.secret(&joins, "s").await, None);
    let ignored = api.get(Kind::SealedSecret, &joins, "s").await.unwrap();
    assert_eq!(ignored["status"].get("conditions"), None);

    label_namespace(&api, &joins, "on").await;
    api.wait_ready(&joins, "s").await;
    assert_eq!(data(&api.secret(&joins, "s").await.unwrap()), ["A=1"]);

    label_namespace(&api, &joins, "off").await;
    eventually("the namespace leaves", async || {
        controller.log().unwrap().contains("no longer selected").then_some(())
    })
    .await;
    let left = api.secret(&joins, "s").await.unwrap();
    apply(&api, &joins, "s", "2").await;
    apply(&api, &joins, "later", "1").await;
    catch_up_in(&api, &on).await;
    let now = api.secret(&joins, "s").await.unwrap();
    assert_eq!(now["metadata"]["resourceVersion"], left["metadata"]["resourceVersion"]);
    assert_eq!(api.secret(&joins, "later").await, None);

    label_namespace(&api, &joins, "on").await;
    api.wait_ready(&joins, "s").await;
    api.wait_ready(&joins, "later").await;
    assert_eq!(data(&api.secret(&joins, "s").await.unwrap()), ["A=2"]);
    drop(controller);
}

#[tokio::test]
async fn object_that_stops_matching_is_left_as_it_is() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("selectors-labels").await;
    let labelled = |name: &str, tier: &str, value: &str| {
        let mut object = sealed(&ns, name, &[("A", value)]);
        object["metadata"]["labels"] = json!({ "tier": tier });
        object
    };
    api.apply(Kind::SealedSecret, &labelled("web", "web", "1")).await;
    api.apply(Kind::SealedSecret, &labelled("other", "other", "1")).await;
    let controller = private.cluster().controller(&["--label-selector=tier in (web)"]).unwrap();
    let before = api.wait_ready(&ns, "web").await;

    api.apply(Kind::SealedSecret, &labelled("web", "other", "2")).await;
    api.apply(Kind::SealedSecret, &labelled("later", "web", "1")).await;
    api.wait_ready(&ns, "later").await;
    assert_eq!(data(&api.secret(&ns, "web").await.unwrap()), ["A=1"]);
    let now = api.get(Kind::SealedSecret, &ns, "web").await.unwrap();
    assert_eq!(now["status"], before["status"]);
    assert_eq!(api.secret(&ns, "other").await, None);

    api.apply(Kind::SealedSecret, &labelled("web", "web", "2")).await;
    api.wait_ready(&ns, "web").await;
    assert_eq!(data(&api.secret(&ns, "web").await.unwrap()), ["A=2"]);
    drop(controller);
}
