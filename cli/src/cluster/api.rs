//! Requests to the API server, and through it to the controller. Size and time are bounded.

use std::{future::Future, time::Duration};

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, client::Body};
use serde_json::Value;

use super::{
    access::{Access, configuration},
    error::ClusterError,
};
use crate::error::root_cause;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the 30 seconds after which the API server gives up on an unreachable Pod.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);
/// As often as client-go retries a request that the server limits.
const MAX_RATE_LIMIT_RETRIES: usize = 10;
/// The longest pause that the server may request.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Runs requests to the cluster.
pub(crate) fn block_on<T, E: From<ClusterError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ClusterError::Unreachable {
            url: "the cluster".to_owned(),
            cause: error.to_string(),
        })?
        .block_on(work)
}

/// A client of the API server.
pub(crate) struct Api {
    client: Client,
    url: String,
    timeout: Duration,
}

/// The Service of a controller, as the API server's proxy addresses it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Controller {
    /// The namespace.
    pub(crate) namespace: String,
    /// The Service.
    pub(crate) name: String,
    /// The name of its first port, or else the number, as kubeseal does.
    pub(crate) port: String,
}

impl Controller {
    /// `namespace/name`
    pub(crate) fn service(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// `http:name:port`, the resource that the proxy permission is about.
    pub(crate) fn resource(&self) -> String {
        format!("http:{}:{}", self.name, self.port)
    }

    fn path(&self, endpoint: &str) -> String {
        let Self { namespace, .. } = self;
        format!("/api/v1/namespaces/{namespace}/services/{}/proxy{endpoint}", self.resource())
    }
}

impl Api {
    /// Prepares the client. The first request connects.
    pub(crate) async fn connect(access: &Access) -> Result<Self, ClusterError> {
        let mut config = configuration(access).await?;
        let timeout = access.overrides.request_timeout.unwrap_or(REQUEST_TIMEOUT);
        config.connect_timeout = Some(CONNECT_TIMEOUT.min(timeout));
        config.read_timeout = Some(timeout);
        // A user is waiting: report the error instead of retrying.
        config.default_retry = false;
        let url = config.cluster_url.to_string();
        let client =
            Client::try_from(config).map_err(|error| ClusterError::from_kube(&url, &error))?;
        Ok(Self { client, url, timeout })
    }

    /// The Service, and the port to use.
    pub(crate) async fn controller(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Controller, ClusterError> {
        let service = format!("{namespace}/{name}");
        let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
        let Some(object) = self.object(&path, &format!("get the Service {service}")).await? else {
            return Err(ClusterError::NoService {
                names: name.to_owned(),
                namespace: namespace.to_owned(),
            });
        };
        let port = &object["spec"]["ports"][0];
        let port = match (&port["name"], &port["port"]) {
            (Value::String(name), _) if !name.is_empty() => name.clone(),
            (_, Value::Number(port)) => port.to_string(),
            _ => return Err(ClusterError::NoPort { service }),
        };
        Ok(Controller { namespace: namespace.to_owned(), name: name.to_owned(), port })
    }

    /// An object of at most 2 MiB, or None if it does not exist.
    pub(crate) async fn object(
        &self,
        path: &str,
        what: &str,
    ) -> Result<Option<Value>, ClusterError> {
        const MAX_OBJECT_BYTES: usize = 2 * 1024 * 1024;
        let response = self.send(Method::GET, path, &[], MAX_OBJECT_BYTES).await?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = self.checked(response, what)?;
        Ok(Some(serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// The response of the controller to a GET.
    pub(crate) async fn get_from(
        &self,
        controller: &Controller,
        endpoint: &str,
        max_bytes: usize,
    ) -> Result<Vec<u8>, ClusterError> {
        let service = controller.service();
        let sent = self.send(Method::GET, &controller.path(endpoint), &[], max_bytes).await;
        let response = match sent {
            Err(ClusterError::Timeout { .. }) => {
                return Err(ClusterError::ProxyTimeout { service });
            }
            other => other?,
        };
        let message = message(&response.body);
        match response.status {
            StatusCode::SERVICE_UNAVAILABLE if message.contains("no endpoints") => {
                Err(ClusterError::NoEndpoints { service })
            }
            StatusCode::GATEWAY_TIMEOUT => Err(ClusterError::ProxyTimeout { service }),
            status if status.is_server_error() && message.contains("timeout") => {
                Err(ClusterError::ProxyTimeout { service })
            }
            status if status.is_server_error() => {
                Err(ClusterError::ProxyFailed { service, status: status.as_u16(), message })
            }
            StatusCode::NOT_FOUND => {
                Err(ClusterError::NoEndpoint { service, endpoint: endpoint.to_owned() })
            }
            _ => {
                let what = format!("reach the Service {service} through the API server");
                self.checked(response, &what)
            }
        }
    }

    /// The status and body of the controller's response to a POST. Where the controller limits the
    /// rate and says when to retry, this waits, as kubeseal does.
    pub(crate) async fn post_to(
        &self,
        controller: &Controller,
        endpoint: &str,
        body: &[u8],
        max_bytes: usize,
    ) -> Result<(StatusCode, Vec<u8>), ClusterError> {
        let path = controller.path(endpoint);
        let mut retries = 0;
        loop {
            let response = self.send(Method::POST, &path, body, max_bytes).await?;
            match response.retry_after {
                Some(pause)
                    if response.status == StatusCode::TOO_MANY_REQUESTS
                        && retries < MAX_RATE_LIMIT_RETRIES =>
                {
                    retries += 1;
                    tokio::time::sleep(pause).await;
                }
                _ => return Ok((response.status, response.body)),
            }
        }
    }

    /// The body of a successful response.
    fn checked(&self, response: Response, what: &str) -> Result<Vec<u8>, ClusterError> {
        match response.status {
            status if status.is_success() => Ok(response.body),
            StatusCode::UNAUTHORIZED => Err(ClusterError::Unauthorized { url: self.url.clone() }),
            StatusCode::FORBIDDEN => Err(ClusterError::Forbidden { what: what.to_owned() }),
            status => Err(ClusterError::Status {
                url: self.url.clone(),
                status: status.as_u16(),
                message: message(&response.body),
            }),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
        max_bytes: usize,
    ) -> Result<Response, ClusterError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "application/json, application/x-pem-file, */*")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_vec()))
            .map_err(|error| self.unreachable(&error))?;
        let response = async {
            let response = self
                .client
                .send(request)
                .await
                .map_err(|error| ClusterError::from_kube(&self.url, &error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, max_bytes)
                .collect()
                .await
                .map_err(|error| self.unreachable(error.as_ref()))?;
            let retry_after = head
                .headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
            Ok(Response { status: head.status, body: body.to_bytes().to_vec(), retry_after })
        };
        match tokio::time::timeout(self.timeout, response).await {
            Ok(response) => response,
            Err(_) => Err(ClusterError::Timeout { url: self.url.clone() }),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> ClusterError {
        ClusterError::Unreachable { url: self.url.clone(), cause: root_cause(error) }
    }
}

/// A response of the API server.
struct Response {
    status: StatusCode,
    body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// The message of a Kubernetes `Status`, on one line.
pub(crate) fn message(body: &[u8]) -> String {
    const MAX_SHOWN_CHARS: usize = 200;
    let status: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = status["message"]
        .as_str()
        .map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::testing::{kubeconfig, sequence};

    fn status_of_post(responses: Vec<&'static str>) -> u16 {
        let directory = tempfile::tempdir().unwrap();
        let path = kubeconfig(directory.path(), &sequence(responses));
        let access = Access { kubeconfig: Some(path), ..Access::default() };
        let controller = Controller {
            namespace: "kube-system".to_owned(),
            name: "mtk-controller".to_owned(),
            port: "http".to_owned(),
        };
        let sent = block_on(async {
            Api::connect(&access).await?.post_to(&controller, "/v1/verify", b"{}", 1024).await
        });
        sent.unwrap().0.as_u16()
    }

    #[test]
    fn rate_limited_post_is_retried_when_the_server_says_so() {
        let limited = "429 Too Many Requests\r\nRetry-After: 0";
        assert_eq!(status_of_post(vec![limited, limited, "200 OK"]), 200);
        assert_eq!(status_of_post(vec!["429 Too Many Requests", "200 OK"]), 429);
        assert_eq!(status_of_post(vec!["503 Unavailable\r\nRetry-After: 0", "200 OK"]), 503);
        assert_eq!(status_of_post(vec![limited; MAX_RATE_LIMIT_RETRIES + 1]), 429);
    }
}
