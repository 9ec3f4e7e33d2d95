//! An AWS over TLS. Each secret has the same value, and no trust store contains the certificate
//! authority.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::moto::{REGION, environment_of};

/// The certificate authority of the server, as PEM.
pub const AUTHORITY: &str = include_str!("../tls/ca.crt");
/// The value of each secret.
pub const VALUE: &str = "over-tls";
/// A name of the server that no resolver knows.
pub const HOST: &str = "aws.test";

/// How long a controller may take to report on an object.
const REPORT_TIMEOUT: Duration = Duration::from_mins(2);

/// A running server. It serves until the process ends.
#[derive(Debug)]
pub struct TlsAws {
    address: SocketAddr,
}

impl TlsAws {
    /// Starts a server on a free port of loopback.
    pub fn start() -> anyhow::Result<TlsAws> {
        let config = Arc::new(config()?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = config.clone();
                // A client that does not trust the server closes the connection.
                std::thread::spawn(move || drop(answer(stream, config)));
            }
        });
        Ok(TlsAws { address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The environment of a controller that uses this server, without other AWS settings.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(&format!("https://{}", self.address))
    }
}

/// The environment of a controller that uses the AWS at this URL, without other AWS settings.
pub fn environment(url: &str) -> Vec<(String, String)> {
    let nothing = ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    // As in the image, which contains no trust store.
    let nothing = nothing.map(|name| (name.to_owned(), String::new()));
    environment_of(url).into_iter().chain(nothing).collect()
}

/// Creates an ExternalSecret in a new namespace, with a store of this class, and returns it once a
/// controller has reported on it.
pub fn synced(
    cluster: &Cluster,
    controller: &Controller,
    namespace: &str,
    class: &str,
) -> anyhow::Result<Value> {
    let metadata = |name: &str| json!({ "namespace": namespace, "name": name });
    let aws = json!({ "service": "SecretsManager", "region": REGION });
    let api = "external-secrets.io/v1";
    cluster.apply(&json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace },
    }))?;
    cluster.apply(&json!({
        "apiVersion": api, "kind": "SecretStore", "metadata": metadata("aws"),
        "spec": { "controller": class, "provider": { "aws": aws } },
    }))?;
    cluster.apply(&json!({
        "apiVersion": api, "kind": "ExternalSecret", "metadata": metadata("app"),
        "spec": {
            "secretStoreRef": { "kind": "SecretStore", "name": "aws" },
            "data": [{ "secretKey": "PASSWORD", "remoteRef": { "key": "app" } }],
        },
    }))?;
    let started = Instant::now();
    loop {
        let mut kubectl = cluster.plane().kubectl();
        kubectl.args(["get", "externalsecret", "app", "--output=json", "--namespace", namespace]);
        let output = kubectl.output()?;
        let object: Value = serde_json::from_slice(&output.stdout).context("reading the object")?;
        if condition(&object, "Ready").is_some() {
            return Ok(object);
        }
        ensure!(started.elapsed() < REPORT_TIMEOUT, "no report\n{}", controller.log()?);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A condition of an object.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn config() -> anyhow::Result<ServerConfig> {
    let certificate = include_bytes!("../tls/server.crt");
    let certificate = CertificateDer::from_pem_slice(certificate).context("the certificate")?;
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../tls/server.key"));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    Ok(config.with_single_cert(vec![certificate], key.context("the key")?)?)
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> anyhow::Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    // The bodies of requests to Secrets Manager are JSON objects.
    while !request.ends_with(b"}") {
        let len = stream.read(&mut part)?;
        if len == 0 {
            bail!("the client closed the connection");
        }
        request.extend_from_slice(&part[..len]);
    }
    let request = String::from_utf8(request)?;
    let body = request.split_once("\r\n\r\n").context("not an HTTP request")?.1;
    let name = serde_json::from_str::<Value>(body)?["SecretId"].clone();
    let name = name.as_str().context("not a request for a secret")?;
    let body = json!({
        "ARN": format!("arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-AbCdEf"),
        "Name": name, "SecretString": VALUE, "CreatedDate": 1_767_225_600,
        "VersionId": "0".repeat(36), "VersionStages": ["AWSCURRENT"],
    });
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len(),
    )?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}
