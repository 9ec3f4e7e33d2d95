//! A fake API server simulates the failures of a cluster.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
};

use super::*;

/// Starts an API server with these responses by path. Every other path is 404.
fn server(answers: &[(&str, u16, &str)]) -> String {
    let answers: HashMap<String, (u16, String)> = answers
        .iter()
        .map(|(path, status, body)| ((*path).to_owned(), (*status, (*body).to_owned())))
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, body) = answers.get(path).cloned().unwrap_or((404, String::new()));
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    url
}

fn kubeconfig(directory: &Path, url: &str) -> PathBuf {
    let path = directory.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: '{url}'}}}}]\n\
         users: [{{name: u, user: {{token: hunter2}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn fetch_from(url: &str) -> Result<Fetched, ClusterError> {
    let directory = tempfile::tempdir().unwrap();
    fetch(&Access { kubeconfig: Some(kubeconfig(directory.path(), url)), ..Access::default() })
}

fn failure(answers: &[(&str, u16, &str)]) -> ClusterError {
    let error = fetch_from(&server(answers)).err().unwrap();
    assert!(!error.to_string().contains("hunter2"));
    error
}

const SERVICE_PATH: &str = "/api/v1/namespaces/kube-system/services/mtk-controller";
const SEALED_SECRETS_PATH: &str =
    "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY_PATH: &str =
    "/api/v1/namespaces/kube-system/services/http:mtk-controller:http/proxy/v1/cert.pem";
const SERVICE: &str = r#"{"spec": {"ports": [{"name": "http", "port": 8080}]}}"#;

#[test]
fn mtk_controller_is_preferred_over_sealed_secrets() {
    let fetched = fetch_from(&server(&[
        (SERVICE_PATH, 200, SERVICE),
        (SEALED_SECRETS_PATH, 200, SERVICE),
        (PROXY_PATH, 200, "pem"),
    ]))
    .ok()
    .unwrap();
    assert_eq!(
        (fetched.service.as_str(), fetched.pem.as_slice()),
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
    .ok()
    .unwrap();
    assert_eq!(fetched.service, "service kube-system/sealed-secrets-controller");
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
    assert!(matches!(proxied(404, ""), ClusterError::NoCertificate { .. }));
    assert!(matches!(proxied(403, "{}"), ClusterError::Forbidden { .. }));
    let large = "x".repeat(2 * 1024 * 1024);
    assert!(matches!(proxied(200, &large), ClusterError::Unreachable { .. }));
}

#[test]
fn missing_and_broken_kubeconfig_and_wrong_context_give_different_errors() {
    let missing =
        Access { kubeconfig: Some("/nonexistent/kubeconfig".into()), ..Access::default() };
    assert!(matches!(fetch(&missing), Err(ClusterError::NoKubeconfig { path: Some(_) })));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broken");
    std::fs::write(&path, "users: [{name: u, user: {token: [hunter2]}}]\n").unwrap();
    let error = fetch(&Access { kubeconfig: Some(path), ..Access::default() }).err().unwrap();
    assert!(
        matches!(&error, ClusterError::Kubeconfig { cause } if !cause.contains("hunter2")),
        "{error}"
    );
    let access = Access {
        kubeconfig: Some(kubeconfig(directory.path(), "http://127.0.0.1:1")),
        context: Some("other".to_owned()),
        ..Access::default()
    };
    assert!(matches!(fetch(&access), Err(ClusterError::Kubeconfig { .. })));
}

#[test]
fn closed_port_is_a_refused_connection() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(fetch_from(&format!("http://{free}")), Err(ClusterError::Refused { .. })));
}

#[test]
fn server_without_tls_is_an_error() {
    let url = server(&[]).replace("http:", "https:");
    let error = fetch_from(&url).err().unwrap();
    assert!(
        matches!(error, ClusterError::Tls { .. } | ClusterError::Unreachable { .. }),
        "{error}"
    );
}
