//! A fake API server, web server and proxy in one. The path selects the response.
//!
//! `/CONTEXT/api/v1/namespaces/kube-system/services/…` is a cluster that fails in the way that the
//! name of the context describes. `http://web.test/STATUS` is a web server, reached with `CONNECT`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
};

use serde_json::{Value, json};

/// The contexts of the kubeconfig. Each is a way to fail.
const CONTEXTS: [&str; 19] = [
    "works",
    "no-service",
    "unauthorized",
    "forbidden",
    "broken",
    "no-port",
    "no-endpoints",
    "proxy-timeout",
    "proxy-refused",
    "no-path",
    "not-pem",
    "credentials",
    "config-map",
    "undecryptable",
    "controller-error",
    "rate-limited",
    "too-large",
    "no-answer",
    "identity",
];

const CERTIFICATE: &str = include_str!("../cases/files/rsa2048.crt");

/// Starts the server, writes a kubeconfig for it, and returns its address.
pub(crate) fn start(kubeconfig: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(|| serve(stream.unwrap()));
        }
    });
    std::fs::write(kubeconfig, kubeconfig_text(&address)).unwrap();
    address
}

fn kubeconfig_text(address: &str) -> String {
    let broken = [
        // Port 9 is the discard service, which no machine runs.
        ("refused", "http://127.0.0.1:9".to_owned()),
        // This name never resolves (RFC 6761).
        ("unreachable", "http://example.invalid".to_owned()),
    ];
    let fake = CONTEXTS.map(|name| (name, format!("http://{address}/{name}")));
    let (mut clusters, mut contexts) = (Vec::new(), Vec::new());
    for (name, server) in fake.into_iter().chain(broken) {
        let user = if name == "credentials" { "credentials" } else { "u" };
        clusters.push(json!({ "name": name, "cluster": { "server": server } }));
        contexts.push(json!({ "name": name, "context": { "cluster": name, "user": user } }));
    }
    let login = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "no-such-login",
        "interactiveMode": "Never",
    });
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": "of-the-login-command" },
    });
    let working_login = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "echo",
        "args": [credential.to_string()],
        "interactiveMode": "Never",
    });
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "works",
        "users": [
            { "name": "u", "user": { "token": "t" } },
            { "name": "credentials", "user": { "exec": login } },
            { "name": "login", "user": { "exec": working_login } },
        ],
        "clusters": clusters,
        "contexts": contexts,
    });
    kubeconfig.to_string()
}

fn serve(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let Some(Request { method, path, identity, body }) = request(&mut reader) else {
            return;
        };
        if method == "CONNECT" {
            let _ = writer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            continue;
        }
        let (status, body) =
            if method == "POST" { post(&path, &body) } else { answer(&path, &identity) };
        let location = if status == 302 { "Location: http://web.test/200\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} X\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = writer.write_all((head + &body).as_bytes());
        return;
    }
}

struct Request {
    method: String,
    path: String,
    /// The headers by which the client names itself, in the order of the alphabet.
    identity: Vec<String>,
    body: Vec<u8>,
}

fn request(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let (mut identity, mut length) = (Vec::new(), 0);
    for line in reader.lines() {
        let line = line.ok()?;
        match line.split_once(": ") {
            None => break,
            Some((name, value)) => match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().ok()?,
                "authorization" => identity.push(line),
                name if name.starts_with("impersonate-") => identity.push(line),
                _ => {}
            },
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    identity.sort();
    let mut words = first.split(' ').map(str::to_owned);
    Some(Request { method: words.next()?, path: words.next()?, identity, body })
}

/// The response of the controller: to `/v1/rotate` the same items with another character each.
fn post(path: &str, body: &[u8]) -> (u16, String) {
    let context = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let status = match context {
        "undecryptable" => 409,
        "controller-error" => 500,
        "rate-limited" => 429,
        "too-large" => 413,
        _ => 200,
    };
    let Ok(mut object) = serde_json::from_slice::<Value>(body) else {
        return (500, String::new());
    };
    if status != 200 || context == "no-answer" || path.ends_with("/v1/verify") {
        return (status, String::new());
    }
    for item in object["spec"]["encryptedData"].as_object_mut().unwrap().values_mut() {
        let text = item.as_str().unwrap();
        let other = if &text[100..101] == "A" { "B" } else { "A" };
        *item = format!("{}{other}{}", &text[..100], &text[101..]).into();
    }
    object["metadata"]["uid"] = "7".into();
    (200, object.to_string())
}

fn answer(path: &str, identity: &[String]) -> (u16, String) {
    const SERVICE: &str = r#"{"spec": {"ports": [{"name": "http", "port": 8080}]}}"#;
    let text = |status, message: &str| {
        (status, format!(r#"{{"kind": "Status", "message": "{message}"}}"#))
    };
    let Some((context, rest)) = path.trim_start_matches('/').split_once('/') else {
        return match path {
            "/200" => (200, CERTIFICATE.to_owned()),
            "/text" => (200, "not a certificate\n".to_owned()),
            "/large" => (200, "x".repeat(2 * 1024 * 1024)),
            "/302" => (302, String::new()),
            _ => (404, String::new()),
        };
    };
    // A server that shows who it takes the client for.
    if context == "identity" {
        return text(500, &identity.join(", "));
    }
    let is_proxy = rest.contains("/proxy/");
    match context {
        "config-map" if rest.ends_with("/configmaps/sealed-secrets-controller-certificate") => {
            (200, json!({ "data": { "cert.pem": CERTIFICATE } }).to_string())
        }
        "no-service" => text(404, "services not found"),
        "unauthorized" => text(401, "Unauthorized"),
        "forbidden" => text(403, "services is forbidden"),
        "broken" => text(500, "etcdserver: request timed out"),
        "no-port" => (200, r#"{"spec": {}}"#.to_owned()),
        _ if !is_proxy && !rest.ends_with("/services/mtk-controller") => text(404, "not found"),
        _ if !is_proxy => (200, SERVICE.to_owned()),
        "no-endpoints" => {
            text(503, "no endpoints available for service \\\"http:mtk-controller:http\\\"")
        }
        "proxy-timeout" => {
            text(503, "error trying to reach service: dial tcp 10.0.0.7:8080: i/o timeout")
        }
        "proxy-refused" => text(
            503,
            "error trying to reach service: dial tcp 10.0.0.7:8080: connect: connection refused",
        ),
        "no-path" => (404, "404 page not found".to_owned()),
        "not-pem" => (200, "<html>login</html>".to_owned()),
        _ => (200, CERTIFICATE.to_owned()),
    }
}
