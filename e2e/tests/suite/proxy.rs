//! The certificate, and kubeseal's `--validate` and `--re-encrypt`, through the API server's service proxy.
//!
//! The API server's proxy only connects to the address of an endpoint, which must not be a loopback
//! address. So this test adds an address to the interface `lo` for a while, which needs root.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{geteuid, getpid};
use serde_json::{Value, json};

use crate::support::{Api, Kind, eventually, key_pair, key_secret, private, sealed, skip, text};

#[tokio::test]
async fn certificate_and_requests_of_kubeseal_pass_the_api_server() {
    let address = match Address::new() {
        Ok(address) => address,
        Err(reason) => return skip(&format!("the API server's service proxy: {reason}")),
    };
    let private = private().await;
    let api = private.api().await;
    let ns = e2e::cluster::NAMESPACE;
    api.create(Kind::Secret, key_secret(ns, "rsa2048")).await;
    let listen = format!("{}:0", address.text);
    let controller = private.cluster().spawn_controller(&listen, &[]).unwrap().ready().unwrap();
    let port = controller.address().unwrap().port();

    // As in deploy/install.yaml, but without a selector, because there is no Pod.
    let metadata = json!({ "namespace": ns, "name": "mtk-controller" });
    let ports = json!([{ "name": "http", "port": 8080 }]);
    api.create(Kind::Service, json!({ "metadata": metadata, "spec": { "ports": ports } })).await;
    let container = json!({ "name": "controller", "image": "none" });
    let pod = json!({ "metadata": metadata, "spec": { "containers": [container] } });
    let pod = api.create(Kind::Pod, pod).await;
    let status = json!({ "status": { "phase": "Running", "podIP": address.text, "podIPs": [{ "ip": address.text }] } });
    api.patch_status(Kind::Pod, ns, "mtk-controller", status).await;
    let target = json!({ "kind": "Pod", "namespace": ns, "name": "mtk-controller", "uid": pod["metadata"]["uid"] });
    api.create(
        Kind::EndpointSlice,
        json!({
            "metadata": { "namespace": ns, "name": "mtk-controller",
                          "labels": { "kubernetes.io/service-name": "mtk-controller" } },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": [address.text], "conditions": { "ready": true }, "targetRef": target }],
            "ports": [{ "name": "http", "port": port, "protocol": "TCP" }],
        }),
    )
    .await;

    // As a user without any other permission: the role of the service proxier applies to every
    // authenticated user.
    let user = private.cluster().plane().directory().join("somebody.kubeconfig");
    let access = private.cluster().plane().access();
    access.service_account_kubeconfig("default", "default", &user).unwrap();
    let fetched = eventually("the certificate", async || {
        let mut command = Command::new(e2e::programs::seal().unwrap());
        command.args(["cert", "--cluster", "--no-project-file", "--kubeconfig"]).arg(&user);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Some(String::from_utf8(output.stdout).unwrap())
        } else {
            assert!(errors.contains("hint:"), "{errors}");
            None
        }
    })
    .await;
    let [_, certificate] = key_pair("rsa2048");
    assert_eq!(fetched.trim(), certificate.trim());
    assert_eq!(text(&json!(fetched)).matches("BEGIN CERTIFICATE").count(), 1);
    kubeseal(&Api::at(&user).await, ns).await;
    commands(&user);
}

/// The requests of kubeseal: it puts the name of the Service's first port into the path.
async fn kubeseal(user: &Api, namespace: &str) {
    let proxy = format!("/api/v1/namespaces/{namespace}/services/http:mtk-controller:http/proxy");
    let accept = "application/x-pem-file, */*";
    let fetched = user.request("GET", &format!("{proxy}/v1/cert.pem"), accept, "").await.unwrap();
    assert!(fetched.starts_with("-----BEGIN CERTIFICATE-----"));
    let post = async |path: &str, body: &Value| {
        user.request("POST", &format!("{proxy}{path}"), "application/json, */*", &body.to_string())
            .await
    };
    let good = sealed("team", "s", &[("A", "1")]);
    assert_eq!(post("/v1/verify", &good).await.unwrap(), "");
    let mut bad = good.clone();
    bad["metadata"]["name"] = json!("t");
    assert_eq!(post("/v1/verify", &bad).await.unwrap_err(), 409);
    // `kubeseal --re-encrypt` reads the answer as a SealedSecret.
    let rotated: Value = serde_json::from_str(&post("/v1/rotate", &good).await.unwrap()).unwrap();
    assert_ne!(rotated["spec"], good["spec"]);
    let rotated: crds::SealedSecret = serde_json::from_value(rotated).unwrap();
    assert_eq!(rotated.metadata.name.as_deref(), Some("s"));
    eventually("verify accepts the result, after the rate limit", async || {
        post("/v1/verify", &serde_json::to_value(&rotated).unwrap()).await.ok()
    })
    .await;
    assert_eq!(post("/v1/rotate", &bad).await.unwrap_err(), 500);
    // The metrics are not reachable through this Service.
    let metrics = user.request("GET", &format!("{proxy}/metrics"), "*/*", "").await;
    assert_eq!(metrics.unwrap_err(), 404);
}

/// `mtk-seal kubeseal` and `mtk-seal validate`, as the same user.
fn commands(kubeconfig: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sealed.json");
    let kubeseal = |flag: &str| -> Output {
        let mut command = Command::new(e2e::programs::seal().unwrap());
        command.args(["kubeseal", flag, "--kubeconfig"]).arg(kubeconfig).arg("-f").arg(&file);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let succeeds = |flag: &str| {
        let output = kubeseal(flag);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""), "{flag}");
        String::from_utf8(output.stdout).unwrap()
    };
    let good = sealed("team", "s", &[("A", "1")]);
    fs::write(&file, serde_json::to_string_pretty(&good).unwrap()).unwrap();
    assert!(succeeds("--fetch-cert").starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(succeeds("--validate"), "");
    assert_eq!(succeeds("--re-encrypt"), "");
    let mut rotated: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_ne!(rotated["spec"]["encryptedData"], good["spec"]["encryptedData"]);
    assert_eq!(rotated["metadata"], good["metadata"]);
    assert_eq!(succeeds("--validate"), "");

    rotated["metadata"]["name"] = json!("t");
    fs::write(&file, rotated.to_string()).unwrap();
    for (flag, error) in [
        ("--validate", "error: unable to decrypt sealed secret: t\n"),
        ("--re-encrypt", "error: cannot re-encrypt secret: an error on the server"),
    ] {
        let output = kubeseal(flag);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && errors.starts_with(error), "{errors}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), rotated.to_string());

    let other = directory.path().join("good.json");
    fs::write(&other, good.to_string()).unwrap();
    let mut validate = Command::new(e2e::programs::seal().unwrap());
    validate.args(["validate", "--kubeconfig"]).arg(kubeconfig);
    let output = validate.arg(&other).arg(&file).stdin(Stdio::null()).output().unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(lines.starts_with("team/s: valid\nteam/t: does not open ("), "{lines}");
    assert_eq!(output.status.code(), Some(1));
}

/// Adds the address, prints `added`, and removes the address when its standard input ends, even if its
/// parent is killed. It ignores Ctrl-C, so that it always removes the address.
const HOLD: &str = r#"trap "" INT TERM
ip address add "$0/32" dev lo && echo added || exit 1
cat >/dev/null
ip address del "$0/32" dev lo"#;

/// An additional address of this machine, until it is dropped.
struct Address {
    text: String,
    holder: Child,
}

impl Address {
    /// An address from 198.18.0.0/15, which no network routes (RFC 2544), chosen by the process id.
    fn new() -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("to put an address on an interface needs root".to_owned());
        }
        let number = getpid().as_raw_nonzero().get().unsigned_abs();
        let text = format!("198.18.{}.{}", number >> 8 & 255, number & 255);
        let mut command = Command::new("sh");
        command.args(["-c", HOLD, &text]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim() == "added" {
            return Ok(Self { text, holder });
        }
        holder.wait().unwrap();
        Err(format!("`ip address add {text}/32 dev lo` fails; it needs iproute2 and CAP_NET_ADMIN"))
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}
