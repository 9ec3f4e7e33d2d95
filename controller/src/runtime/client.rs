//! The client of the API server, and a layer that counts its requests.

use std::{
    path::Path,
    task::{Context, Poll},
};

use http::{Method, Request};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
};
use tower::{Layer, Service};

use crate::runtime::metrics::{RequestLabels, RequestMetrics};

/// Connects with a kubeconfig, or as `kubectl` would, or as a Pod.
///
/// # Errors
/// When there is no valid configuration.
pub(crate) async fn connect(
    kubeconfig: Option<&Path>,
    metrics: RequestMetrics,
) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    Ok(ClientBuilder::try_from(config)?.with_layer(&Counting(metrics)).build())
}

/// Counts requests by verb and resource.
pub(crate) struct Counting(pub(crate) RequestMetrics);

/// A service that counts requests.
#[derive(Clone)]
pub(crate) struct Counted<S> {
    inner: S,
    metrics: RequestMetrics,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: self.0.clone() }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.metrics.count(&labels(&request));
        self.inner.call(request)
    }
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
