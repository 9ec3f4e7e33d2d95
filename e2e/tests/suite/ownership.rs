//! The controller does not touch Secrets of other owners, and reports why.

use std::time::{Duration, Instant};

use crds::SealedSecret;
use serde_json::json;

use crate::support::{Kind, catch_up, condition, data, eventually, foreign, sealed, shared};

#[tokio::test]
async fn foreign_secret_stays_unchanged_and_the_status_explains_why() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-foreign").await;
    let before = api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let sealed = api.wait_reason(&ns, "s", "NotOwned").await;
    catch_up(&api).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before);

    let status = |type_: &str| condition(&sealed, type_).unwrap()["status"].clone();
    assert_eq!(status("Synced"), "False");
    assert_eq!(status("Stalled"), "False", "its owner may delete the Secret");
    let message = condition(&sealed, "Synced").unwrap()["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.contains("ownership-foreign/s already exists"), "{message}");
    assert!(message.contains("sealedsecrets.bitnami.com/managed=true"), "{message}");
    let explains = |[type_, reason, message]: &[String; 3]| {
        type_ == "Warning" && reason == "ErrUpdateFailed" && message.starts_with("NotOwned: ")
    };
    eventually("an Event explains it", async || {
        api.events(&ns, "s").await.iter().any(explains).then_some(())
    })
    .await;
}

#[tokio::test]
async fn edits_of_a_foreign_secret_cause_no_request() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("ownership-busy").await;
    api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "NotOwned").await;
    catch_up(&api).await;
    let requests = || {
        let requests = shared.cluster.requests().unwrap();
        requests.iter().filter(|request| request.namespace == ns).count()
    };
    let before = requests();
    for n in 0..5 {
        let edit = json!({ "stringData": { "mine": n.to_string() } });
        api.patch(Kind::Secret, &ns, "s", edit).await;
    }
    catch_up(&api).await;
    assert_eq!(requests(), before);
}

#[tokio::test]
async fn name_is_taken_two_seconds_after_the_foreign_secret_is_deleted() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-vacancy").await;
    api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "NotOwned").await;

    api.delete(Kind::Secret, &ns, "s").await;
    let deleted = Instant::now();
    let secret =
        eventually("the controller creates its Secret", async || api.secret(&ns, "s").await).await;
    let after = deleted.elapsed();
    assert_eq!(data(&secret), ["A=1"]);
    assert!(after > Duration::from_millis(1800), "after {after:?}");
    assert!(after < Duration::from_secs(5), "after {after:?}");
    api.wait_ready(&ns, "s").await;
}

/// People replace Secrets by delete and create.
#[tokio::test]
async fn foreign_secret_replaced_within_two_seconds_stays_foreign() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-replaced").await;
    for name in ["s", "later"] {
        api.create(Kind::Secret, foreign(&ns, name)).await;
        api.apply(Kind::SealedSecret, &sealed(&ns, name, &[("A", "1")])).await;
        api.wait_reason(&ns, name, "NotOwned").await;
    }

    api.delete(Kind::Secret, &ns, "s").await;
    let other = api.create(Kind::Secret, foreign(&ns, "s")).await;
    // Its two seconds begin after those of the first one, so they end later too.
    api.delete(Kind::Secret, &ns, "later").await;
    api.wait(Kind::Secret, &ns, "later", |secret| data(secret) == ["A=1"]).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), other);
    api.wait_reason(&ns, "s", "NotOwned").await;
}

#[tokio::test]
async fn later_consent_is_honoured() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-consent").await;
    for name in ["taken", "merged"] {
        api.create(Kind::Secret, foreign(&ns, name)).await;
        api.apply(Kind::SealedSecret, &sealed(&ns, name, &[("A", "1")])).await;
        api.wait_reason(&ns, name, "NotOwned").await;
    }
    let annotate =
        |annotation: &str| json!({ "metadata": { "annotations": { annotation: "true" } } });
    api.patch(Kind::Secret, &ns, "taken", annotate(SealedSecret::MANAGED)).await;
    api.patch(Kind::Secret, &ns, "merged", annotate(SealedSecret::PATCH)).await;
    api.wait_ready(&ns, "taken").await;
    api.wait_ready(&ns, "merged").await;

    let taken = api.secret(&ns, "taken").await.unwrap();
    assert_eq!(data(&taken), ["A=1"]);
    assert_eq!(taken["metadata"]["ownerReferences"][0]["kind"], "SealedSecret");
    let merged = api.secret(&ns, "merged").await.unwrap();
    assert_eq!(data(&merged), ["A=1", "mine=1"]);
    assert_eq!(merged["metadata"].get("ownerReferences"), None);
}

#[tokio::test]
async fn secret_of_another_sealed_secret_is_never_taken_over() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-other").await;
    let owner = api.apply(Kind::SealedSecret, &sealed(&ns, "other", &[("B", "2")])).await;
    let mut secret = foreign(&ns, "s");
    secret["metadata"]["annotations"] = json!({ SealedSecret::MANAGED: "true" });
    secret["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "controller": true,
        "name": "other", "uid": owner["metadata"]["uid"],
    }]);
    let before = api.create(Kind::Secret, secret).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let sealed = api.wait_reason(&ns, "s", "NotOwned").await;
    let message = condition(&sealed, "Ready").unwrap()["message"].to_string();
    assert!(message.contains("SealedSecret/other"), "{message}");
    catch_up(&api).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before);
}
