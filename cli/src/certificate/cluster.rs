//! Fetches the certificate of the controller through the service proxy of the API server.
//!
//! Only this module starts an async runtime, so that sealing with a file starts fast.

mod error;

use std::{io, path::PathBuf, time::Duration};

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use serde_json::Value;

pub(crate) use self::error::ClusterError;
use super::source::MAX_CERTIFICATE_BYTES;
use crate::error::root_cause;

const DEFAULT_SERVICESPACE: &str = "kube-system";
/// The names of the Service to try, in order.
const DEFAULT_SERVICES: [&str; 2] = ["mtk-controller", "sealed-secrets-controller"];

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the 30 seconds after which the API server gives up on an unreachable Pod.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);

/// How to find the cluster and its controller.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Access {
    /// `--kubeconfig`. None follows the rules of kubectl.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `--context`
    pub(crate) context: Option<String>,
    /// `--controller-namespace`
    pub(crate) namespace: Option<String>,
    /// `--controller-name`. `None` tries the default names.
    pub(crate) name: Option<String>,
}

/// The response of the controller.
pub(crate) struct Fetched {
    /// The Service, for messages.
    pub(crate) service: String,
    /// The body of the response.
    pub(crate) pem: Vec<u8>,
}

/// Fetches the certificate from the controller.
pub(crate) fn fetch(access: &Access) -> Result<Fetched, ClusterError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ClusterError::Unreachable {
            url: "the cluster".to_owned(),
            cause: error.to_string(),
        })?
        .block_on(fetch_async(access))
}

async fn fetch_async(access: &Access) -> Result<Fetched, ClusterError> {
    let api = Api::connect(access).await?;
    let namespace = access.namespace.as_deref().unwrap_or(DEFAULT_SERVICESPACE);
    let names: Vec<&str> =
        access.name.as_deref().map_or_else(|| DEFAULT_SERVICES.to_vec(), |name| vec![name]);

    let mut forbidden = None;
    for name in &names {
        let port = match api.service_port(namespace, name).await {
            Ok(port) => port,
            Err(ClusterError::NoService { .. }) => continue,
            // RBAC roles often allow only one Service by name, which may be the next one.
            Err(error @ ClusterError::Forbidden { .. }) => {
                forbidden.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let pem = api.certificate(namespace, name, &port).await?;
        return Ok(Fetched { service: format!("service {namespace}/{name}"), pem });
    }
    Err(forbidden.unwrap_or_else(|| ClusterError::NoService {
        names: names.join("` or `"),
        namespace: namespace.to_owned(),
    }))
}

struct Api {
    client: Client,
    url: String,
}

impl Api {
    async fn connect(access: &Access) -> Result<Self, ClusterError> {
        let mut config = configuration(access).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(REQUEST_TIMEOUT);
        // A user is waiting: report the error instead of retrying.
        config.default_retry = false;
        let url = config.cluster_url.to_string();
        let client =
            Client::try_from(config).map_err(|error| ClusterError::from_kube(&url, &error))?;
        Ok(Self { client, url })
    }

    /// The name of the first port of the Service, or else its number, as kubeseal does.
    async fn service_port(&self, namespace: &str, name: &str) -> Result<String, ClusterError> {
        let (status, body) =
            self.get(&format!("/api/v1/namespaces/{namespace}/services/{name}")).await?;
        if status == StatusCode::NOT_FOUND {
            return Err(ClusterError::NoService {
                names: name.to_owned(),
                namespace: namespace.to_owned(),
            });
        }
        self.check(status, &body, &format!("get the Service {namespace}/{name}"))?;
        let service: Value = serde_json::from_slice(&body).unwrap_or_default();
        let port = &service["spec"]["ports"][0];
        match (&port["name"], &port["port"]) {
            (Value::String(name), _) if !name.is_empty() => Ok(name.clone()),
            (_, Value::Number(port)) => Ok(port.to_string()),
            _ => Err(ClusterError::NoPort { service: format!("{namespace}/{name}") }),
        }
    }

    async fn certificate(
        &self,
        namespace: &str,
        name: &str,
        port: &str,
    ) -> Result<Vec<u8>, ClusterError> {
        let service = format!("{namespace}/{name}");
        let path =
            format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port}/proxy/v1/cert.pem");
        let (status, body) = match self.get(&path).await {
            Err(ClusterError::Timeout { .. }) => {
                return Err(ClusterError::ProxyTimeout { service });
            }
            other => other?,
        };
        let message = message(&body);
        match status {
            StatusCode::SERVICE_UNAVAILABLE if message.contains("no endpoints") => {
                Err(ClusterError::NoEndpoints { service })
            }
            StatusCode::GATEWAY_TIMEOUT => Err(ClusterError::ProxyTimeout { service }),
            _ if status.is_server_error() && message.contains("timeout") => {
                Err(ClusterError::ProxyTimeout { service })
            }
            _ if status.is_server_error() => {
                Err(ClusterError::ProxyFailed { service, status: status.as_u16(), message })
            }
            StatusCode::NOT_FOUND => Err(ClusterError::NoCertificate { service }),
            _ => {
                self.check(
                    status,
                    &body,
                    &format!("reach the Service {service} through the API server"),
                )?;
                Ok(body)
            }
        }
    }

    fn check(&self, status: StatusCode, body: &[u8], what: &str) -> Result<(), ClusterError> {
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => Err(ClusterError::Unauthorized { url: self.url.clone() }),
            StatusCode::FORBIDDEN => Err(ClusterError::Forbidden { what: what.to_owned() }),
            status => Err(ClusterError::Status {
                url: self.url.clone(),
                status: status.as_u16(),
                message: message(body),
            }),
        }
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Vec<u8>), ClusterError> {
        let request = Request::get(path)
            .header(http::header::ACCEPT, "application/json, application/x-pem-file, */*")
            .body(Body::empty())
            .map_err(|error| self.unreachable(&error))?;
        let response = async {
            let response = self
                .client
                .send(request)
                .await
                .map_err(|error| ClusterError::from_kube(&self.url, &error))?;
            let (head, body) = response.into_parts();
            let limit = usize::try_from(MAX_CERTIFICATE_BYTES).unwrap_or(usize::MAX);
            let body = Limited::new(body, limit)
                .collect()
                .await
                .map_err(|error| self.unreachable(error.as_ref()))?;
            Ok((head.status, body.to_bytes().to_vec()))
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, response).await {
            Ok(response) => response,
            Err(_) => Err(ClusterError::Timeout { url: self.url.clone() }),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> ClusterError {
        ClusterError::Unreachable { url: self.url.clone(), cause: root_cause(error) }
    }
}

/// Finds the configuration as kubectl does: the flag, `KUBECONFIG`, `~/.kube/config`, or inside a
/// Pod its ServiceAccount.
async fn configuration(access: &Access) -> Result<Config, ClusterError> {
    let kubeconfig = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match kubeconfig {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let is_missing = match &error {
                KubeconfigError::FindPath => true,
                KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
                _ => false,
            };
            return match Config::incluster() {
                Ok(config) if is_missing && access.kubeconfig.is_none() => Ok(config),
                _ if is_missing => {
                    Err(ClusterError::NoKubeconfig { path: access.kubeconfig.clone() })
                }
                _ => Err(ClusterError::Kubeconfig { cause: describe(&error) }),
            };
        }
    };
    let options =
        KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| ClusterError::Kubeconfig { cause: describe(&error) })
}

/// The error without quotes from the file, because the file contains tokens.
fn describe(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "not a valid kubeconfig".to_owned(),
        other => other.to_string(),
    }
}

/// The message of a Kubernetes `Status`, on one line.
fn message(body: &[u8]) -> String {
    const MAX_SHOWN_CHARS: usize = 200;
    let status: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = status["message"]
        .as_str()
        .map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests;
