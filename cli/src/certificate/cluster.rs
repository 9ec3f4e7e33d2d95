//! Fetches the certificate from the cluster: from the ConfigMap where mtk-controller publishes it, or
//! else from the controller, through the service proxy of the API server.

use serde_json::Value;

use super::source::MAX_CERTIFICATE_BYTES;
use crate::{
    cluster::{Access, Api, ClusterError, block_on},
    error::Explain,
    exit::Exit,
};

const DEFAULT_NAMESPACE: &str = "kube-system";
/// The names of the controller to try, in order.
const DEFAULT_NAMES: [&str; 2] = ["mtk-controller", "sealed-secrets-controller"];
/// The ConfigMap has the name of the controller and this suffix.
const CONFIG_MAP_SUFFIX: &str = "-certificate";
/// The key of the ConfigMap with the certificate.
const CONFIG_MAP_KEY: &str = "cert.pem";
/// Where the controller serves its certificate.
const ENDPOINT: &str = "/v1/cert.pem";

/// The certificate from the cluster.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Where it came from, for messages.
    pub(crate) origin: String,
    /// The certificate, not parsed yet.
    pub(crate) pem: Vec<u8>,
}

/// Fetches the certificate from the cluster.
pub(crate) fn fetch(access: &Access) -> Result<Fetched, FetchError> {
    block_on(async {
        let api = Api::connect(access).await?;
        let mut search = Search { api, tried: Vec::new() };
        let found = search.run(access).await;
        found.map_err(|error| FetchError { error, tried: search.tried })
    })
}

/// A search for the certificate, and the places without one.
struct Search {
    api: Api,
    tried: Vec<String>,
}

impl Search {
    async fn run(&mut self, access: &Access) -> Result<Fetched, ClusterError> {
        let namespace = access.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        let names: Vec<&str> =
            access.name.as_deref().map_or_else(|| DEFAULT_NAMES.to_vec(), |name| vec![name]);
        for name in &names {
            if let Some(fetched) = self.config_map(namespace, name).await? {
                return Ok(fetched);
            }
        }
        let mut forbidden = None;
        for name in &names {
            let error = match self.api.controller(namespace, name).await {
                Ok(controller) => {
                    let limit = usize::try_from(MAX_CERTIFICATE_BYTES).unwrap_or(usize::MAX);
                    let pem = self.api.get_from(&controller, ENDPOINT, limit).await?;
                    let origin = format!("service {}", controller.service());
                    return Ok(Fetched { origin, pem });
                }
                Err(error) => error,
            };
            let place = format!("Service {namespace}/{name}");
            match error {
                ClusterError::NoService { .. } => self.tried.push(format!("{place}: not found")),
                // RBAC roles often allow only one Service by name, which may be the next one.
                ClusterError::Forbidden { .. } => {
                    self.tried.push(format!("{place}: no permission"));
                    forbidden.get_or_insert(error);
                }
                error => return Err(error),
            }
        }
        Err(forbidden.unwrap_or_else(|| ClusterError::NoService {
            names: names.join("` or `"),
            namespace: namespace.to_owned(),
        }))
    }

    /// The certificate in the ConfigMap of this controller, if the user may read it.
    async fn config_map(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Fetched>, ClusterError> {
        let place = format!("ConfigMap {namespace}/{name}{CONFIG_MAP_SUFFIX}");
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}{CONFIG_MAP_SUFFIX}");
        let object = match self.api.object(&path, &format!("get the {place}")).await {
            Ok(object) => object,
            Err(ClusterError::Forbidden { .. }) => {
                self.tried.push(format!("{place}: no permission"));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let pem = object.as_ref().map(|object| &object["data"][CONFIG_MAP_KEY]);
        match pem {
            Some(Value::String(pem)) => {
                Ok(Some(Fetched { origin: place, pem: pem.clone().into_bytes() }))
            }
            Some(_) => {
                self.tried.push(format!("{place}: no key `{CONFIG_MAP_KEY}`"));
                Ok(None)
            }
            None => {
                self.tried.push(format!("{place}: not found"));
                Ok(None)
            }
        }
    }
}

/// Why the cluster gives no certificate.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct FetchError {
    /// The last problem.
    pub(crate) error: ClusterError,
    /// The places that were tried before, one line each.
    pub(crate) tried: Vec<String>,
}

impl From<ClusterError> for FetchError {
    fn from(error: ClusterError) -> Self {
        Self { error, tried: Vec::new() }
    }
}

impl Explain for FetchError {
    fn exit(&self) -> Exit {
        self.error.exit()
    }

    fn hints(&self) -> Vec<String> {
        self.error.hints()
    }

    fn details(&self) -> Vec<String> {
        self.tried.iter().map(|place| format!("tried the {place}")).collect()
    }
}

#[cfg(test)]
mod tests;
