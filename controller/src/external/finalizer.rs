//! Removes External Secrets' finalizer from objects that are being deleted.

use crds::ExternalSecret;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::{info, warn};

use crate::{
    key::ObjectKey,
    reason::Failure,
    runtime::{FIELD_MANAGER, api::request},
};

/// # Errors
/// The removal must be retried.
pub(super) async fn remove_finalizer(
    client: &Client,
    key: &ObjectKey,
    object: &ExternalSecret,
) -> Result<(), Failure> {
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
        Ok(_) => {
            info!(object = %key, "finalizer removed");
            Ok(())
        }
        // The object was deleted or changed: the watch will tell.
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => {
            let failure = error.failure(&format!("remove the finalizer from ExternalSecret {key}"));
            warn!(object = %key, reason = %failure.reason, message = failure.message, "finalizer not removed");
            Err(failure)
        }
    }
}
