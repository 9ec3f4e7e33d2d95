//! Publishes the certificate in a ConfigMap that every authenticated user may read. So sealing needs no
//! access to the controller's Service.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use sealing::Certificate;
use serde_json::json;
use tracing::{info, warn};

use super::store::KeyStore;
use crate::{
    reason::Failure,
    runtime::{Backoff, FIELD_MANAGER, request},
};

const ITEM: &str = "cert.pem";
/// How often the ConfigMap is compared, in case that another client changed it.
const CHECK_INTERVAL: Duration = Duration::from_mins(10);
const RETRY: Backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_mins(5) };

/// Keeps the ConfigMap up to date.
pub(crate) struct CertificatePublisher {
    pub(crate) store: Arc<KeyStore>,
    pub(crate) client: Client,
    /// The name of the ConfigMap, in the namespace of the keys.
    pub(crate) name: String,
}

impl CertificatePublisher {
    /// Only the leader runs this.
    pub(crate) async fn run(self) {
        let mut changes = self.store.changes();
        let mut failures = 0;
        loop {
            let certificate = changes.borrow_and_update().certificate().map(Certificate::to_pem);
            let published = match certificate {
                // The last certificate stays: its key may come back.
                None => Ok(()),
                Some(pem) => self.publish(&pem).await,
            };
            let pause = match published {
                Ok(()) => {
                    failures = 0;
                    CHECK_INTERVAL
                }
                Err(failure) => {
                    if failures == 0 {
                        warn!(%failure, "the certificate is not published; retrying");
                    }
                    failures += 1;
                    RETRY.delay(failures, u32::MAX)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = changes.changed() => {}
            }
        }
    }

    async fn publish(&self, pem: &str) -> Result<(), Failure> {
        let (namespace, name) = (&self.store.namespace, &self.name);
        let failed = |error: crate::runtime::RequestError, verb: &str| {
            error.failure(&format!("{verb} ConfigMap {namespace}/{name}"))
        };
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let existing = request(api.get_opt(name)).await.map_err(|error| failed(error, "read"))?;
        if existing.is_some_and(|map| is_published(map.data.as_ref(), pem)) {
            return Ok(());
        }
        let desired = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name },
            "data": { ITEM: pem },
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let written = request(api.patch(name, &params, &Patch::Apply(&desired))).await;
        written.map_err(|error| failed(error, "apply"))?;
        info!(namespace, config_map = name, "published the certificate");
        Ok(())
    }
}

fn is_published(data: Option<&BTreeMap<String, String>>, pem: &str) -> bool {
    data.is_some_and(|data| data.get(ITEM).is_some_and(|published| published == pem))
}
