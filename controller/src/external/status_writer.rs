//! Writes the status of ExternalSecrets.

use std::{collections::BTreeMap, sync::Arc};

use crds::{ExternalSecret, ExternalSecretStatus};
use jiff::Timestamp;
use kube::{Api, Client};
use serde_json::json;
use tracing::warn;

use super::{
    index::{ExternalIndex, ExternalSecretEntry},
    status::{self, StatusUpdate},
    upstream_crd::UpstreamCrd,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        api::version_of,
        index::Indexed as _,
        status::{StatusWrite, write_status},
    },
};

pub(super) struct ExternalStatusWriter {
    client: Client,
    objects: Arc<ExternalIndex>,
    crd: UpstreamCrd,
}

/// The result of writing a status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reported {
    Written,
    /// The API server has this status already, or the object is gone.
    Unchanged,
    Failed(Reason),
}

impl ExternalStatusWriter {
    pub(super) fn new(client: Client, objects: Arc<ExternalIndex>) -> Self {
        Self { client, objects, crd: UpstreamCrd::default() }
    }

    /// Writes the status, if it differs from the current one.
    pub(super) async fn write(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        update: StatusUpdate<'_>,
    ) -> Reported {
        let current = self.objects.get(key).filter(|current| current.uid() == entry.uid());
        let previous = current.map_or_else(|| entry.status.clone(), |current| current.status);
        let next = status::next(&previous, update, self.crd.support(), Timestamp::now());
        let Some(next) = next else { return Reported::Unchanged };
        let mut written = self.send(key, entry, &previous, &next).await;
        if let StatusWrite::Invalid(_) = written
            && let Some(plain) = status::without_explained(&next, update)
        {
            written = self.send(key, entry, &previous, &plain).await;
            if let StatusWrite::Written(_) = written {
                self.crd.explained_was_refused();
            }
        }
        match written {
            StatusWrite::Written(_) => Reported::Written,
            StatusWrite::Unchanged => Reported::Unchanged,
            StatusWrite::Invalid(_) if matches!(update, StatusUpdate::Unmanaged(_)) => {
                Reported::Unchanged
            }
            StatusWrite::Invalid(failure) | StatusWrite::Failed(failure) => {
                let Failure { reason, message } = failure;
                warn!(object = %key, %reason, message, "status not written");
                Reported::Failed(reason)
            }
        }
    }

    async fn send(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        previous: &ExternalSecretStatus,
        next: &ExternalSecretStatus,
    ) -> StatusWrite<ExternalSecret> {
        let patch = merge_patch(previous, next);
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let written = write_status(&api, &key.name, entry.uid(), &patch).await;
        if let StatusWrite::Written(object) = &written {
            let status = object.status.clone().unwrap_or_default();
            if !next.versions.is_empty() {
                self.crd.record_was(status.versions.is_empty());
            }
            let version = version_of(&object.metadata);
            self.objects.update(key, entry.uid(), |entry| entry.record_status(status, version));
        }
        written
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
