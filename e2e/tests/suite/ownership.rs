//! What is not ours is left alone, and what is said of it.

use std::time::{Duration, Instant};

use crds::SealedSecret;
use serde_json::json;

use crate::support::{Kind, condition, data, eventually, foreign, pause, sealed, shared};

#[tokio::test]
async fn a_foreign_secret_stays_as_it_is_to_the_byte_and_the_sealed_secret_says_why() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-foreign").await;
    let before = api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let sealed = api.wait_reason(&ns, "s", "NotOwned").await;
    pause(3000).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before);

    let status = |type_: &str| condition(&sealed, type_).unwrap()["status"].clone();
    assert_eq!(status("Synced"), "False");
    assert_eq!(status("Stalled"), "False", "somebody may remove the Secret");
    let message = condition(&sealed, "Synced").unwrap()["message"].clone();
    let message = message.as_str().unwrap();
    assert!(message.contains("ownership-foreign/s already exists"), "{message}");
    assert!(message.contains("sealedsecrets.bitnami.com/managed=true"), "{message}");
    let events = api.events(&ns, "s").await;
    assert!(
        events.iter().any(|[type_, reason, _]| type_ == "Warning" && reason == "NotOwned"),
        "{events:?}"
    );
}

#[tokio::test]
async fn what_others_do_to_their_own_secrets_costs_no_request() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("ownership-busy").await;
    api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "NotOwned").await;
    pause(1000).await;
    let requests = || {
        let requests = shared.cluster.requests().unwrap();
        requests.iter().filter(|request| request.namespace == ns).count()
    };
    let before = requests();
    for n in 0..5 {
        let edit = json!({ "stringData": { "mine": n.to_string() } });
        api.patch(Kind::Secret, &ns, "s", edit).await;
    }
    pause(1500).await;
    assert_eq!(requests(), before);
}

#[tokio::test]
async fn the_name_is_taken_two_seconds_after_the_foreign_secret_is_gone_and_not_at_once() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-vacancy").await;
    api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "NotOwned").await;

    api.delete(Kind::Secret, &ns, "s").await;
    let deleted = Instant::now();
    let secret = eventually("the name is taken", async || api.secret(&ns, "s").await).await;
    let after = deleted.elapsed();
    assert_eq!(data(&secret), ["A=1"]);
    assert!(after > Duration::from_millis(1800), "after {after:?}");
    assert!(after < Duration::from_secs(5), "after {after:?}");
    api.wait_ready(&ns, "s").await;
}

/// People replace Secrets by delete and create.
#[tokio::test]
async fn a_foreign_secret_that_is_replaced_within_the_two_seconds_stays_foreign() {
    let api = shared().api().await;
    let ns = api.namespace("ownership-replaced").await;
    api.create(Kind::Secret, foreign(&ns, "s")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "NotOwned").await;

    api.delete(Kind::Secret, &ns, "s").await;
    pause(1000).await;
    let other = api.create(Kind::Secret, foreign(&ns, "s")).await;
    pause(3500).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), other);
    api.wait_reason(&ns, "s", "NotOwned").await;
}

#[tokio::test]
async fn consent_that_is_given_later_is_honoured() {
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
async fn the_secret_of_another_sealed_secret_is_never_taken() {
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
    pause(1500).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before);
}
