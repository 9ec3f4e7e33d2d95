//! A fake API server simulates the failures of a cluster.

use std::net::TcpListener;

use super::*;
use crate::cluster::testing::{kubeconfig, server};

fn fetch_from(url: &str) -> Result<Fetched, FetchError> {
    let directory = tempfile::tempdir().unwrap();
    fetch(&Access { kubeconfig: Some(kubeconfig(directory.path(), url)), ..Access::default() })
}

fn failure(answers: &[(&str, u16, &str)]) -> ClusterError {
    let error = fetch_from(&server(answers)).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    error.error
}

const SERVICE_PATH: &str = "/api/v1/namespaces/kube-system/services/mtk-controller";
const SEALED_SECRETS_PATH: &str =
    "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY_PATH: &str =
    "/api/v1/namespaces/kube-system/services/http:mtk-controller:http/proxy/v1/cert.pem";
const SERVICE: &str = r#"{"spec": {"ports": [{"name": "http", "port": 8080}]}}"#;

const CONFIG_MAP_PATH: &str =
    "/api/v1/namespaces/kube-system/configmaps/mtk-controller-certificate";
const SEALED_SECRETS_CONFIG_MAP_PATH: &str =
    "/api/v1/namespaces/kube-system/configmaps/sealed-secrets-controller-certificate";

#[test]
fn config_maps_are_preferred_over_services() {
    let config_map = r#"{"data": {"cert.pem": "pem of the ConfigMap"}}"#;
    for path in [CONFIG_MAP_PATH, SEALED_SECRETS_CONFIG_MAP_PATH] {
        let fetched = fetch_from(&server(&[
            (path, 200, config_map),
            (SERVICE_PATH, 200, SERVICE),
            (PROXY_PATH, 200, "pem"),
        ]))
        .unwrap();
        assert_eq!(fetched.pem, b"pem of the ConfigMap");
        assert!(fetched.origin.starts_with("ConfigMap kube-system/"), "{}", fetched.origin);
    }
}

#[test]
fn places_without_a_certificate_are_listed_in_the_order_of_the_search() {
    let error = fetch_from(&server(&[
        (CONFIG_MAP_PATH, 403, "{}"),
        (SEALED_SECRETS_CONFIG_MAP_PATH, 200, r#"{"data": {"tls.crt": "x"}}"#),
        (SERVICE_PATH, 403, "{}"),
    ]))
    .unwrap_err();
    assert_eq!(
        error.details(),
        [
            "tried the ConfigMap kube-system/mtk-controller-certificate: no permission",
            "tried the ConfigMap kube-system/sealed-secrets-controller-certificate: no key `cert.pem`",
            "tried the Service kube-system/mtk-controller: no permission",
            "tried the Service kube-system/sealed-secrets-controller: not found",
        ]
    );
}

#[test]
fn mtk_controller_is_preferred_over_sealed_secrets() {
    let fetched = fetch_from(&server(&[
        (SERVICE_PATH, 200, SERVICE),
        (SEALED_SECRETS_PATH, 200, SERVICE),
        (PROXY_PATH, 200, "pem"),
    ]))
    .unwrap();
    assert_eq!(
        (fetched.origin.as_str(), fetched.pem.as_slice()),
        ("service kube-system/mtk-controller", b"pem".as_slice())
    );
}

#[test]
fn forbidden_service_is_skipped_and_unnamed_port_is_addressed_by_number() {
    let proxy = "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:8080/proxy/v1/cert.pem";
    let service = r#"{"spec": {"ports": [{"port": 8080}]}}"#;
    let fetched = fetch_from(&server(&[
        (SERVICE_PATH, 403, "{}"),
        (SEALED_SECRETS_PATH, 200, service),
        (proxy, 200, "pem"),
    ]))
    .unwrap();
    assert_eq!(fetched.origin, "service kube-system/sealed-secrets-controller");
}

#[test]
fn each_response_of_the_api_server_has_its_own_error() {
    assert!(
        matches!(failure(&[]), ClusterError::NoService { names, .. } if names.contains("mtk-controller` or `sealed"))
    );
    assert!(matches!(failure(&[(SERVICE_PATH, 401, "{}")]), ClusterError::Unauthorized { .. }));
    assert!(matches!(
        failure(&[(SERVICE_PATH, 403, "{}"), (SEALED_SECRETS_PATH, 403, "{}")]),
        ClusterError::Forbidden { .. }
    ));
    assert!(
        matches!(failure(&[(SERVICE_PATH, 500, r#"{"message": "etcd"}"#)]), ClusterError::Status { status: 500, message, .. } if message == "etcd")
    );
    assert!(matches!(
        failure(&[(SERVICE_PATH, 200, r#"{"spec": {}}"#)]),
        ClusterError::NoPort { .. }
    ));
}

#[test]
fn each_response_of_the_service_proxy_has_its_own_error() {
    let proxied =
        |status, body| failure(&[(SERVICE_PATH, 200, SERVICE), (PROXY_PATH, status, body)]);
    assert!(matches!(
        proxied(503, r#"{"message": "no endpoints available for service \"x\""}"#),
        ClusterError::NoEndpoints { .. }
    ));
    assert!(matches!(
        proxied(503, r#"{"message": "error trying to reach service: dial tcp: i/o timeout"}"#),
        ClusterError::ProxyTimeout { .. }
    ));
    assert!(matches!(proxied(504, ""), ClusterError::ProxyTimeout { .. }));
    assert!(matches!(
        proxied(503, r#"{"message": "error trying to reach service: connection refused"}"#),
        ClusterError::ProxyFailed { .. }
    ));
    assert!(matches!(proxied(404, ""), ClusterError::NoEndpoint { .. }));
    assert!(matches!(proxied(403, "{}"), ClusterError::Forbidden { .. }));
    let large = "x".repeat(2 * 1024 * 1024);
    assert!(matches!(proxied(200, &large), ClusterError::Unreachable { .. }));
}

#[test]
fn missing_and_broken_kubeconfig_and_wrong_context_give_different_errors() {
    let missing =
        Access { kubeconfig: Some("/nonexistent/kubeconfig".into()), ..Access::default() };
    let problem = |access: &Access| fetch(access).unwrap_err().error;
    assert!(matches!(problem(&missing), ClusterError::NoKubeconfig { path: Some(_) }));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken");
    std::fs::write(&path, "users: [{name: u, user: {token: [hunter2]}}]\n").unwrap();
    let error = problem(&Access { kubeconfig: Some(path), ..Access::default() });
    assert!(
        matches!(&error, ClusterError::Kubeconfig { cause } if !cause.contains("hunter2")),
        "{error}"
    );
    let access = Access {
        kubeconfig: Some(kubeconfig(directory.path(), "http://127.0.0.1:1")),
        context: Some("other".to_owned()),
        ..Access::default()
    };
    assert!(matches!(problem(&access), ClusterError::NoContext { .. }));
}

#[test]
fn closed_port_is_a_refused_connection() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fetch_from(&format!("http://{free}")).unwrap_err().error;
    assert!(matches!(error, ClusterError::Refused { .. }));
}

#[test]
fn server_without_tls_is_an_error() {
    let url = server(&[]).replace("http:", "https:");
    let error = fetch_from(&url).unwrap_err().error;
    assert!(
        matches!(error, ClusterError::Tls { .. } | ClusterError::Unreachable { .. }),
        "{error}"
    );
}
