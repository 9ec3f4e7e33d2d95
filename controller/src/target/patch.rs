//! The patch that turns the Secret that exists into the one wanted.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt as _, api::ObjectMeta};
use serde::Serialize;

use super::ownership::{Refusal, own_names};
use crate::{
    key::ObjectKey,
    runtime::secret::{SecretObject, SecretValue},
};

/// The parts of a Secret that a target decides.
#[derive(Default)]
pub(super) struct Content {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizers: Vec<String>,
    pub(super) owner_references: Vec<OwnerReference>,
    pub(super) data: BTreeMap<String, SecretValue>,
}

/// A merge patch (RFC 7386), guarded by uid and resourceVersion. It holds values, and prints none.
#[derive(Serialize)]
pub(crate) struct SecretPatch {
    metadata: MetadataPatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: Differences<SecretValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataPatch {
    // The guards: the API server answers 409 when the Secret has changed since it was read.
    uid: Option<String>,
    resource_version: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: Differences<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: Differences<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_references: Option<Vec<OwnerReference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finalizers: Option<Vec<String>>,
}

/// By name: the new value, or `None` to remove it.
type Differences<V> = BTreeMap<String, Option<V>>;

impl Content {
    pub(super) fn of(secret: &SecretObject) -> Self {
        Self {
            labels: secret.labels().clone(),
            annotations: secret.annotations().clone(),
            finalizers: secret.finalizers().to_vec(),
            owner_references: secret.owner_references().to_vec(),
            data: secret.data.clone(),
        }
    }

    /// Removes the labels and annotations that these managers set.
    pub(super) fn remove_own(&mut self, existing: &SecretObject, managers: &[&str]) {
        let labels = (&mut self.labels, "/f:metadata/f:labels");
        let annotations = (&mut self.annotations, "/f:metadata/f:annotations");
        for (map, field) in [labels, annotations] {
            for name in own_names(&existing.metadata, managers, field) {
                map.remove(name);
            }
        }
    }

    /// The metadata of a new Secret.
    pub(super) fn into_metadata(self, key: &ObjectKey) -> ObjectMeta {
        ObjectMeta {
            namespace: Some(key.namespace.clone()),
            name: Some(key.name.clone()),
            labels: Some(self.labels).filter(|all| !all.is_empty()),
            annotations: Some(self.annotations).filter(|all| !all.is_empty()),
            finalizers: Some(self.finalizers).filter(|all| !all.is_empty()),
            owner_references: Some(self.owner_references).filter(|all| !all.is_empty()),
            ..ObjectMeta::default()
        }
    }

    /// The patch after which the existing Secret has this content.
    pub(super) fn patch(
        self,
        existing: &SecretObject,
        key: &ObjectKey,
        immutable: bool,
    ) -> Result<SecretPatch, Refusal> {
        let is_immutable = existing.immutable == Some(true);
        let data = differences(&existing.data, &self.data);
        if is_immutable && !data.is_empty() {
            return Err(Refusal::Immutable { secret: key.clone() });
        }
        let owners = Some(self.owner_references).filter(|all| *all != existing.owner_references());
        let metadata = MetadataPatch {
            uid: existing.uid(),
            resource_version: existing.resource_version(),
            labels: differences(existing.labels(), &self.labels),
            annotations: differences(existing.annotations(), &self.annotations),
            owner_references: owners,
            finalizers: Some(self.finalizers).filter(|all| *all != existing.finalizers()),
        };
        let immutable = (immutable && !is_immutable).then_some(true);
        Ok(SecretPatch { metadata, immutable, data })
    }
}

impl SecretPatch {
    pub(super) fn is_empty(&self) -> bool {
        let Self { metadata, immutable, data } = self;
        metadata.labels.is_empty()
            && metadata.annotations.is_empty()
            && metadata.owner_references.is_none()
            && metadata.finalizers.is_none()
            && immutable.is_none()
            && data.is_empty()
    }
}

impl fmt::Debug for SecretPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretPatch").finish_non_exhaustive()
    }
}

fn differences<V: Clone + PartialEq>(
    present: &BTreeMap<String, V>,
    wanted: &BTreeMap<String, V>,
) -> Differences<V> {
    let set = wanted.iter().filter(|(key, value)| present.get(*key) != Some(value));
    let removed = present.keys().filter(|key| !wanted.contains_key(*key));
    let set = set.map(|(key, value)| (key.clone(), Some(value.clone())));
    set.chain(removed.map(|key| (key.clone(), None))).collect()
}
