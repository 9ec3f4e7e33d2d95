//! New sealing keys by time and on request, and what the controller shows of its keys. The names of
//! tests begin with the row of the table in docs/compatibility.md.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use e2e::cluster::NAMESPACE;
use e2e::controller::Controller;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use rustix::process::{Pid, Signal, kill_process};
use sealing::{Certificate, KeyOptions, Scope, SealingKey};
use serde_json::{Value, json};

use crate::support::{
    Api, Key, Kind, catch_up, eventually, key_secret, post, private, sealed_with, text,
};

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
const CONFIG_MAP: &str = "mtk-controller-certificate";

/// The Secret of a new key whose certificate started this many hours ago, and its certificate.
fn aged_key(name: &str, hours: i64) -> (Value, Key) {
    let key = SealingKey::generate(&KeyOptions {
        bits: 2048,
        common_name: String::new(),
        not_before: Timestamp::now() - SignedDuration::from_hours(hours),
        lifetime: SignedDuration::from_hours(10_000),
    });
    let key = key.unwrap();
    let certificate = key.certificate().unwrap().to_pem();
    let mut secret = key_secret(NAMESPACE, "rsa2048");
    secret["metadata"]["name"] = json!(name);
    secret["stringData"] = json!({ "tls.key": *key.private_key_pem(), "tls.crt": certificate });
    (secret, Key::from_pem(&certificate))
}

/// The active key Secrets.
async fn keys(api: &Api) -> Vec<Value> {
    let mut secrets = api.list(Kind::Secret, Some(NAMESPACE)).await;
    secrets.retain(|secret| secret["metadata"]["labels"][LABEL] == "active");
    secrets
}

async fn wait_for_keys(api: &Api, count: usize) -> Vec<Value> {
    let what = format!("there are {count} keys");
    eventually(&what, async || {
        let keys = keys(api).await;
        assert!(keys.len() <= count, "{} keys", keys.len());
        (keys.len() == count).then_some(keys)
    })
    .await
}

fn certificate_of(secret: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(text(&secret["data"]["tls.crt"])).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn served(controller: &Controller) -> String {
    controller.get("/v1/cert.pem").unwrap()
}

/// The time as Bitnami's flag expects it.
fn cutoff(at: Timestamp) -> String {
    let text = rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
    format!("--key-cutoff-time={text}")
}

#[tokio::test]
async fn row_9_renewed_key_seals_while_old_secrets_stay_open() {
    let private = private().await;
    let api = private.api().await;
    let (secret, old) = aged_key("old", 2);
    api.create(Kind::Secret, secret).await;
    let flags = ["--key-size=2048", "--key-renew-period=1h"];
    let controller = private.cluster().controller(&flags).unwrap();
    let found = wait_for_keys(&api, 2).await;
    let new = found.iter().find(|secret| secret["metadata"]["name"] != "old").unwrap();
    eventually("the new certificate is served", async || {
        (served(&controller) == certificate_of(new)).then_some(())
    })
    .await;
    let ns = api.namespace("renewed").await;
    let current = Key::from_pem(&served(&controller));
    for (name, key) in [("before", &old), ("after", &current)] {
        let object = sealed_with(key, Scope::Strict, &ns, name, &[("A", "1")]);
        api.apply(Kind::SealedSecret, &object).await;
        api.wait_ready(&ns, name).await;
    }
    eventually("the log has the reason", async || {
        controller.log().unwrap().contains("older than --key-renew-period").then_some(())
    })
    .await;
    controller.end().unwrap();

    // The age counts from the newest key, so a restart creates none.
    let controller = private.cluster().controller(&flags).unwrap();
    catch_up(&api).await;
    assert_eq!(keys(&api).await.len(), 2);
    controller.end().unwrap();
    // 0 is off.
    api.delete(Kind::Secret, NAMESPACE, &text(&new["metadata"]["name"])).await;
    let _controller = private.cluster().controller(&["--key-renew-period=0"]).unwrap();
    catch_up(&api).await;
    assert_eq!(keys(&api).await.len(), 1);
}

#[tokio::test]
async fn row_9_key_is_renewed_each_time_that_the_period_has_passed() {
    let private = private().await;
    let api = private.api().await;
    let flags = ["--key-size=2048", "--rotate-period=2s"];
    let controller = private.cluster().controller(&flags).unwrap();
    let log = controller.log().unwrap();
    assert!(log.contains("old name of --key-renew-period"), "{log}");
    eventually("there are three keys", async || (keys(&api).await.len() >= 3).then_some(())).await;
    let starts: Vec<_> = keys(&api)
        .await
        .iter()
        .map(|secret| {
            let certificate = Certificate::from_pem(certificate_of(secret).as_bytes());
            certificate.unwrap().not_before()
        })
        .collect();
    let mut sorted = starts.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), starts.len(), "one key at a time");
    assert!(
        sorted.windows(2).all(|two| two[1].duration_since(two[0]).as_secs() >= 2),
        "{sorted:?}"
    );
}

#[tokio::test]
async fn row_10_cutoff_renews_an_older_key_once() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, aged_key("old", 2).0).await;
    let hour_ago = cutoff(Timestamp::now() - SignedDuration::from_hours(1));
    let flags = ["--key-size=2048", "--key-renew-period=0", &hour_ago];
    let controller = private.cluster().controller(&flags).unwrap();
    wait_for_keys(&api, 2).await;
    eventually("the log has the reason", async || {
        controller.log().unwrap().contains("older than --key-cutoff-time").then_some(())
    })
    .await;
    controller.end().unwrap();
    let _controller = private.cluster().controller(&flags).unwrap();
    catch_up(&api).await;
    assert_eq!(keys(&api).await.len(), 2);
}

/// Bitnami's controller creates a key at each start until that time.
#[tokio::test]
async fn row_10_cutoff_in_the_future_takes_effect_then() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, aged_key("old", 2).0).await;
    let hour = cutoff(Timestamp::now() + SignedDuration::from_hours(1));
    let controller =
        private.cluster().controller(&["--key-size=2048", "--key-renew-period=0", &hour]).unwrap();
    catch_up(&api).await;
    assert_eq!(keys(&api).await.len(), 1);
    controller.end().unwrap();
    let soon = cutoff(Timestamp::now() + SignedDuration::from_secs(3));
    let _controller =
        private.cluster().controller(&["--key-size=2048", "--key-renew-period=0", &soon]).unwrap();
    wait_for_keys(&api, 2).await;
}

#[tokio::test]
async fn row_11_signal_creates_a_key_with_renewal_off() {
    let private = private().await;
    let api = private.api().await;
    let flags = ["--key-size=2048", "--key-renew-period=0"];
    let controller = private.cluster().controller(&flags).unwrap();
    for count in 2..4 {
        let before = served(&controller);
        let pid = Pid::from_raw(controller.pid().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::USR1).unwrap();
        wait_for_keys(&api, count).await;
        // Keys of the same second keep the older one, as in Bitnami's controller.
        let known = keys(&api).await;
        assert!(known.iter().any(|secret| certificate_of(secret) == before));
    }
    controller.get("/readyz").unwrap();
}

#[tokio::test]
async fn row_14_order_by_creation_prefers_the_newer_secret() {
    let private = private().await;
    let api = private.api().await;
    let (newer_certificate, _) = aged_key("a", 1);
    let created = api.create(Kind::Secret, newer_certificate.clone()).await;
    let (older_certificate, _) = aged_key("b", 3);
    eventually("the second Secret is younger", async || {
        api.delete(Kind::Secret, NAMESPACE, "b").await;
        let second = api.create(Kind::Secret, older_certificate.clone()).await;
        let time = |secret: &Value| text(&secret["metadata"]["creationTimestamp"]);
        (time(&second) > time(&created)).then_some(())
    })
    .await;
    for (order, expected) in
        [("CertNotBefore", &newer_certificate), ("SecretCreationTimestamp", &older_certificate)]
    {
        let order = format!("--key-order-priority={order}");
        let controller = private.cluster().controller(&[&order]).unwrap();
        assert_eq!(served(&controller), text(&expected["stringData"]["tls.crt"]), "{order}");
        controller.end().unwrap();
    }
}

#[tokio::test]
async fn row_15_new_key_has_the_labels_and_annotations() {
    let private = private().await;
    let api = private.api().await;
    let labels = format!("--privatekey-labels=team=a,{LABEL}=compromised");
    let flags = ["--key-size=2048", &labels, "--privatekey-annotations=example.org/url=x?y=z"];
    let _controller = private.cluster().controller(&flags).unwrap();
    let [secret] = &keys(&api).await[..] else { panic!("one key") };
    assert_eq!(secret["metadata"]["labels"], json!({ "team": "a", LABEL: "active" }));
    assert_eq!(secret["metadata"]["annotations"], json!({ "example.org/url": "x?y=z" }));
}

#[tokio::test]
async fn row_16_replaced_key_is_dropped_and_unreadable_one_is_reported() {
    let private = private().await;
    let api = private.api().await;
    let (secret, first) = aged_key("a", 1);
    api.create(Kind::Secret, secret).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let (replacement, second) = aged_key("a", 1);
    let body = |key: &Key| sealed_with(key, Scope::Strict, "n", "s", &[("A", "1")]).to_string();
    let address = controller.address().unwrap();
    let opens = async |key: &Key, code: u16| {
        let body = body(key);
        eventually("verify answers as expected", async || {
            (post(address, "/v1/verify", &body).code == code).then_some(())
        })
        .await;
    };
    opens(&first, 200).await;
    api.patch(Kind::Secret, NAMESPACE, "a", json!({ "stringData": replacement["stringData"] }))
        .await;
    opens(&second, 200).await;
    opens(&first, 409).await;
    let broken = json!({ "stringData": { "tls.key": "broken" } });
    api.patch(Kind::Secret, NAMESPACE, "a", broken).await;
    opens(&second, 409).await;
    let metrics = controller.metrics().unwrap();
    assert_eq!(metrics["mtk_controller_sealing_keys"].to_string(), "0");
    assert_eq!(metrics["mtk_controller_sealing_keys_unusable"].to_string(), "1");
    assert_eq!(keys(&api).await.len(), 1, "no new key hides the loss");
    api.patch(Kind::Secret, NAMESPACE, "a", json!({ "stringData": replacement["stringData"] }))
        .await;
    opens(&second, 200).await;
}

#[tokio::test]
async fn controller_without_first_key_waits_for_one() {
    let private = private().await;
    let api = private.api().await;
    let controller = private.cluster().controller(&["--create-first-key=false"]).unwrap();
    let ns = api.namespace("fail-closed").await;
    let (secret, key) = aged_key("restored", 2);
    let object = sealed_with(&key, Scope::Strict, &ns, "s", &[("A", "1")]);
    api.apply(Kind::SealedSecret, &object).await;
    api.wait_reason(&ns, "s", "UnknownKey").await;
    assert!(keys(&api).await.is_empty());
    let address = controller.address().unwrap();
    let certificate = crate::support::send(address, "GET", "/v1/cert.pem", &[], "");
    let expected = (500, "cannot get certificate\n");
    assert_eq!((certificate.code, certificate.body.as_str()), expected);
    assert_eq!(post(address, "/v1/verify", &object.to_string()).code, 409);
    assert_eq!(post(address, "/v1/rotate", &object.to_string()).code, 500);

    api.create(Kind::Secret, secret).await;
    api.wait_ready(&ns, "s").await;
    assert_eq!(keys(&api).await.len(), 1);
}

#[tokio::test]
async fn certificate_is_published_in_a_config_map_and_kept_up_to_date() {
    let private = private().await;
    let api = private.api().await;
    api.delete(Kind::ConfigMap, NAMESPACE, CONFIG_MAP).await;
    api.create(Kind::Secret, aged_key("old", 2).0).await;
    let flag = format!("--certificate-config-map={CONFIG_MAP}");
    let controller = private.cluster().controller(&[&flag]).unwrap();
    // As a user without any other permission.
    let user = private.cluster().plane().directory().join("reader.kubeconfig");
    let access = private.cluster().plane().access();
    access.service_account_kubeconfig("default", "default", &user).unwrap();
    let reader = Api::at(&user).await;
    let published = async |pem: &str| {
        api.wait(Kind::ConfigMap, NAMESPACE, CONFIG_MAP, |map| map["data"]["cert.pem"] == pem)
            .await;
        let map = reader.get(Kind::ConfigMap, NAMESPACE, CONFIG_MAP).await.unwrap();
        assert_eq!(map["data"], json!({ "cert.pem": pem }));
    };
    published(&served(&controller)).await;

    let pid = Pid::from_raw(controller.pid().try_into().unwrap()).unwrap();
    let before = served(&controller);
    kill_process(pid, Signal::USR1).unwrap();
    let after = eventually("a new certificate is served", async || {
        Some(served(&controller)).filter(|served| *served != before)
    });
    let after = after.await;
    published(&after).await;
    controller.end().unwrap();

    // A restart writes nothing.
    let version = async || {
        let map = api.get(Kind::ConfigMap, NAMESPACE, CONFIG_MAP).await.unwrap();
        text(&map["metadata"]["resourceVersion"])
    };
    let (before, writes) = (version().await, private.cluster().writes().unwrap());
    let _controller = private.cluster().controller(&[&flag]).unwrap();
    catch_up(&api).await;
    assert_eq!(version().await, before);
    let is_patch = |request: &&e2e::controlplane::Request| request.resource == "configmaps";
    let count = |requests: &[e2e::controlplane::Request]| requests.iter().filter(is_patch).count();
    assert_eq!(count(&private.cluster().writes().unwrap()), count(&writes));
}

#[tokio::test]
async fn metrics_show_age_expiry_backup_and_use_of_each_key() {
    let private = private().await;
    let api = private.api().await;
    let (secret, key) = aged_key("old", 2);
    api.create(Kind::Secret, secret).await;
    let (secret, _) = aged_key("new", 1);
    api.create(Kind::Secret, secret).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let ns = api.namespace("used-keys").await;
    for name in ["a", "b"] {
        let object = sealed_with(&key, Scope::Strict, &ns, name, &[("A", "1"), ("B", "2")]);
        api.apply(Kind::SealedSecret, &object).await;
        api.wait_ready(&ns, name).await;
    }
    let values = |name: &str| {
        let metrics = controller.metrics().unwrap();
        let named =
            metrics.into_iter().filter(|(line, _)| line.starts_with(&format!("{name}{{key=")));
        let mut values: Vec<_> = named.map(|(_, value)| value).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let is_near = |value: f64, expected: f64| (value - expected).abs() < 600.0;
    let ages = values("mtk_controller_sealing_key_age_seconds");
    assert!(is_near(ages[0], 3600.0) && is_near(ages[1], 7200.0), "{ages:?}");
    let expiries = values("mtk_controller_sealing_key_expiration_timestamp_seconds");
    #[expect(clippy::cast_precision_loss, reason = "seconds fit")]
    let now = Timestamp::now().as_second() as f64;
    assert!(is_near(expiries[1] - now, 9999.0 * 3600.0), "{expiries:?}");
    // The count follows the status, and the series of a key that opened nothing follows the key.
    eventually("both objects count for their key", async || {
        (values("mtk_controller_sealing_key_objects") == [0.0, 2.0]).then_some(())
    })
    .await;
    assert!(values("mtk_controller_sealing_key_backup_age_seconds").is_empty());

    let backed_up = (Timestamp::now() - SignedDuration::from_hours(5)).to_string();
    let annotations = json!({ "mtk.mytomorrows.com/backed-up-at": backed_up });
    api.patch(
        Kind::Secret,
        NAMESPACE,
        "old",
        json!({ "metadata": { "annotations": annotations } }),
    )
    .await;
    eventually("the age of the backup", async || {
        let ages = values("mtk_controller_sealing_key_backup_age_seconds");
        ages.first().map(|age| assert!(is_near(*age, 5.0 * 3600.0), "{ages:?}"))
    })
    .await;
}
