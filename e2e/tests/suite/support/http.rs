//! HTTP requests to the controller, without a library that would repeat or change them.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response. The names of its headers are in lower case.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) code: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Posts the body.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> Response {
    send(address, "POST", path, &[], body)
}

/// Sends a request with these headers.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), format!("Host: {address}")];
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    exchange(address, &format!("{}\r\n\r\n{body}", lines.join("\r\n")))
}

/// Sends the text and reads the response until the server closes the connection.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> Response {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // The server may refuse the rest of the body.
    drop(stream.write_all(request.as_bytes()));
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes));
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let code = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    let headers = head.lines().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Response { code: code.unwrap_or_default(), headers: headers.collect(), body: body.to_owned() }
}
