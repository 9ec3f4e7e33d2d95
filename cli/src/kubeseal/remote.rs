//! The controller behind the API server, and errors of the cluster in the original's words.

use http::StatusCode;

use super::error::KubesealError;
use crate::{
    cluster::{Access, Api, ClusterError, Controller},
    error::{Explain as _, Failure},
};

const DEFAULT_NAMESPACE: &str = "kube-system";
/// The names of the Service to try, in order.
const DEFAULT_NAMES: [&str; 2] = ["mtk-controller", "sealed-secrets-controller"];
/// More than any SealedSecret.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Finding the controller.
    Service,
    /// Fetching the certificate.
    Certificate,
    /// `--validate`
    Validate,
    /// `--re-encrypt`
    ReEncrypt,
}

/// A connection to the controller.
pub(crate) struct Remote {
    api: Api,
    controller: Controller,
}

impl Remote {
    /// Finds the controller.
    pub(crate) async fn connect(access: &Access) -> Result<Self, Failure> {
        let failed = |error: ClusterError| failure(&error, Step::Service);
        let api = Api::connect(access).await.map_err(failed)?;
        let namespace = access.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let names: Vec<&str> =
            access.name.as_deref().map_or_else(|| DEFAULT_NAMES.to_vec(), |name| vec![name]);
        let mut forbidden = None;
        for name in &names {
            match api.controller(namespace, name).await {
                Ok(controller) => return Ok(Self { api, controller }),
                // RBAC roles often allow only one Service by name, which may be the next one.
                Err(error @ ClusterError::Forbidden { .. }) => drop(forbidden.get_or_insert(error)),
                Err(ClusterError::NoService { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let not_found = || ClusterError::NoService {
            names: names.join("` or `"),
            namespace: namespace.to_owned(),
        };
        let error = forbidden.unwrap_or_else(not_found);
        Err(failed(error))
    }

    /// The response to a POST. None if the controller cannot decrypt the object (409).
    pub(super) async fn post(
        &self,
        endpoint: &str,
        body: &[u8],
        step: Step,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let sent = self.api.post_to(&self.controller, endpoint, body, MAX_RESPONSE_BYTES).await;
        let (status, body) = sent.map_err(|error| failure(&error, step))?;
        if status.is_success() {
            return Ok(Some(body));
        }
        if status == StatusCode::CONFLICT {
            return Ok(None);
        }
        let text = self.status_text(status, &body);
        Err(step.error(text).into())
    }

    /// The words of client-go for a status.
    fn status_text(&self, status: StatusCode, body: &[u8]) -> String {
        let message = crate::cluster::message(body);
        let problem = match status {
            StatusCode::TOO_MANY_REQUESTS => {
                "the server has received too many requests and has asked us to try again later"
                    .to_owned()
            }
            StatusCode::UNAUTHORIZED => {
                "the server has asked for the client to provide credentials".to_owned()
            }
            StatusCode::FORBIDDEN if !message.is_empty() => return message,
            StatusCode::NOT_FOUND => "the server could not find the requested resource".to_owned(),
            status if status.is_server_error() => format!(
                "an error on the server ({message:?}) has prevented the request from succeeding"
            ),
            status => format!(
                "the server responded with the status code {} but did not return more information",
                status.as_u16()
            ),
        };
        format!("{problem} (post services {})", self.controller.resource())
    }
}

impl Step {
    fn error(self, text: String) -> KubesealError {
        match self {
            Self::Service => KubesealError::Service(text),
            Self::Certificate => KubesealError::Fetch(text),
            Self::Validate => KubesealError::Validate(text),
            Self::ReEncrypt => KubesealError::ReEncrypt(text),
        }
    }
}

/// The error of the cluster in the original's words, with our hints.
pub(super) fn failure(error: &ClusterError, step: Step) -> Failure {
    let known = match error {
        ClusterError::NoKubeconfig { path: None } => KubesealError::Configuration(
            "no configuration has been provided, try setting KUBERNETES_MASTER environment variable"
                .to_owned(),
        ),
        ClusterError::NoKubeconfig { path: Some(path) } => KubesealError::Open {
            verb: "stat",
            path: path.display().to_string(),
            cause: "no such file or directory".to_owned(),
        },
        ClusterError::Kubeconfig { cause } => KubesealError::Configuration(cause.clone()),
        ClusterError::NoContext { name } => KubesealError::NoContext(name.clone()),
        ClusterError::NoService { names, .. } => {
            KubesealError::Service(format!("services \"{}\" not found", names.replace('`', "\"")))
        }
        ClusterError::NoEndpoint { .. }
        | ClusterError::NoEndpoints { .. }
        | ClusterError::ProxyFailed { .. }
        | ClusterError::ProxyTimeout { .. } => step.error(error.to_string()),
        error if step == Step::Certificate => KubesealError::Service(error.to_string()),
        error => step.error(error.to_string()),
    };
    let mut failure = Failure::from(known);
    failure.hints.extend(error.hints());
    failure
}
