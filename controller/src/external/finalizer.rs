//! Removes External Secrets' finalizer from objects that are being deleted.

use crds::ExternalSecret;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::{info, warn};

use super::recorder::BACKOFF_MAX_TRANSIENT;
use crate::{
    key::ObjectKey,
    runtime::{FIELD_MANAGER, api::request, controller::Outcome, queue::Priority},
};

pub(super) async fn remove_finalizer(
    client: &Client,
    key: &ObjectKey,
    object: &ExternalSecret,
) -> Outcome {
    let metadata = &object.metadata;
    let finalizers = metadata.finalizers.iter().flatten();
    let others = finalizers.filter(|name| *name != ExternalSecret::UPSTREAM_FINALIZER);
    let body = json!({ "metadata": {
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
        "finalizers": others.collect::<Vec<_>>(),
    } });
    let api: Api<ExternalSecret> = Api::namespaced(client.clone(), &key.namespace);
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    match request(api.patch_metadata(&key.name, &params, &Patch::Merge(&body))).await {
        Ok(_) => info!(object = %key, "finalizer removed"),
        // The object was deleted or changed: its own watch event follows.
        Err(error) if error.is_not_found() || error.is_conflict() => {}
        Err(error) => {
            let failure = error.failure(&format!("remove the finalizer from ExternalSecret {key}"));
            warn!(object = %key, reason = %failure.reason, message = failure.message, "finalizer not removed");
            return Outcome::requeue(Priority::Retry, BACKOFF_MAX_TRANSIENT);
        }
    }
    Outcome::done()
}
