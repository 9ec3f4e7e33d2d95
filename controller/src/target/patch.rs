//! The patch that turns the existing Secret into the desired one.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt as _, api::ObjectMeta};
use serde::Serialize;

use super::ownership::{Refusal, own_names};
use crate::{
    key::ObjectKey,
    runtime::secret::{SecretObject, SecretValue},
};

/// A merge patch (RFC 7386), guarded by uid and resourceVersion. It contains values, and never
/// prints them.
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

/// By name: the new value, or `None` to remove the entry.
type Differences<V> = BTreeMap<String, Option<V>>;

impl SecretPatch {
    /// The patch that gives the existing Secret the content of the desired one.
    pub(super) fn between(existing: &SecretObject, wanted: &SecretObject) -> Result<Self, Refusal> {
        let secret = || ObjectKey::of(&existing.metadata);
        if existing.type_ != wanted.type_ {
            return Err(Refusal::TypeDiffers { secret: secret(), type_: wanted.type_.clone() });
        }
        let is_immutable = existing.immutable == Some(true);
        let data = differences(&existing.data, &wanted.data);
        if is_immutable && !data.is_empty() {
            return Err(Refusal::Immutable { secret: secret() });
        }
        let owners =
            Some(wanted.owner_references()).filter(|all| *all != existing.owner_references());
        let finalizers = Some(wanted.finalizers()).filter(|all| *all != existing.finalizers());
        let metadata = MetadataPatch {
            uid: existing.uid(),
            resource_version: existing.resource_version(),
            labels: differences(existing.labels(), wanted.labels()),
            annotations: differences(existing.annotations(), wanted.annotations()),
            owner_references: owners.map(<[_]>::to_vec),
            finalizers: finalizers.map(<[_]>::to_vec),
        };
        Ok(Self { metadata, immutable: wanted.immutable.filter(|_| !is_immutable), data })
    }

    pub(super) fn gives_owner(&self) -> bool {
        self.metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty())
    }

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

/// A Secret without content.
pub(super) fn empty_secret(key: &ObjectKey) -> SecretObject {
    let (namespace, name) = (Some(key.namespace.clone()), Some(key.name.clone()));
    let metadata = ObjectMeta { namespace, name, ..ObjectMeta::default() };
    SecretObject { metadata, ..SecretObject::default() }
}

/// Removes the labels and annotations that these field managers set.
pub(super) fn remove_own(secret: &mut SecretObject, managers: &[&str]) {
    let metadata = secret.metadata.clone();
    for name in own_names(&metadata, managers, "/f:metadata/f:labels") {
        secret.labels_mut().remove(name);
    }
    for name in own_names(&metadata, managers, "/f:metadata/f:annotations") {
        secret.annotations_mut().remove(name);
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
