//! The client of the API server, and the count of its requests.

use std::{
    path::Path,
    task::{self, Poll},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response, Uri, uri::Authority};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tower::{Layer, Service};
use zeroize::Zeroizing;

use super::{
    leader::{Fence, FenceLayer},
    metrics::register,
};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    /// `get`, `list`, `watch`, `create`, `patch` or another verb of the API.
    verb: &'static str,
    /// The plural, with the subresource: `sealedsecrets/status`.
    resource: String,
}

/// The labels of Kubernetes' own client.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ResponseLabels {
    /// The status, or `<error>`.
    code: String,
    method: &'static str,
    host: String,
}

/// Counts requests and their responses.
#[derive(Clone)]
struct Count {
    requests: Family<RequestLabels, Counter>,
    responses: Family<ResponseLabels, Counter>,
    host: String,
}

#[derive(Clone)]
struct Counted<S> {
    inner: S,
    count: Count,
}

impl Count {
    fn register(registry: &mut Registry, host: String) -> Self {
        let requests = register(
            registry.sub_registry_with_prefix("mtk_controller"),
            "api_requests",
            "Requests to the API server by verb and resource",
        );
        let help = "Responses of the API server by status, method and host";
        Self { requests, responses: register(registry, "rest_client_requests", help), host }
    }
}

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, count: self.clone() }
    }
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Count { requests, responses, host } = self.count.clone();
        requests.get_or_create(&labels(&request)).inc();
        let method = match *request.method() {
            Method::DELETE => "DELETE",
            Method::GET => "GET",
            Method::PATCH => "PATCH",
            Method::POST => "POST",
            Method::PUT => "PUT",
            _ => "other",
        };
        let response = self.inner.call(request.map(wiped));
        let counted = move |result: Result<Response<B>, S::Error>| {
            let code = result.as_ref().ok().map(|response| response.status().as_str().to_owned());
            let code = code.unwrap_or_else(|| "<error>".to_owned());
            responses.get_or_create(&ResponseLabels { code, method, host }).inc();
            result
        };
        response.map(counted).boxed()
    }
}

/// Connects with a kubeconfig, or as `kubectl` would, or as a Pod. Every request that changes something
/// passes the fence.
pub(crate) async fn connect(
    kubeconfig: Option<&Path>,
    fence: Fence,
    registry: &mut Registry,
) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    let count = Count::register(registry, host_label(&config.cluster_url));
    let client = ClientBuilder::try_from(config)?.with_layer(&FenceLayer(fence));
    Ok(client.with_layer(&count).build())
}

/// The host and the port, without a user and a password: everyone who scrapes may read the label.
fn host_label(url: &Uri) -> String {
    let authority = url.authority().map_or("", Authority::as_str);
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// The same body, wiped when the connection drops it: it may be a Secret.
fn wiped(body: Body) -> Body {
    let bytes = body.collect_bytes().now_or_never();
    let bytes = bytes.and_then(Result::ok).expect("the body of a request is in memory");
    Body::from(Bytes::from_owner(Zeroizing::new(Vec::from(bytes))))
}

fn labels<B>(request: &Request<B>) -> RequestLabels {
    let uri = request.uri();
    // /api/v1/… or /apis/GROUP/VERSION/…, then namespaces/NS/RESOURCE/NAME/SUBRESOURCE
    let mut parts = uri.path().trim_matches('/').split('/');
    let skipped = if parts.next() == Some("apis") { 2 } else { 1 };
    let mut parts: Vec<_> = parts.skip(skipped).collect();
    if parts.len() > 2 && parts[0] == "namespaces" {
        parts.drain(..2);
    }
    let resource = match parts.as_slice() {
        [] => String::new(),
        [resource] | [resource, _] => (*resource).to_owned(),
        [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
    };
    let is_watch = uri.query().is_some_and(|query| query.split('&').any(|p| p == "watch=true"));
    let verb = match *request.method() {
        Method::GET if is_watch => "watch",
        Method::GET if parts.len() < 2 => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PATCH => "patch",
        Method::PUT => "update",
        Method::DELETE => "delete",
        _ => "other",
    };
    RequestLabels { verb, resource }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, uri: &str) -> (&'static str, String) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let RequestLabels { verb, resource } = labels(&request);
        (verb, resource)
    }

    #[test]
    fn body_of_a_request_belongs_to_an_owner_that_wipes_it() {
        let read = |body: Body| body.collect_bytes().now_or_never().unwrap().unwrap();
        let plain = Body::from(b"secret".to_vec());
        assert!(read(plain).try_into_mut().is_ok(), "nobody would wipe it");
        let sent = read(wiped(Body::from(b"secret".to_vec())));
        assert_eq!(&sent[..], b"secret");
        assert!(sent.try_into_mut().is_err());
        assert!(read(wiped(Body::empty())).is_empty());
    }

    #[test]
    fn host_label_has_no_user_information() {
        for (url, expected) in [
            ("https://10.0.0.1:6443/", "10.0.0.1:6443"),
            ("https://user:password@example.org/k8s", "example.org"),
            ("https://user@[fd00::1]:6443", "[fd00::1]:6443"),
            ("/relative", ""),
        ] {
            assert_eq!(host_label(&url.parse().unwrap()), expected, "{url}");
        }
    }

    /// The names are those of Kubernetes' own client.
    #[tokio::test]
    async fn responses_are_counted_by_status_method_and_host() {
        let mut registry = Registry::default();
        let host = "10.0.0.1:6443".to_owned();
        let count = Count::register(&mut registry, host);
        let server = tower::service_fn(async |request: Request<Body>| {
            let code = match request.uri().path() {
                "/broken" => return Err("no connection"),
                "/missing" => 404,
                _ => 200,
            };
            Ok(Response::builder().status(code).body(()).unwrap())
        });
        let mut client = count.layer(server);
        for (method, path) in [
            (Method::GET, "/api/v1/secrets"),
            (Method::GET, "/api/v1/secrets"),
            (Method::PATCH, "/missing"),
            (Method::DELETE, "/broken"),
            (Method::OPTIONS, "/api/v1/secrets"),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty());
            let _ = client.call(request.unwrap()).await;
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let mut lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("rest_client_requests_total{")).collect();
        lines.sort_unstable();
        let line = |code: &str, method: &str, count: u32| {
            format!(
                "rest_client_requests_total{{code=\"{code}\",method=\"{method}\",\
                 host=\"10.0.0.1:6443\"}} {count}"
            )
        };
        let expected = [
            line("200", "GET", 2),
            line("200", "other", 1),
            line("404", "PATCH", 1),
            line("<error>", "DELETE", 1),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn requests_are_named_as_rbac_names_them() {
        let secrets = "/api/v1/namespaces/n/secrets";
        assert_eq!(of(Method::GET, "/api/v1/secrets?&watch=true&x=1"), ("watch", "secrets".into()));
        assert_eq!(of(Method::GET, secrets), ("list", "secrets".into()));
        assert_eq!(of(Method::GET, &format!("{secrets}/s")), ("get", "secrets".into()));
        assert_eq!(
            of(Method::POST, &format!("{secrets}?fieldManager=x")),
            ("create", "secrets".into())
        );
        assert_eq!(of(Method::GET, "/api/v1/namespaces/n"), ("get", "namespaces".into()));
        let status = "/apis/bitnami.com/v1alpha1/namespaces/n/sealedsecrets/s/status";
        assert_eq!(of(Method::PATCH, status), ("patch", "sealedsecrets/status".into()));
    }
}
