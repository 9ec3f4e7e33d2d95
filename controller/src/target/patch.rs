//! The patch that turns the Secret that exists into the one wanted.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;

use crate::runtime::secret::{SecretObject, SecretValue};

/// What to do with a Secret that exists.
#[derive(Debug)]
pub(crate) enum Change {
    None,
    Patch(Box<SecretPatch>),
}

/// A merge patch (RFC 7386), guarded by uid and resourceVersion. It holds values, and prints none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretPatch {
    pub(super) metadata: MetadataPatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) immutable: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) data: Differences<SecretValue>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataPatch {
    // The guards: the API server answers 409 when the Secret has changed since it was read.
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: Differences<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: Differences<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner_references: Option<Vec<OwnerReference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finalizers: Option<Vec<String>>,
}

/// By name: the new value, or `None` to remove it.
pub(super) type Differences<V> = BTreeMap<String, Option<V>>;

impl MetadataPatch {
    /// An empty patch that only this version of the Secret takes.
    pub(super) fn guarded(existing: &SecretObject) -> Self {
        Self {
            uid: existing.metadata.uid.clone(),
            resource_version: existing.metadata.resource_version.clone(),
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.labels.is_empty()
            && self.annotations.is_empty()
            && self.owner_references.is_none()
            && self.finalizers.is_none()
    }
}

impl From<SecretPatch> for Change {
    fn from(patch: SecretPatch) -> Self {
        let is_empty =
            patch.metadata.is_empty() && patch.immutable.is_none() && patch.data.is_empty();
        if is_empty { Self::None } else { Self::Patch(Box::new(patch)) }
    }
}

impl fmt::Debug for SecretPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretPatch").finish_non_exhaustive()
    }
}
