//! Why a request to the cluster fails, with a hint for each reason.

use std::{io, path::PathBuf};

use kube::client::AuthError;

use crate::{
    error::{Explain, root_cause},
    exit::Exit,
};

/// Why a request to the cluster fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The login failed.
    #[error("cannot log in to the cluster: {cause}")]
    Credentials {
        /// The reason.
        cause: String,
    },
    /// The API server returned 403.
    #[error("you do not have permission to {what}")]
    Forbidden {
        /// The action.
        what: String,
    },
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig: {cause}")]
    Kubeconfig {
        /// The reason.
        cause: String,
    },
    /// The kubeconfig lacks the context.
    #[error("the kubeconfig has no context `{name}`")]
    NoContext {
        /// The context.
        name: String,
    },
    /// The Service does not know the path.
    #[error("the Service {service} does not serve {endpoint}")]
    NoEndpoint {
        /// `namespace/name`
        service: String,
        /// The path.
        endpoint: String,
    },
    /// The Service has no endpoints.
    #[error("the Service {service} has no running Pod")]
    NoEndpoints {
        /// `namespace/name`
        service: String,
    },
    /// Neither a kubeconfig nor the ServiceAccount of a Pod was found.
    #[error("no certificate given, and no kubeconfig found to fetch it{}", path.as_ref().map(|path| format!(": `{}` does not exist", path.display())).unwrap_or_default())]
    NoKubeconfig {
        /// The kubeconfig that the user named.
        path: Option<PathBuf>,
    },
    /// The Service has no port.
    #[error("the Service {service} has no port")]
    NoPort {
        /// `namespace/name`
        service: String,
    },
    /// The Service does not exist.
    #[error("Service `{names}` not found in the namespace `{namespace}`")]
    NoService {
        /// The names that were tried.
        names: String,
        /// The namespace.
        namespace: String,
    },
    /// The API server cannot reach the Pod.
    #[error("the API server cannot reach the Service {service} ({status}): {message}")]
    ProxyFailed {
        /// `namespace/name`
        service: String,
        /// The HTTP status.
        status: u16,
        /// The message of the API server.
        message: String,
    },
    /// The Pod did not respond to the API server.
    #[error("the API server got no response from the Service {service}")]
    ProxyTimeout {
        /// `namespace/name`
        service: String,
    },
    /// The connection was refused.
    #[error("cannot connect to {url}: connection refused")]
    Refused {
        /// The API server.
        url: String,
    },
    /// The API server returned another status.
    #[error("the API server at {url} returned {status}: {message}")]
    Status {
        /// The API server.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The message of the API server.
        message: String,
    },
    /// The API server did not respond in time.
    #[error("the API server at {url} does not respond")]
    Timeout {
        /// The API server.
        url: String,
    },
    /// The TLS handshake failed.
    #[error("cannot trust the API server at {url}: {cause}")]
    Tls {
        /// The API server.
        url: String,
        /// The reason.
        cause: String,
    },
    /// The API server returned 401.
    #[error("the API server at {url} rejected your credentials")]
    Unauthorized {
        /// The API server.
        url: String,
    },
    /// The connection failed for another reason.
    #[error("cannot reach the API server at {url}: {cause}")]
    Unreachable {
        /// The API server.
        url: String,
        /// The reason.
        cause: String,
    },
}

impl ClusterError {
    /// The reason why a request failed, from the errors inside it.
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
                // An error of the TLS handshake is wrapped instead of being a source.
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
            Self::Kubeconfig { .. } | Self::NoContext { .. } => {
                "`kubectl config get-contexts` lists the contexts; `--context` chooses one"
            }
            Self::Credentials { .. } | Self::Unauthorized { .. } => {
                "log in to the cluster again; `kubectl get namespaces` must work"
            }
            Self::Forbidden { .. } => {
                "ask an administrator for the certificate: it is public, and `--cert FILE` needs no access"
            }
            Self::NoService { .. } => {
                "check that the controller is installed; `--controller-namespace` and `--controller-name` set its location"
            }
            Self::NoPort { .. } | Self::NoEndpoint { .. } => {
                "check that this is the Service of the controller; `--controller-name` names another"
            }
            Self::NoEndpoints { .. } => {
                "check with `kubectl get pods -n NAMESPACE` that the controller is running"
            }
            Self::ProxyFailed { .. } | Self::ProxyTimeout { .. } => {
                return vec![
                    "the controller may be starting, or a firewall may block the control plane from its Pods".to_owned(),
                    "workaround: `kubectl port-forward service/NAME 8080 -n NAMESPACE`, then `--cert http://localhost:8080/v1/cert.pem --insecure-http`".to_owned(),
                ];
            }
            Self::Refused { .. } | Self::Timeout { .. } | Self::Unreachable { .. } => {
                "check that this is the right cluster; `--context` chooses another, and `--cert FILE` needs no cluster"
            }
            Self::Tls { .. } => "check that the kubeconfig belongs to this cluster",
            Self::Status { .. } => return Vec::new(),
        };
        vec![first.to_owned()]
    }
}

/// Why a login command failed, without its output.
fn describe(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecParse(_) => "the login command printed malformed output".to_owned(),
        AuthError::AuthExecRun { cmd, out } => format!("`{cmd}` failed: {}", out.status),
        AuthError::AuthExecStart(error) => {
            format!("the login command cannot be run: {}", root_cause(error))
        }
        other => other.to_string(),
    }
}
