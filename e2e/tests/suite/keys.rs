//! Sealing keys: created, added, invalid, revoked; and the certificate that the controller serves.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::cluster::NAMESPACE;
use jiff::{SignedDuration, Timestamp};
use sealing::{Certificate, KeyOptions, Scope, SealingKey};
use serde_json::{Value, json};

use crate::support::{
    Key, Kind, catch_up, data, eventually, key_pair, key_secret, private, sealed, sealed_with,
    text, vector_key,
};

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
const KEYS: &str = "mtk_controller_sealing_keys";
const OPERATIONS: &str = "mtk_controller_private_key_operations_total";

#[tokio::test]
async fn row_8_first_key_equals_bitnamis_and_is_created_once() {
    let private = private().await;
    let api = private.api().await;
    let flags = ["--key-size=2048", "--my-cn=here"];
    let controller = private.cluster().controller(&flags).unwrap();
    let keys = || async {
        let secrets = api.list(Kind::Secret, Some(NAMESPACE)).await;
        let has_label = |secret: &Value| secret["metadata"]["labels"][LABEL] == "active";
        secrets.into_iter().filter(has_label).collect::<Vec<_>>()
    };
    let found = keys().await;
    let [secret] = &found[..] else { panic!("one key") };
    assert_eq!(secret["type"], "kubernetes.io/tls");
    assert_eq!(secret["metadata"]["generateName"], "sealed-secrets-key");
    assert_eq!(secret["metadata"]["labels"], json!({ LABEL: "active" }));
    let items = secret["data"].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(items, ["tls.crt", "tls.key"]);

    let pem = decoded(&secret["data"]["tls.crt"]);
    assert_eq!(controller.get("/v1/cert.pem").unwrap(), pem);
    // Row 17.
    eventually("the log has the certificate", async || {
        controller.log().unwrap().contains("-----BEGIN CERTIFICATE-----").then_some(())
    })
    .await;
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(certificate.modulus_bits(), 2048);
    let validity = certificate.not_after().duration_since(certificate.not_before());
    assert_eq!(validity, SignedDuration::from_hours(87_600));
    let private_key = decoded(&secret["data"]["tls.key"]);
    assert!(private_key.starts_with("-----BEGIN RSA PRIVATE KEY-----"));

    let ns = api.namespace("keys-first").await;
    let object = sealed_with(&Key::from_pem(&pem), Scope::Strict, &ns, "s", &[("A", "1")]);
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_ready(&ns, "s").await;
    controller.end().unwrap();
    let _controller = private.cluster().controller(&flags).unwrap();
    assert_eq!(keys().await.len(), 1, "no second key");
}

/// Fault F17: Bitnami's controller crashes in a loop on such a Secret.
#[tokio::test]
async fn invalid_key_secret_is_isolated() {
    let private = private().await;
    let api = private.api().await;
    let broken = |name: &str, item: &str| {
        let mut secret = key_secret(NAMESPACE, "rsa2048");
        secret["metadata"]["name"] = json!(name);
        secret["stringData"][item] = json!("not PEM");
        secret
    };
    api.create(Kind::Secret, broken("aaa-broken", "tls.key")).await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let controller = private.cluster().controller(&[]).unwrap();
    assert!(controller.log().unwrap().contains("aaa-broken"));
    api.create(Kind::Secret, broken("zzz-broken", "tls.crt")).await;
    eventually("the log names the other key", async || {
        controller.log().unwrap().contains("zzz-broken").then_some(())
    })
    .await;
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "1");

    let ns = api.namespace("keys-broken").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    controller.get("/readyz").unwrap();
}

#[tokio::test]
async fn rows_12_and_16_added_key_opens_waiting_objects_and_revoked_key_opens_none() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let ns = api.namespace("keys-later").await;
    let object = sealed_with(&vector_key("rsa3072"), Scope::Strict, &ns, "s", &[("A", "1")]);
    api.apply(Kind::SealedSecret, &object).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "other", &[("A", "2")])).await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    api.wait_ready(&ns, "other").await;

    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa3072")).await;
    api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!(data(&secret), ["A=1"]);
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "2");

    let label = |value: &str| json!({ "metadata": { "labels": { LABEL: value } } });
    let name = "sealed-secrets-key-rsa3072";
    api.patch(Kind::Secret, NAMESPACE, name, label("compromised")).await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "1");
    assert_eq!(api.secret(&ns, "s").await.unwrap(), secret, "the app keeps its Secret");

    api.patch(Kind::Secret, NAMESPACE, name, label("active")).await;
    api.wait_ready(&ns, "s").await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), secret);
    // An object that failed once is repaired like all others.
    api.patch(Kind::Secret, &ns, "s", json!({ "data": { "A": "Mg==" } })).await;
    let secret = api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=1"]).await;
    api.delete(Kind::Secret, NAMESPACE, name).await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), secret);
    api.wait_ready(&ns, "other").await;
}

#[tokio::test]
async fn row_14_newest_active_key_is_served() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let [_, old] = key_pair("rsa2048");
    let fingerprint = |pem: &str| {
        let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
        certificate.fingerprint().clone()
    };
    let served = || fingerprint(&controller.get("/v1/cert.pem").unwrap());
    assert_eq!(served(), fingerprint(&old));

    let key = SealingKey::generate(&KeyOptions {
        bits: 2048,
        common_name: String::new(),
        not_before: Timestamp::now(),
        lifetime: SignedDuration::from_hours(1),
    })
    .unwrap();
    let mut secret = key_secret(NAMESPACE, "rsa2048");
    secret["metadata"]["name"] = json!("renewed");
    secret["stringData"] = json!({
        "tls.key": *key.private_key_pem(),
        "tls.crt": key.certificate().unwrap().to_pem(),
    });
    api.create(Kind::Secret, secret).await;
    eventually("the new certificate is served", async || {
        (served() == *key.fingerprint()).then_some(())
    })
    .await;

    let relabel = json!({ "metadata": { "labels": { LABEL: "compromised" } } });
    api.patch(Kind::Secret, NAMESPACE, "renewed", relabel).await;
    eventually("the old certificate is served", async || {
        (served() == fingerprint(&old)).then_some(())
    })
    .await;
}

/// Bitnami's first releases created such keys.
#[tokio::test]
async fn row_13_unlabelled_key_is_used_until_its_secret_is_deleted() {
    let private = private().await;
    let api = private.api().await;
    let mut unlabelled = key_secret(NAMESPACE, "rsa2048");
    unlabelled["metadata"]["name"] = json!("sealed-secrets-key");
    unlabelled["metadata"]["labels"] = json!({});
    api.create(Kind::Secret, unlabelled).await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa3072")).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let ns = api.namespace("keys-unlabelled").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "2");
    api.delete(Kind::Secret, NAMESPACE, "sealed-secrets-key").await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "1");
}

#[tokio::test]
async fn row_13_secret_with_the_name_of_the_prefix_counts_when_it_appears() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa3072")).await;
    let controller = private.cluster().controller(&["--key-prefix=ours"]).unwrap();
    let ns = api.namespace("keys-own").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    let mut own = key_secret(NAMESPACE, "rsa2048");
    own["metadata"]["name"] = json!("ours");
    own["metadata"]["labels"] = json!({});
    api.create(Kind::Secret, own).await;
    api.wait_ready(&ns, "s").await;
    assert_eq!(controller.metrics().unwrap()[KEYS].to_string(), "2");
}

/// Fault F18.
#[tokio::test]
async fn lost_fingerprint_key_costs_one_reconcile_and_no_secret_write() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("keys-fingerprint").await;
    let controller = private.cluster().controller(&[]).unwrap();
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    let before = api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await;
    controller.end().unwrap();

    api.delete(Kind::Secret, NAMESPACE, "mtk-controller-fingerprint-key").await;
    let controller = private.cluster().controller(&[]).unwrap();
    api.wait(Kind::SealedSecret, &ns, "s", |sealed| {
        sealed["status"]["fingerprint"] != before["status"]["fingerprint"]
    })
    .await;
    assert_eq!(api.secret(&ns, "s").await, secret);
    assert_eq!(controller.metrics().unwrap()[OPERATIONS].to_string(), "1");
    controller.end().unwrap();

    let controller = private.cluster().controller(&[]).unwrap();
    catch_up(&api).await;
    assert_eq!(controller.metrics().unwrap()[OPERATIONS].to_string(), "0");
}

fn decoded(value: &Value) -> String {
    String::from_utf8(BASE64_STANDARD.decode(text(value)).unwrap()).unwrap()
}
