//! `/v1/cert.pem`, `/v1/verify` and `/v1/rotate`, as kubeseal and others use them. The names of tests
//! begin with the row of the table in docs/compatibility.md.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use e2e::cluster::NAMESPACE;
use e2e::controller::Controller;
use e2e::programs;
use sealing::{Certificate, Scope};
use serde_json::{Value, json};

use crate::support::{
    Key, Kind, Private, Response, data, eventually, exchange, key_pair, key_secret, post, private,
    sealed, sealed_with, send, vector_key,
};

/// Limits that no test reaches by chance.
const UNLIMITED: [&str; 2] = ["--rate-limit=1000", "--rate-limit-burst=1000"];
const REQUESTS: &str = "sealed_secrets_controller_http_requests_total";

/// A controller with the key `rsa2048`, and its address.
async fn start(private: &Private, flags: &[&str]) -> (Controller, SocketAddr) {
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let controller = private.cluster().controller(flags).unwrap();
    let address = controller.address().unwrap();
    (controller, address)
}

#[tokio::test]
async fn row_18_certificate_of_the_newest_key_is_served_for_any_method() {
    let private = private().await;
    let (controller, address) = start(&private, &["--rate-limit=1", "--rate-limit-burst=0"]).await;
    let [_, certificate] = key_pair("rsa2048");
    let expected = Certificate::from_pem(certificate.as_bytes()).unwrap().to_pem();
    for method in ["GET", "POST", "PUT", "GET", "GET"] {
        let response = send(address, method, "/v1/cert.pem", &[], "");
        assert_eq!((response.code, response.body), (200, expected.clone()), "{method}");
        assert_eq!(response.headers["content-type"], "application/x-pem-file");
    }
    let missing = send(address, "GET", "/v1/other", &[], "");
    assert_eq!((missing.code, missing.body.as_str()), (404, "404 page not found\n"));
    let counted = |labels: &str| {
        controller.metrics().unwrap().get(&format!("{REQUESTS}{{{labels}}}")).copied()
    };
    assert_eq!(counted(r#"path="/v1/cert.pem",code="200",method="get""#), Some(3.0));
    assert_eq!(counted(r#"path="/v1/cert.pem",code="200",method="put""#), Some(1.0));
}

#[tokio::test]
async fn row_19_verify_answers_with_bitnamis_codes() {
    let private = private().await;
    let (controller, address) = start(&private, &UNLIMITED).await;
    let good = sealed("n", "s", &[("A", "1"), ("B", "2")]);
    let with = |pointer: &str, value: Value| {
        let mut object = good.clone();
        *object.pointer_mut(pointer).unwrap() = value;
        object.to_string()
    };
    let yaml = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: s\n  namespace: n\nspec:\n  encryptedData:\n";
    let yaml =
        format!("---\n{yaml}    A: {}\n", good["spec"]["encryptedData"]["A"].as_str().unwrap());
    let other_key = sealed_with(&vector_key("rsa3072"), Scope::Strict, "n", "s", &[("A", "1")]);
    let mut template = good.clone();
    template["spec"]["template"] = json!({ "data": { "x": "{{ fail .A }}", "y": "{{" } });
    let mut no_items = good.clone();
    no_items["spec"] = json!({ "encryptedData": {} });
    for (what, body, code) in [
        ("good", good.to_string(), 200),
        ("YAML", yaml.clone(), 200),
        ("a failing template", template.to_string(), 200),
        ("no items", no_items.to_string(), 200),
        ("another name", with("/metadata/name", json!("t")), 409),
        ("another namespace", with("/metadata/namespace", json!("m")), 409),
        (
            "another scope",
            with("/metadata/annotations", json!({ Scope::CLUSTER_WIDE_ANNOTATION: "true" })),
            409,
        ),
        ("no namespace", with("/metadata/namespace", json!("")), 409),
        ("a broken item", with("/spec/encryptedData/B", json!("AgA=")), 409),
        ("a number as item", with("/spec/encryptedData/B", json!(1)), 409),
        ("another key", other_key.to_string(), 409),
        ("empty", String::new(), 500),
        ("no object", "[]".into(), 500),
        ("no kind", "{}".into(), 500),
        ("a Secret", r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}"#.into(), 500),
        ("two documents", format!("{yaml}{yaml}"), 500),
    ] {
        let response = post(address, "/v1/verify", &body);
        assert_eq!((response.code, response.body.as_str()), (code, ""), "{what}");
    }
    let metrics = controller.metrics().unwrap();
    let counted = |code: u16| {
        metrics[&format!(r#"{REQUESTS}{{path="/v1/verify",code="{code}",method="post"}}"#)]
    };
    assert_eq!([200, 409, 500].map(counted).map(|count| count.to_string()), ["4", "7", "5"]);
    let count = r#"sealed_secrets_controller_http_request_duration_seconds_count{path="/v1/verify",method="post"}"#;
    assert_eq!(metrics[count].to_string(), "16");
}

/// Also that the scope never widens (CVE-2026-22728), and that Bitnami's loss of `template.data` since
/// 0.40 is not repeated.
#[tokio::test]
async fn row_20_rotate_seals_for_the_newest_key_and_keeps_the_rest() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa3072")).await;
    let (controller, address) = start(&private, &UNLIMITED).await;
    // The older key is not the one that seals.
    let served = controller.get("/v1/cert.pem").unwrap();
    let newest = Certificate::from_pem(served.as_bytes()).unwrap();
    let older = if newest.modulus_bits() == 2048 { "rsa3072" } else { "rsa2048" };
    let ns = api.namespace("rotated").await;
    let mut before =
        sealed_with(&vector_key(older), Scope::NamespaceWide, &ns, "s", &[("A", "1"), ("B", "2")]);
    before["metadata"]["labels"] = json!({ "team": "a" });
    before["spec"]["template"] = json!({
        "metadata": { "labels": { "l": "1" }, "annotations": { Scope::CLUSTER_WIDE_ANNOTATION: "true" } },
        "type": "example.org/x", "data": { "t": "{{ .A }}-{{ .B }}", "B": null },
    });
    let response = post(address, "/v1/rotate", &before.to_string());
    assert_eq!(response.code, 200, "{response:?}");
    assert!(!response.body.ends_with('\n'));
    let after: Value = serde_json::from_str(&response.body).unwrap();
    let mut expected = before.clone();
    expected["spec"]["encryptedData"] = after["spec"]["encryptedData"].clone();
    assert_eq!(after, expected, "only the items differ");
    for (_, item) in after["spec"]["encryptedData"].as_object().unwrap() {
        let item = sealing::Item::parse(item.as_str().unwrap()).unwrap();
        assert_eq!(item.modulus_bits(), newest.modulus_bits());
    }

    // The other key is gone, and the rotated object still opens with the same result.
    api.delete(Kind::Secret, NAMESPACE, &format!("sealed-secrets-key-{older}")).await;
    api.apply(Kind::SealedSecret, &after).await;
    api.wait_ready(&ns, "s").await;
    let secret = api.secret(&ns, "s").await.unwrap();
    assert_eq!(data(&secret), ["A=1", "t=1-2"]);
    assert_eq!(secret["type"], "example.org/x");

    // An item without the widening annotation stays in its namespace.
    let mut widened = after.clone();
    widened["metadata"]["annotations"] = json!({ Scope::CLUSTER_WIDE_ANNOTATION: "true" });
    let two = format!("{after}\n{after}");
    for (what, body, code) in [
        ("a wider scope", widened.to_string(), 500),
        ("a broken item", after.to_string().replace("\"A\":\"", "\"A\":\"x"), 500),
        ("empty", String::new(), 500),
        ("a List", r#"{"apiVersion":"v1","kind":"List","items":[]}"#.into(), 500),
        ("two documents", two, 200),
    ] {
        let response = post(address, "/v1/rotate", &body);
        assert_eq!((response.code, response.body.is_empty()), (code, code == 500), "{what}");
    }
}

#[tokio::test]
async fn row_21_three_requests_pass_at_once_and_no_header_adds_more() {
    let private = private().await;
    let (controller, address) = start(&private, &[]).await;
    let body = sealed("n", "s", &[("A", "1")]).to_string();
    for path in ["/v1/verify", "/v1/rotate"] {
        let started = Instant::now();
        let first = post(address, path, &body);
        assert_eq!(first.code, 200);
        assert_eq!(first.header("x-ratelimit-limit"), "3");
        assert_eq!(first.header("x-ratelimit-remaining"), "2");
        assert_eq!(first.header("x-ratelimit-reset"), "1");
        let (refused, others) = burst_until_refused(address, path);
        // Two more may pass each second, however slow this machine is.
        let allowed = 3 + 2 * (started.elapsed().as_secs() + 1);
        assert!(others < allowed, "{path}: {others} others passed, {allowed} may");
        assert_eq!(refused.body, "limit exceeded\n");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.header("x-content-type-options"), "nosniff");
        assert_eq!(refused.header("x-ratelimit-remaining"), "0");
        assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
    }
    let name = format!(r#"{REQUESTS}{{path="/v1/rotate",code="429",method="post"}}"#);
    assert!(controller.metrics().unwrap()[&name] >= 1.0);
    // The certificate has no limit.
    assert!((0..20).all(|_| controller.get("/v1/cert.pem").is_ok()));
}

/// Sends several requests at once, each with another forwarded address, until one is beyond the limit. Returns
/// its response, and the number of the others. They need no private key, so they are fast.
fn burst_until_refused(address: SocketAddr, path: &str) -> (Response, u64) {
    let send_one = |number: u32| {
        let forwarded = format!("10.0.0.{number}");
        send(address, "POST", path, &[("X-Forwarded-For", &forwarded)], "{}")
    };
    let (started, mut others) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_mins(1) {
        let responses: Vec<_> = std::thread::scope(|scope| {
            let senders =
                [1, 2, 3, 4, 5, 6, 7, 8].map(|number| scope.spawn(move || send_one(number)));
            senders.map(|sender| sender.join().unwrap()).into()
        });
        others += responses.iter().filter(|response| response.code != 429).count() as u64;
        let refused = responses.into_iter().find(|response| response.code == 429);
        if let Some(refused) = refused {
            return (refused, others);
        }
    }
    panic!("{path}: {others} requests, and none was refused");
}

#[tokio::test]
async fn row_21_callers_behind_a_trusted_proxy_have_separate_limits() {
    let private = private().await;
    let flags = ["--rate-limit=1", "--rate-limit-burst=0", "--trusted-proxies=127.0.0.0/8"];
    let (_controller, address) = start(&private, &flags).await;
    let verify = |forwarded: &str| {
        let headers = [("X-Forwarded-For", forwarded)];
        send(address, "POST", "/v1/verify", &headers, "{}").code
    };
    assert_eq!(verify("10.0.0.1"), 500);
    // On a slow machine, a second passes between two requests.
    eventually("a client cannot choose the last address", async || {
        (verify("6.6.6.6, 10.0.0.1") == 429).then_some(())
    })
    .await;
    assert_eq!(verify("10.0.0.1, 10.0.0.2"), 500);
}

#[tokio::test]
async fn row_22_larger_body_than_ten_mebibytes_is_refused() {
    let private = private().await;
    let (_controller, address) = start(&private, &UNLIMITED).await;
    for path in ["/v1/verify", "/v1/rotate"] {
        let length = (10 << 20) + 1;
        let announced =
            send(address, "POST", path, &[("Content-Length", &length.to_string())], "{");
        assert_eq!((announced.code, announced.body.as_str()), (413, ""), "{path}");
        let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
        let body = format!("{}0\r\n\r\n", chunk.repeat(11));
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
        let chunked = exchange(address, &format!("{head}\r\n{body}"));
        assert_eq!(chunked.code, 413, "{path}");
        let largest = format!("{}{}", sealed("n", "s", &[("A", "1")]), " ".repeat(9 << 20));
        assert_eq!(post(address, path, &largest).code, 200, "{path}");
    }
}

#[tokio::test]
async fn rows_23_and_24_health_and_metrics_answer_on_their_ports() {
    let private = private().await;
    let (controller, address) = start(&private, &[]).await;
    for path in ["/healthz", "/readyz"] {
        for method in ["GET", "POST"] {
            let response = send(address, method, path, &[], "");
            assert_eq!((response.code, response.body.as_str()), (200, "ok\n"), "{path}");
            assert_eq!(response.header("content-type"), "text/plain; charset=utf-8");
        }
    }
    assert_eq!(send(address, "GET", "/metrics", &[], "").code, 404);
    assert!(
        controller.metrics_text().unwrap().contains("# TYPE mtk_controller_sealing_keys gauge")
    );
}

#[tokio::test]
async fn request_that_is_not_sent_in_time_is_refused() {
    let private = private().await;
    let (controller, address) = start(&private, &["--read-timeout=1s", "--write-timeout=4s"]).await;
    let incomplete = send(address, "POST", "/v1/verify", &[("Content-Length", "100")], "{");
    assert_eq!(incomplete.code, 400);
    controller.get("/readyz").unwrap();
}

/// Work for HTTP has one thread of its own.
#[tokio::test]
async fn many_checks_do_not_delay_a_new_object() {
    let private = private().await;
    let (controller, address) = start(&private, &UNLIMITED).await;
    let api = private.api().await;
    let ns = api.namespace("beside-checks").await;
    // Every item costs an RSA operation.
    let items: Vec<_> = (0..400).map(|number| format!("K{number}")).collect();
    let items: Vec<_> = items.iter().map(|key| (key.as_str(), "1")).collect();
    let large = sealed("n", "s", &items).to_string();
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let (stop, large) = (stop.clone(), large.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    post(address, "/v1/verify", &large);
                }
            })
        })
        .collect();
    for number in 0..5 {
        let name = format!("s{number}");
        api.apply(Kind::SealedSecret, &sealed(&ns, &name, &[("A", "1")])).await;
        api.wait_ready(&ns, &name).await;
    }
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let counted = |code: u16| {
        let name = format!(r#"{REQUESTS}{{path="/v1/verify",code="{code}",method="post"}}"#);
        controller.metrics().unwrap().get(&name).copied().unwrap_or_default()
    };
    assert!(counted(200) > 0.0);
    assert!(counted(503) > 0.0, "one caller has two requests at a time");
}

/// The public key of a served certificate opens nothing else than what was sealed for it.
#[tokio::test]
async fn served_certificate_seals_what_verify_accepts() {
    let private = private().await;
    let (controller, address) = start(&private, &UNLIMITED).await;
    let key = Key::from_pem(&controller.get("/v1/cert.pem").unwrap());
    let object = sealed_with(&key, Scope::ClusterWide, "n", "s", &[("A", "1")]);
    assert_eq!(post(address, "/v1/verify", &object.to_string()).code, 200);
}

#[test]
fn every_row_about_keys_and_http_names_its_tests() {
    let page = fs::read_to_string(programs::repository("docs/compatibility.md")).unwrap();
    let (_, rest) = page.split_once("## Sealed Secrets: keys and HTTP").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let suite = ["endpoints", "keys", "proxy", "renewal"].map(|file| {
        let path = programs::repository(&format!("e2e/tests/suite/{file}.rs"));
        fs::read_to_string(path).unwrap()
    });
    let suite = suite.concat();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let numbers: Vec<u32> = rows
        .iter()
        .filter_map(|row| row.trim_start_matches("| ").split(" |").next())
        .flat_map(|cell| cell.split(", "))
        .filter_map(|number| number.parse().ok())
        .collect();
    assert_eq!(numbers, (8..=24).collect::<Vec<_>>());
    for row in rows {
        let tests = row.rsplit(" | ").next().unwrap();
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(suite.contains(&format!("fn {name}(")), "{name} does not exist");
        }
    }
}
