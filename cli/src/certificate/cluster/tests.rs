//! The ways a cluster can fail, played by a fake API server.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use super::*;

/// An API server with these answers by path; every other path is 404. Ends with the process.
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

const OURS: &str = "/api/v1/namespaces/kube-system/services/mtk-controller";
const PEERS: &str = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const PROXY: &str =
    "/api/v1/namespaces/kube-system/services/http:mtk-controller:http/proxy/v1/cert.pem";
const SERVICE: &str = r#"{"spec": {"ports": [{"name": "http", "port": 8080}]}}"#;

#[test]
fn our_service_is_asked_before_the_peers() {
    let fetched =
        fetch_from(&server(&[(OURS, 200, SERVICE), (PEERS, 200, SERVICE), (PROXY, 200, "pem")]))
            .ok()
            .unwrap();
    assert_eq!(
        (fetched.service.as_str(), fetched.pem.as_slice()),
        ("service kube-system/mtk-controller", b"pem".as_slice())
    );
}

#[test]
fn a_role_for_the_peers_service_alone_is_enough_and_a_port_without_name_goes_by_number() {
    let proxy = "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:8080/proxy/v1/cert.pem";
    let service = r#"{"spec": {"ports": [{"port": 8080}]}}"#;
    let fetched =
        fetch_from(&server(&[(OURS, 403, "{}"), (PEERS, 200, service), (proxy, 200, "pem")]))
            .ok()
            .unwrap();
    assert_eq!(fetched.service, "service kube-system/sealed-secrets-controller");
}

#[test]
fn each_answer_of_the_api_server_has_its_own_error() {
    assert!(
        matches!(failure(&[]), ClusterError::NoService { names, .. } if names.contains("mtk-controller` or `sealed"))
    );
    assert!(matches!(failure(&[(OURS, 401, "{}")]), ClusterError::Unauthorized { .. }));
    assert!(matches!(
        failure(&[(OURS, 403, "{}"), (PEERS, 403, "{}")]),
        ClusterError::Forbidden { .. }
    ));
    assert!(
        matches!(failure(&[(OURS, 500, r#"{"message": "etcd"}"#)]), ClusterError::Status { status: 500, message, .. } if message == "etcd")
    );
    assert!(matches!(failure(&[(OURS, 200, r#"{"spec": {}}"#)]), ClusterError::NoPort { .. }));
}

#[test]
fn each_answer_of_the_service_proxy_has_its_own_error() {
    let proxied = |status, body| failure(&[(OURS, 200, SERVICE), (PROXY, status, body)]);
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
fn no_kubeconfig_a_broken_one_and_a_wrong_context_are_told_apart() {
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
fn a_closed_port_is_a_refused_connection() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(fetch_from(&format!("http://{free}")), Err(ClusterError::Refused { .. })));
}

#[test]
fn a_server_that_does_not_speak_tls_is_told() {
    let url = server(&[]).replace("http:", "https:");
    let error = fetch_from(&url).err().unwrap();
    assert!(
        matches!(error, ClusterError::Tls { .. } | ClusterError::Unreachable { .. }),
        "{error}"
    );
}
