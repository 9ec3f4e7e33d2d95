//! The ways a cluster can fail to give a certificate, each with what to do about it.

use std::io;
use std::path::PathBuf;

use kube::client::AuthError;

use crate::error::{Explain, root_cause};
use crate::exit::Exit;

/// Why the cluster gives no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The credentials could not be had.
    #[error("cannot log in to the cluster: {cause}")]
    Credentials {
        /// Why.
        cause: String,
    },
    /// 403.
    #[error("you may not {what}")]
    Forbidden {
        /// The action.
        what: String,
    },
    /// The kubeconfig is there and unusable.
    #[error("cannot use the kubeconfig: {cause}")]
    Kubeconfig {
        /// Why.
        cause: String,
    },
    /// The Service answers, and has no certificate.
    #[error("the Service {service} has no /v1/cert.pem")]
    NoCertificate {
        /// `namespace/name`
        service: String,
    },
    /// No Pod is behind the Service.
    #[error("the Service {service} has no running Pod")]
    NoEndpoints {
        /// `namespace/name`
        service: String,
    },
    /// No kubeconfig, and no Pod's ServiceAccount.
    #[error("there is no certificate, and no kubeconfig to fetch it with{}", path.as_ref().map(|path| format!(": `{}` does not exist", path.display())).unwrap_or_default())]
    NoKubeconfig {
        /// The one that was asked for.
        path: Option<PathBuf>,
    },
    /// A Service without ports.
    #[error("the Service {service} has no port")]
    NoPort {
        /// `namespace/name`
        service: String,
    },
    /// No controller.
    #[error("there is no Service `{names}` in the namespace `{namespace}`")]
    NoService {
        /// Those looked for.
        names: String,
        /// Where.
        namespace: String,
    },
    /// The API server could not talk to the Pod.
    #[error("the API server cannot reach the Service {service} ({status}): {message}")]
    ProxyFailed {
        /// `namespace/name`
        service: String,
        /// The HTTP status.
        status: u16,
        /// The API server's words.
        message: String,
    },
    /// The API server waited for the Pod in vain.
    #[error("the API server got no answer from the Service {service}")]
    ProxyTimeout {
        /// `namespace/name`
        service: String,
    },
    /// Nobody listens.
    #[error("nothing answers at {url}: connection refused")]
    Refused {
        /// The API server.
        url: String,
    },
    /// Another status.
    #[error("the API server at {url} answered {status}: {message}")]
    Status {
        /// The API server.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// No answer in time.
    #[error("the API server at {url} does not answer")]
    Timeout {
        /// The API server.
        url: String,
    },
    /// The TLS handshake failed.
    #[error("cannot trust the API server at {url}: {cause}")]
    Tls {
        /// The API server.
        url: String,
        /// Why.
        cause: String,
    },
    /// 401.
    #[error("the API server at {url} does not accept your credentials")]
    Unauthorized {
        /// The API server.
        url: String,
    },
    /// No connection, for another reason.
    #[error("cannot reach the API server at {url}: {cause}")]
    Unreachable {
        /// The API server.
        url: String,
        /// Why.
        cause: String,
    },
}

impl ClusterError {
    /// What a failed request says, by the errors inside it.
    pub(super) fn from_kube(url: &str, error: &kube::Error) -> Self {
        let url = url.to_owned();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<AuthError>() {
                return Self::Credentials { cause: describe(error) };
            }
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Self::Tls { url, cause: error.to_string() };
            }
            if let Some(io) = error.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused { url },
                    io::ErrorKind::TimedOut => return Self::Timeout { url },
                    _ => {}
                }
                // A handshake's error is wrapped, and not a source.
                if let Some(inner) =
                    io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
                {
                    return Self::Tls { url, cause: inner.to_string() };
                }
            }
            next = error.source();
        }
        Self::Unreachable { url, cause: root_cause(error) }
    }
}

impl Explain for ClusterError {
    fn exit(&self) -> Exit {
        Exit::CertificateUnavailable
    }

    fn hints(&self) -> Vec<String> {
        let first = match self {
            Self::NoKubeconfig { .. } => {
                "give the certificate with `--cert FILE`, or a kubeconfig with `--kubeconfig` or KUBECONFIG"
            }
            Self::Kubeconfig { .. } => {
                "`kubectl config get-contexts` lists its contexts, `--context` chooses one"
            }
            Self::Credentials { .. } | Self::Unauthorized { .. } => {
                "log in to the cluster again; `kubectl get namespaces` must work"
            }
            Self::Forbidden { .. } => {
                "ask for the certificate itself: it is public, and `--cert FILE` needs no access"
            }
            Self::NoService { .. } => {
                "is the controller installed? `--controller-namespace` and `--controller-name` say where"
            }
            Self::NoPort { .. } | Self::NoCertificate { .. } => {
                "is this the controller's Service? `--controller-name` names another"
            }
            Self::NoEndpoints { .. } => {
                "is the controller running? `kubectl get pods -n NAMESPACE` tells"
            }
            Self::ProxyFailed { .. } | Self::ProxyTimeout { .. } => {
                return vec![
                    "the controller may be starting; or a firewall keeps a private control plane from its Pods".to_owned(),
                    "around it: `kubectl port-forward service/NAME 8080 -n NAMESPACE`, then `--cert http://localhost:8080/v1/cert.pem --insecure-http`".to_owned(),
                ];
            }
            Self::Refused { .. } | Self::Timeout { .. } | Self::Unreachable { .. } => {
                "is this the right cluster? `--context` chooses another; `--cert FILE` needs none"
            }
            Self::Tls { .. } => "is this the cluster that the kubeconfig was made for?",
            Self::Status { .. } => return Vec::new(),
        };
        vec![first.to_owned()]
    }
}

/// What kept a login command from giving credentials, without what it printed.
fn describe(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecParse(_) => "the login command's answer is malformed".to_owned(),
        AuthError::AuthExecRun { cmd, out } => format!("`{cmd}` failed: {}", out.status),
        AuthError::AuthExecStart(error) => {
            format!("the login command cannot be run: {}", root_cause(error))
        }
        other => other.to_string(),
    }
}
