//! moto, an AWS emulator with a real HTTP API: its server, and the environment of its clients.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// The region of every resource.
pub const REGION: &str = "eu-west-1";

/// A start takes seconds, and more on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// Runs the command until its own standard input ends. So the command never outlives the process
/// that holds the other end.
const HOLD: &str =
    r#""$@" </dev/null >/dev/null 2>&1 & cat >/dev/null; kill -KILL $! 2>/dev/null; wait"#;

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct Moto {
    holder: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts this program on a free port of loopback.
    pub fn start(program: &Path) -> anyhow::Result<Moto> {
        let address = free_address(Ipv4Addr::LOCALHOST.into())?;
        let holder = Command::new("sh")
            .args(["-c", HOLD, "moto"])
            .arg(program)
            .args(arguments(address))
            .stdin(Stdio::piped())
            .spawn()
            .context("starting sh")?;
        let mut moto = Moto { holder, address };
        let started = Instant::now();
        while !is_ready(address) {
            if started.elapsed() > START_TIMEOUT || moto.holder.try_wait()?.is_some() {
                bail!("moto does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(moto)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}

/// An address with a port that is free now: moto cannot choose one itself.
pub fn free_address(host: IpAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0)).with_context(|| format!("a port of {host}"))?;
    Ok(listener.local_addr()?)
}

/// The arguments with which the server listens on this address.
pub fn arguments(address: SocketAddr) -> [String; 4] {
    ["-H".to_owned(), address.ip().to_string(), "-p".to_owned(), address.port().to_string()]
}

/// A server listens on this address.
pub fn is_ready(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// Creates a secret in Secrets Manager.
pub fn create_secret(address: SocketAddr, name: &str, value: &str) -> anyhow::Result<()> {
    let body = json!({ "Name": name, "SecretString": value, "ClientRequestToken": token(value) });
    call(address, SECRETS, "CreateSecret", &body).map(drop)
}

/// Adds a version to a secret in Secrets Manager. Returns the answer of AWS.
pub fn put_secret_value(address: SocketAddr, name: &str, value: &str) -> anyhow::Result<Value> {
    let body =
        json!({ "SecretId": name, "SecretString": value, "ClientRequestToken": token(value) });
    call(address, SECRETS, "PutSecretValue", &body)
}

/// Creates a queue of SQS, and returns its URL.
pub fn create_queue(address: SocketAddr, name: &str) -> anyhow::Result<String> {
    let made = call(address, QUEUES, "CreateQueue", &json!({ "QueueName": name }))?;
    Ok(made["QueueUrl"].as_str().context("a URL")?.to_owned())
}

/// The URL of a queue at another address of the same server, such as that of a proxy.
pub fn queue_at(server: &str, url: &str) -> anyhow::Result<String> {
    let path = url.splitn(4, '/').nth(3).context("a path")?;
    Ok(format!("{server}/{path}"))
}

/// Deletes a queue.
pub fn delete_queue(address: SocketAddr, url: &str) -> anyhow::Result<()> {
    call(address, QUEUES, "DeleteQueue", &json!({ "QueueUrl": url })).map(drop)
}

/// Puts a message into a queue.
pub fn send_message(address: SocketAddr, url: &str, body: &str) -> anyhow::Result<()> {
    let body = json!({ "QueueUrl": url, "MessageBody": body });
    call(address, QUEUES, "SendMessage", &body).map(drop)
}

/// How many messages of a queue are waiting, and how many are received but not deleted.
pub fn messages(address: SocketAddr, url: &str) -> anyhow::Result<[u64; 2]> {
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let body = json!({ "QueueUrl": url, "AttributeNames": names });
    let read = call(address, QUEUES, "GetQueueAttributes", &body)?;
    let number = |name| read["Attributes"][name].as_str()?.parse().ok();
    let [waiting, received] = names.map(number);
    Ok([waiting.context("a number")?, received.context("a number")?])
}

/// The id of a version: as long as a UUID, and different for different values.
fn token(value: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(value);
    digest.iter().take(16).fold(String::new(), |token, byte| format!("{token}{byte:02x}"))
}

/// A service: its name in signatures, and that of its API.
type Service = [&'static str; 2];

const SECRETS: Service = ["secretsmanager", "secretsmanager"];
const QUEUES: Service = ["sqs", "AmazonSQS"];

/// Calls a service. moto reads the region from the signature and does not check it.
fn call(
    address: SocketAddr,
    [name, api]: Service,
    operation: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let body = body.to_string();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "POST / HTTP/1.0\r\nHost: {address}\r\n\
         Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\
         X-Amz-Target: {api}.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=demo/20260101/{REGION}/{name}/\
         aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or_default();
    if status.split_whitespace().nth(1) != Some("200") {
        bail!("{operation}: {status}");
    }
    let (_, body) = answer.split_once("\r\n\r\n").context("a body")?;
    Ok(serde_json::from_str(body).unwrap_or_default())
}

/// The environment of a program that uses the AWS at this address, without other AWS settings.
pub fn environment(address: SocketAddr) -> Vec<(String, String)> {
    environment_of(&format!("http://{address}"))
}

/// The environment of a program that uses the AWS at this URL, without other AWS settings.
pub fn environment_of(url: &str) -> Vec<(String, String)> {
    bare_environment(&[
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "pod"),
        ("AWS_SECRET_ACCESS_KEY", "pod"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ])
}

/// The values of the controller's chart that give a Pod access to the AWS at this URL, whose certificate
/// authority is in this ConfigMap.
pub fn chart_values(url: &str, authority: &str) -> Value {
    let variables = environment_of(url).into_iter();
    let variables: Vec<_> =
        variables.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "extraEnv": variables,
        "externalSecrets": { "allowDelete": true, "caBundle": { "configMap": authority } },
    })
}

/// These variables, and others that hide the user's own AWS settings.
pub fn bare_environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = [
        ("AWS_REGION", REGION),
        // Python's SDK reads this one.
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    let pairs = pairs.iter().chain(more);
    pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
