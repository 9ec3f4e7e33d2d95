//! Helpers of the tests of the node.

use std::env;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use e2e::controlplane::node::{self, Node};
use e2e::controlplane::{Access, ControlPlane, StartOptions};
use serde_json::{Value, json};

/// The name of the image with the server `hello`.
pub(crate) const HELLO: &str = "docker.io/mytomorrows/hello:test";

/// Whether a node cannot run here. If so, it prints the reason.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) fn skipped() -> bool {
    let missing: Vec<_> = node::missing().iter().map(ToString::to_string).collect();
    if missing.is_empty() {
        return false;
    }
    let reason = format!("a node needs {}", missing.join(", "));
    let required = env::var_os("MTK_REQUIRE_NODE").is_some_and(|value| value == "1");
    assert!(!required, "MTK_REQUIRE_NODE is set, but {reason}");
    eprintln!("skipped: {reason}");
    true
}

pub(crate) fn options() -> StartOptions {
    StartOptions { node: true, ..StartOptions::default() }
}

pub(crate) fn node(access: &Access) -> &Node {
    access.node().expect("started with a node")
}

/// A control plane with a node that has the image [`HELLO`].
pub(crate) fn start() -> ControlPlane {
    let plane = ControlPlane::start(&options()).unwrap();
    load_hello(plane.access());
    plane
}

pub(crate) fn load_hello(access: &Access) {
    let archive = hello_archive(access);
    assert_eq!(node(access).load_image(&archive).unwrap(), [HELLO]);
}

/// The image as an archive, in the control plane's directory.
fn hello_archive(access: &Access) -> PathBuf {
    let archive = access.kubeconfig().with_file_name("hello.tar");
    text(
        Command::new(access.binary())
            .args(["image", "--name", HELLO, "--output"])
            .arg(&archive)
            .arg(node(access).programs().join("hello")),
    );
    archive
}

/// A Pod that Pod Security's `restricted` admits.
pub(crate) fn restricted_pod() -> Value {
    json!({
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": "hello", "image": HELLO, "imagePullPolicy": "Never",
            "ports": [{ "name": "http", "containerPort": 8080 }],
            "readinessProbe": {
                "httpGet": { "path": "/", "port": "http" }, "periodSeconds": 1,
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
        }],
    })
}

/// A namespace in which only restricted Pods are admitted, with a Deployment `hello` that is ready.
pub(crate) fn deploy_hello(access: &Access, namespace: &str, pod: Value) {
    apply(
        access,
        &[
            json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {
                    "name": namespace, "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
                },
            }),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "hello", "namespace": namespace },
                "spec": {
                    "selector": { "matchLabels": { "app": "hello" } },
                    "template": { "metadata": { "labels": { "app": "hello" } }, "spec": pod },
                },
            }),
        ],
    );
    let rollout = ["rollout", "status", "deployment/hello", "--timeout=60s", "-n", namespace];
    text(access.kubectl().args(rollout));
}

pub(crate) fn apply(access: &Access, objects: &[Value]) {
    for object in objects {
        let mut child = access
            .kubectl()
            .args(["apply", "--server-side", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{object}");
    }
}

/// One field of an object, empty if it is missing.
pub(crate) fn field(access: &Access, namespace: &str, object: &str, path: &str) -> String {
    text(
        access
            .kubectl()
            .args(["get", object, "-n", namespace, "-o"])
            .arg(format!("jsonpath={path}")),
    )
}

/// The answer of the server at this address to a GET, if any.
pub(crate) fn http(address: IpAddr, port: u16, path: &str) -> Option<String> {
    let mut stream =
        TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split_whitespace().nth(1).filter(|code| *code == "200").map(|_| body.to_owned())
}

pub(crate) fn text(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
    started.elapsed()
}

/// Whether a range such as `10.192.64.0/18` contains the address.
pub(crate) fn in_range(address: IpAddr, range: &str) -> bool {
    let (network, bits) = range.split_once('/').unwrap();
    let number = |address: IpAddr| match address {
        IpAddr::V4(four) => u32::from(four),
        IpAddr::V6(_) => panic!("{address}"),
    };
    let shift = 32 - bits.parse::<u32>().unwrap();
    number(address) >> shift == number(network.parse().unwrap()) >> shift
}

pub(crate) fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().exists()
}
