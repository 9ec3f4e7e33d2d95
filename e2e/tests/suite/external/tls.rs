//! Requests to AWS over TLS: which certificate authorities the controller trusts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use e2e::tls::{AUTHORITY, HOST, TlsAws, VALUE, condition, environment, synced};
use serde_json::Value;

use super::support::{rig, value};
use crate::support::text;

/// The ExternalSecret with the report of a controller that has these variables and flags.
fn reported(name: &str, environment: &[(String, String)], flags: &[&str]) -> Value {
    let class = format!("--controller-class={name}");
    let flags = [flags, &[&class]].concat();
    let controller = rig().cluster.controller_in(environment, &flags).unwrap();
    synced(&rig().cluster, &controller, name, name).unwrap()
}

/// A file with the authority of the server.
fn bundle() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), AUTHORITY).unwrap();
    file
}

fn with(mut environment: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    environment.push((name.to_owned(), value.to_owned()));
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn authority_that_the_operator_names_is_trusted() {
    let (aws, bundle) = (TlsAws::start().unwrap(), bundle());
    let path = bundle.path().to_str().unwrap();
    let flag = format!("--ca-bundle={path}");
    let variable = |name| with(aws.environment(), name, path);
    for (name, environment, flags) in [
        ("tls-flag", aws.environment(), vec![flag.as_str()]),
        ("tls-variable", variable("AWS_CA_BUNDLE"), vec![]),
        ("tls-system", variable("SSL_CERT_FILE"), vec![]),
    ] {
        let object = reported(name, &environment, &flags);
        assert_eq!(condition(&object, "Ready").unwrap()["status"], "True", "{object}");
        let secret = rig().api().await.secret(name, "app").await.unwrap();
        assert_eq!(value(&secret, "PASSWORD").as_deref(), Some(VALUE), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_authority_is_reported_with_the_flag_that_adds_it() {
    let aws = TlsAws::start().unwrap();
    let object = reported("tls-unknown", &aws.environment(), &[]);
    let explained = condition(&object, "Explained").unwrap();
    assert_eq!(explained["reason"], "UntrustedCertificate", "{object}");
    let message = text(&explained["message"]);
    assert!(message.contains("--ca-bundle") && message.contains("unknown"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn https_proxy_is_used() {
    let (aws, bundle) = (TlsAws::start().unwrap(), bundle());
    let proxy = proxy(aws.address());
    let environment = environment(&format!("https://{HOST}"));
    let environment = with(environment, "HTTPS_PROXY", &format!("http://{proxy}"));
    // The API server.
    let environment = with(environment, "NO_PROXY", "127.0.0.1");
    let flag = format!("--ca-bundle={}", bundle.path().display());
    let object = reported("tls-proxy", &environment, &[&flag]);
    assert_eq!(condition(&object, "Ready").unwrap()["status"], "True", "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn start_ends_with_an_error_without_an_authority() {
    let cluster = &rig().cluster;
    let none = tempfile::NamedTempFile::new().unwrap();
    let unset = environment(&format!("https://{HOST}"));
    let named = with(unset.clone(), "SSL_CERT_FILE", none.path().to_str().unwrap());
    let missing = with(unset.clone(), "SSL_CERT_FILE", "/none/ca.crt");
    let empty = format!("--ca-bundle={}", none.path().display());
    for (environment, flag, expected) in [
        (&named, None, "SSL_CERT_FILE"),
        (&missing, None, "cannot read certificate authorities of the system"),
        (&unset, Some("--ca-bundle=/none/ca.crt"), "cannot read the CA bundle /none/ca.crt"),
        (&unset, Some(empty.as_str()), "contains no certificate authority"),
    ] {
        let flags: Vec<_> = flag.into_iter().collect();
        let error = cluster.controller_in(environment, &flags).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        // They concern only AWS.
        let off = [&flags[..], &["--external-secrets=false"]].concat();
        cluster.controller_in(environment, &off).unwrap();
    }
}

/// A proxy that forwards every request for [`HOST`] to this server.
fn proxy(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || tunnel(client, server));
        }
    });
    address
}

fn tunnel(mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    // A client sends nothing after the request's head until it has the response.
    let mut head = BufReader::new(client.try_clone()?).lines();
    let first = head.next().unwrap()?;
    assert!(first.starts_with(&format!("CONNECT {HOST}:443 ")), "{first}");
    while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let mut server = TcpStream::connect(server)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut to, mut from) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut server, &mut client).map(drop)
}
