//! Writes the status of ExternalSecrets.

use std::{collections::BTreeMap, sync::Arc};

use crds::{ExternalSecret, ExternalSecretStatus};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::warn;

use super::{
    index::{ExternalIndex, ExternalSecretEntry},
    status::{self, StatusUpdate},
    upstream_crd::{RecordSupport, UpstreamCrd},
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        FIELD_MANAGER,
        api::{RequestError, request, version_of},
    },
};

pub(super) struct StatusWriter {
    client: Client,
    objects: Arc<ExternalIndex>,
    crd: UpstreamCrd,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StatusWrite {
    Written,
    /// The API server has this status already, or the object is gone.
    Unchanged,
    Failed(Reason),
}

impl StatusWriter {
    pub(super) fn new(client: Client, objects: Arc<ExternalIndex>) -> Self {
        Self { client, objects, crd: UpstreamCrd::default() }
    }

    /// Writes the status, if it differs from the current one.
    pub(super) async fn write(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        update: StatusUpdate<'_>,
    ) -> StatusWrite {
        let current = self.objects.get(key).filter(|current| current.uid() == entry.uid());
        let previous = current.map_or_else(|| entry.status.clone(), |current| current.status);
        let next = status::next(&previous, update, self.crd.support(), Timestamp::now());
        let Some(next) = next else { return StatusWrite::Unchanged };
        let mut written = self.send(key, entry, &previous, &next).await;
        if written.as_ref().is_err_and(RequestError::is_invalid)
            && let Some(plain) = status::without_explained(&next, update)
        {
            written = self.send(key, entry, &previous, &plain).await;
            if written.is_ok() {
                self.crd.explained_was_refused();
            }
        }
        match written {
            Ok(()) => StatusWrite::Written,
            // The object was deleted or replaced: the watch will tell.
            Err(error) if error.is_not_found() || error.is_conflict() => StatusWrite::Unchanged,
            Err(error) if error.is_invalid() && matches!(update, StatusUpdate::Unmanaged(_)) => {
                StatusWrite::Unchanged
            }
            Err(error) => {
                let Failure { reason, message } =
                    error.failure(&format!("write the status of ExternalSecret {key}"));
                warn!(object = %key, %reason, message, "status not written");
                StatusWrite::Failed(reason)
            }
        }
    }

    async fn send(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        previous: &ExternalSecretStatus,
        next: &ExternalSecretStatus,
    ) -> Result<(), RequestError> {
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        // The uid is a precondition: the object may have been replaced by another of its name.
        let body = json!({
            "metadata": { "uid": entry.uid() },
            "status": merge_patch(previous, next),
        });
        let written = request(api.patch_status(&key.name, &params, &Patch::Merge(&body))).await?;
        let version = version_of(&written.metadata);
        let status = Arc::new(written.status.unwrap_or_default());
        if !next.versions.is_empty() {
            let is_pruned = status.versions.is_empty();
            self.crd.record_was(if is_pruned {
                RecordSupport::Pruned
            } else {
                RecordSupport::Kept
            });
        }
        self.objects.update(key, entry.uid(), |entry| entry.record_status(status, version));
        Ok(())
    }
}

/// A merge patch of the status. It removes versions that are gone by their names.
fn merge_patch(previous: &ExternalSecretStatus, next: &ExternalSecretStatus) -> serde_json::Value {
    let mut versions: BTreeMap<&str, Option<&str>> =
        previous.versions.keys().map(|name| (name.as_str(), None)).collect();
    versions.extend(next.versions.iter().map(|(name, id)| (name.as_str(), Some(id.as_str()))));
    json!({
        "refreshTime": next.refresh_time,
        "syncedResourceVersion": next.synced_resource_version,
        "binding": next.binding,
        "conditions": next.conditions,
        "fingerprint": next.fingerprint,
        "versions": versions,
    })
}
