use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
use aws_credential_types::Credentials;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivateKeyDer,
};

use super::*;
use crate::{aws::ReadError, reason::Reason};

/// In no trust store.
const CA: &str = include_str!("../../../../e2e/tls/ca.crt");
const CERTIFICATE: &str = include_str!("../../../../e2e/tls/server.crt");
const KEY: &str = include_str!("../../../../e2e/tls/server.key");

fn file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

#[test]
fn image_without_a_store_trusts_the_built_in_authorities() {
    let (store, found) = roots(Vec::new(), false).unwrap();
    assert_eq!(store, "built-in");
    assert!(found.len() > 50, "{}", found.len());
    assert_eq!(usable(found.clone()).len(), found.len());
    client_of(&found);
}

#[test]
fn store_of_the_system_replaces_the_built_in_one() {
    let ca = bundle(file(CA).path()).unwrap();
    assert_eq!(roots(ca.clone(), true).unwrap(), ("system", ca));
}

#[test]
fn empty_store_that_the_operator_named_is_an_error() {
    let error = roots(Vec::new(), true).unwrap_err().to_string();
    assert!(error.contains("SSL_CERT_FILE"), "{error}");
}

#[test]
fn invalid_certificates_of_a_bundle_are_left_out() {
    let odd = format!("text\n{BEGIN}\nAAAA\n{END}\n{CA}");
    assert_eq!(bundle(file(&odd).path()).unwrap().len(), 1);
    let damaged = format!("{CA}{BEGIN}\n!!!!\n{END}\n");
    assert_eq!(bundle(file(&damaged).path()).unwrap().len(), 1);
}

#[test]
fn bundle_without_an_authority_is_an_error() {
    for content in ["", "not PEM", KEY, &format!("{BEGIN}\nAAAA\n{END}\n"), BEGIN] {
        let error = bundle(file(content).path()).unwrap_err();
        assert!(matches!(error, TrustError::NoAuthority { .. }), "{content}: {error}");
    }
    let error = bundle(Path::new("/nonexistent/ca.crt")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the CA bundle /nonexistent/ca.crt: "), "{error}");
}

/// Answers one request with an empty secret, over TLS.
fn serve() -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
        let mut request = Vec::new();
        let mut part = [0; 4096];
        // The SDK's request bodies are JSON objects. A client that does not trust us sends none.
        while !request.ends_with(b"}") {
            let Ok(len) = stream.read(&mut part) else { return };
            request.extend_from_slice(&part[..len]);
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(head.as_bytes()).unwrap();
    });
    address
}

/// A request to a server with the certificate of [`CERTIFICATE`], by this name.
async fn call(client: SharedHttpClient, host: &str) -> Result<(), ReadError> {
    let url = format!("https://{host}:{}", serve().port());
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(client)
        .endpoint_url(url)
        .build();
    let client = aws_sdk_secretsmanager::Client::from_conf(config);
    let sent = client.get_secret_value().secret_id("a").send().await;
    sent.map(drop).map_err(|error| ReadError::from_sdk(&error, "secretsmanager:GetSecretValue"))
}

#[tokio::test]
async fn authority_of_the_bundle_is_trusted() {
    let client = http_client(Some(file(CA).path())).unwrap();
    assert_eq!(call(client, "localhost").await, Ok(()));
}

#[tokio::test]
async fn unknown_authority_is_a_failure_of_its_own() {
    let client = client_of(webpki_root_certs::TLS_SERVER_ROOT_CERTS);
    let error = call(client, "localhost").await.unwrap_err();
    assert_eq!(error.reason, Reason::UntrustedCertificate);
    assert!(!error.reason.passes(), "a retry at once does not help");
    let detail = error.detail.unwrap();
    assert!(detail.starts_with("cannot call secretsmanager:GetSecretValue: "), "{detail}");
    assert!(detail.contains("unknown") && detail.contains("--ca-bundle"), "{detail}");
}

#[tokio::test]
async fn certificate_of_another_name_is_a_failure_of_its_own() {
    let client = client_of(&bundle(file(CA).path()).unwrap());
    let error = call(client, "127.0.0.2").await.unwrap_err();
    assert_eq!(error.reason, Reason::UntrustedCertificate);
    assert!(error.detail.unwrap().contains("another name"));
}
