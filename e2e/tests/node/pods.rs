//! Pods on the node, and how they are reached.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use e2e::controlplane::{Access, ControlPlane};
use serde_json::json;

use crate::support::{
    apply, deploy_hello, eventually, field, http, in_range, node, restricted_pod, skipped, start,
    text,
};

/// All tests of this file share it. It ends with its standard input, and so with this process.
static PLANE: LazyLock<ControlPlane> = LazyLock::new(start);

#[test]
fn node_becomes_ready_and_runs_pods() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    let version = field(access, "default", "node/mtk-node", "{.status.nodeInfo.kubeletVersion}");
    assert_eq!(version, "v1.37.2");
    assert_eq!(node(access).name(), "mtk-node");
    assert_eq!(field(access, "default", "node/mtk-node", "{.spec.taints}"), "");
    let taken = PLANE.ready_in();
    assert!(taken < Duration::from_secs(60), "{taken:?}");
}

#[test]
fn restricted_pod_is_reachable_at_each_address() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    deploy_hello(access, "addresses", restricted_pod());
    expose(access, "addresses", "LoadBalancer");

    let pod = address(access, "pods", "{.items[0].status.podIP}");
    assert!(in_range(pod, node(access).pod_range()), "{pod}");
    assert!(http(pod, 8080, "/").unwrap().starts_with("hello from hello-"));

    let service = address(access, "service/hello", "{.spec.clusterIP}");
    assert!(in_range(service, node(access).service_range()), "{service}");
    eventually("the Service's address answers", || http(service, 80, "/").is_some());

    eventually("there is a load balancer", || {
        !field(access, "addresses", "service/hello", BALANCER).is_empty()
    });
    let balancer = address(access, "service/hello", BALANCER);
    assert!(in_range(balancer, node(access).load_balancer_range()), "{balancer}");
    eventually("the load balancer's address answers", || http(balancer, 80, "/").is_some());
    let mode = "{.status.loadBalancer.ingress[0].ipMode}";
    assert_eq!(field(access, "addresses", "service/hello", mode), "VIP");

    let port = field(access, "addresses", "service/hello", "{.spec.ports[0].nodePort}");
    let port = port.parse().unwrap();
    eventually("the node's port answers", || http(node(access).address(), port, "/").is_some());
}

const BALANCER: &str = "{.status.loadBalancer.ingress[0].ip}";

#[test]
fn pods_reach_services_by_name_including_their_own() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    deploy_hello(access, "names", restricted_pod());
    expose(access, "names", "ClusterIP");
    for name in ["hello", "hello.names", "hello.names.svc.cluster.local"] {
        let url = format!("http://{name}/");
        let mut answer = String::new();
        eventually(&format!("{url} answers"), || {
            let output = exec(access, "names", &["get", &url]).output().unwrap();
            answer = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success()
        });
        assert!(answer.starts_with("hello from hello-"), "{answer}");
    }
}

#[test]
fn deleted_service_releases_its_load_balancer() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    deploy_hello(access, "released", restricted_pod());
    expose(access, "released", "LoadBalancer");
    let get = || field(access, "released", "service/hello", BALANCER);
    eventually("there is a load balancer", || !get().is_empty());
    let balancer: IpAddr = get().parse().unwrap();
    eventually("it answers", || http(balancer, 80, "/").is_some());
    text(access.kubectl().args(["delete", "service", "hello", "-n", "released", "--timeout=20s"]));
    eventually("it answers no more", || http(balancer, 80, "/").is_none());
}

#[test]
fn logs_and_exec_work_from_the_host() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    deploy_hello(access, "inside", restricted_pod());
    let logs = text(access.kubectl().args(["logs", "deployment/hello", "-n", "inside"]));
    assert!(logs.contains("listening on port 8080"), "{logs}");
    let status = text(&mut exec(access, "inside", &["cat", "/proc/self/status"]));
    for line in ["Uid:\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line} in {status}");
    }
}

#[test]
fn changed_secret_reaches_the_mounted_file_within_seconds() {
    if skipped() {
        return;
    }
    let access = PLANE.access();
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "mounted" },
    });
    let secret = |value: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "app", "namespace": "mounted" },
            "stringData": { "PASSWORD": value },
        })
    };
    apply(access, &[namespace, secret("first")]);
    let mut pod = restricted_pod();
    pod["volumes"] = json!([{ "name": "secret", "secret": { "secretName": "app" } }]);
    pod["containers"][0]["volumeMounts"] =
        json!([{ "name": "secret", "mountPath": "/secret", "readOnly": true }]);
    deploy_hello(access, "mounted", pod);
    let pod = field(access, "mounted", "pods", "{.items[0].status.podIP}").parse().unwrap();
    let file = || http(pod, 8080, "/file/secret/PASSWORD");
    assert_eq!(file().unwrap(), "first");
    apply(access, &[secret("second")]);
    let taken = eventually("the file has the new value", || file().is_some_and(|v| v == "second"));
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}

fn expose(access: &Access, namespace: &str, kind: &str) {
    apply(
        access,
        &[json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "hello", "namespace": namespace },
            "spec": {
                "type": kind, "selector": { "app": "hello" },
                "ports": [{ "port": 80, "targetPort": "http" }],
            },
        })],
    );
}

fn address(access: &Access, object: &str, path: &str) -> IpAddr {
    let text = field(access, "addresses", object, path);
    text.parse().unwrap_or_else(|_| panic!("{object} {path}: {text:?}"))
}

/// Runs the Pod's own program in it again.
fn exec(access: &Access, namespace: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = access.kubectl();
    command.args(["exec", "deployment/hello", "-n", namespace, "--", "/program"]).args(arguments);
    command
}
