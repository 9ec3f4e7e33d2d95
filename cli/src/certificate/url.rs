//! Fetches a certificate from a URL. Uses `HTTPS_PROXY` and `NO_PROXY`.

use std::{io, sync::Arc, time::Duration};

use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::{roots, source::MAX_CERTIFICATE_BYTES};
use crate::{
    error::{Explain, hint, root_cause},
    exit::Exit,
};

/// The limit for the whole request: name resolution, connection, redirects and response.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches the URL. Plain HTTP, in the URL or after a redirect, needs `insecure_http`: an attacker on
/// the network could send their own certificate.
pub(crate) fn fetch(url: &str, insecure_http: bool) -> Result<Vec<u8>, UrlError> {
    fetch_with(url, insecure_http, roots::trusted())
}

pub(super) fn fetch_with(
    url: &str,
    insecure_http: bool,
    roots: RootCerts,
) -> Result<Vec<u8>, UrlError> {
    let shown = redact(url);
    if !insecure_http && !url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")) {
        return Err(UrlError::Insecure { url: shown });
    }
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let agent = ureq::Agent::config_builder()
        .https_only(!insecure_http)
        .timeout_global(Some(FETCH_TIMEOUT))
        .tls_config(tls)
        .user_agent(concat!("mtk-seal/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    agent
        .get(url)
        .header("Accept", "application/x-pem-file, */*")
        .call()
        .and_then(|mut response| {
            response.body_mut().with_config().limit(MAX_CERTIFICATE_BYTES).read_to_vec()
        })
        .map_err(|error| UrlError::from_ureq(shown, error))
}

/// The URL without user and password.
pub(crate) fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// Why the certificate cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    /// The URL has plain HTTP.
    #[error("the certificate URL {url} uses plain HTTP")]
    Insecure {
        /// The URL.
        url: String,
    },
    /// The server redirects to plain HTTP.
    #[error("the certificate URL {url} redirects to plain HTTP")]
    InsecureRedirect {
        /// The URL.
        url: String,
    },
    /// The server returned an error status.
    #[error("cannot fetch {url}: the server returned {status}")]
    Status {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server did not respond in time.
    #[error("cannot fetch {url}: no response within {} seconds", FETCH_TIMEOUT.as_secs())]
    Timeout {
        /// The URL.
        url: String,
    },
    /// The TLS certificate of the server is not trusted.
    #[error("cannot fetch {url}: {cause}")]
    Tls {
        /// The URL.
        url: String,
        /// The reason.
        cause: String,
    },
    /// The response is too large.
    #[error("cannot fetch {url}: the response is larger than 1 MiB")]
    TooLarge {
        /// The URL.
        url: String,
    },
    /// The connection failed.
    #[error("cannot fetch {url}: {cause}")]
    Unreachable {
        /// The URL.
        url: String,
        /// The reason.
        cause: String,
    },
}

impl UrlError {
    fn from_ureq(url: String, error: ureq::Error) -> Self {
        match error {
            ureq::Error::StatusCode(status) => Self::Status { url, status },
            ureq::Error::RequireHttpsOnly(_) => Self::InsecureRedirect { url },
            ureq::Error::Timeout(_) => Self::Timeout { url },
            ureq::Error::BodyExceedsLimit(_) => Self::TooLarge { url },
            ureq::Error::Rustls(error) => Self::Tls { url, cause: error.to_string() },
            // rustls errors arrive wrapped when the handshake fails while reading.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls { url, cause: root_cause(&error) }
            }
            ureq::Error::Io(error) => Self::Unreachable { url, cause: root_cause(&error) },
            error => Self::Unreachable { url, cause: root_cause(&error) },
        }
    }
}

impl Explain for UrlError {
    fn exit(&self) -> Exit {
        match self {
            Self::Insecure { .. } | Self::InsecureRedirect { .. } => Exit::CertificateRefused,
            _ => Exit::CertificateUnavailable,
        }
    }

    fn hints(&self) -> Vec<String> {
        hint(match self {
            Self::Insecure { .. } | Self::InsecureRedirect { .. } => {
                "an attacker on the network could replace the certificate and read the secrets; `--insecure-http` allows plain HTTP"
            }
            Self::Status { status: 404, .. } => {
                "the controller serves its certificate at /v1/cert.pem"
            }
            Self::Tls { .. } => {
                "check that the system's trust store contains the certificate authority of the server"
            }
            Self::Timeout { .. } | Self::Unreachable { .. } => {
                "check the address, and HTTPS_PROXY and NO_PROXY if you use a proxy"
            }
            Self::Status { .. } | Self::TooLarge { .. } => return Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
    };

    use super::*;

    /// Starts a server that sends one response, and returns its address.
    fn server(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1/cert.pem", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        });
        address
    }

    fn answer(status: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    #[test]
    fn plain_http_is_rejected_unless_allowed() {
        let url = server(answer("200 OK", b"pem"));
        assert!(matches!(fetch(&url, false), Err(UrlError::Insecure { .. })));
        assert_eq!(fetch(&url, true).unwrap(), b"pem");
    }

    #[test]
    fn error_status_large_response_and_missing_server_give_different_errors() {
        assert!(matches!(
            fetch(&server(answer("404 Not Found", b"")), true),
            Err(UrlError::Status { status: 404, .. })
        ));
        let large = vec![b'x'; 2 * 1024 * 1024];
        assert!(matches!(
            fetch(&server(answer("200 OK", &large)), true),
            Err(UrlError::TooLarge { .. })
        ));
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = fetch(&format!("http://{free}/"), true).unwrap_err();
        assert!(
            matches!(&error, UrlError::Unreachable { cause, .. } if cause.contains("refused")),
            "{error}"
        );
    }

    #[test]
    fn passwords_in_urls_are_redacted() {
        assert_eq!(redact("https://u:hunter2@x/v1?a@b"), "https://x/v1?a@b");
        assert_eq!(redact("https://x/a@b"), "https://x/a@b");
        let error = fetch("http://u:hunter2@x/", false).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
