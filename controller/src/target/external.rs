//! The Secret as an ExternalSecret wants it: from what exists to what External Secrets would make of
//! it, and the patch between the two.

use std::collections::{BTreeMap, BTreeSet};

use crds::external_secret::CreationPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use serde::Serialize;

use super::{
    apply::SecretTarget,
    object::{SecretObject, Value},
    ownership::{controller_of, managed_fields},
    plan::{Change, MetadataPatch, Patch},
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    target::data_hash,
};

/// On a Secret that an ExternalSecret may take over, where the operator asks for consent.
pub const CONSENT: &str = "mtk.mytomorrows.com/adopt";

/// How the refusal to change an immutable Secret begins.
pub const IMMUTABLE: &str = "the target Secret is immutable";

/// A Secret to be.
pub struct ExternalSecretTarget {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The name of the ExternalSecret.
    pub name: String,
    /// The owner reference to set, if it is to be owned.
    pub owner: OwnerReference,
    /// Whose it is to be.
    pub policy: CreationPolicy,
    /// Under which name it is written.
    pub manager: String,
    /// The type, if one is asked for.
    pub type_: Option<String>,
    /// Whether it is to be immutable.
    pub immutable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// The values by key.
    pub data: BTreeMap<String, Value>,
    /// Whether it bears the hash of its data.
    pub has_hash: bool,
    /// Whether what exists is taken over only if it says so itself.
    pub needs_consent: bool,
}

/// All that a Secret is.
struct Whole {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
    owners: Vec<OwnerReference>,
    data: BTreeMap<String, Value>,
}

impl ExternalSecretTarget {
    fn whole(&self, existing: Option<&SecretObject>) -> Result<Whole, Failure> {
        let none = SecretObject::default();
        let metadata = existing.map_or(&none.metadata, |existing| &existing.metadata);
        let owners = self.owners(metadata)?;
        let mut labels = metadata.labels.clone().unwrap_or_default();
        let mut annotations = metadata.annotations.clone().unwrap_or_default();
        let mut finalizers = metadata.finalizers.clone().unwrap_or_default();
        let mut data = existing.map(|existing| existing.data.clone()).unwrap_or_default();
        // What is immutable stays as it was made.
        if existing.is_none() || !self.immutable {
            for (map, field) in [(&mut labels, "f:labels"), (&mut annotations, "f:annotations")] {
                for name in self.managed(metadata, field) {
                    map.remove(&name);
                }
            }
            labels.extend(self.labels.clone());
            annotations.extend(self.annotations.clone());
            for finalizer in &self.finalizers {
                if !finalizers.contains(finalizer) {
                    finalizers.push(finalizer.clone());
                }
            }
            if matches!(self.policy, CreationPolicy::Merge | CreationPolicy::CreateOrMerge) {
                for key in self.managed_data(metadata) {
                    data.remove(&key);
                }
            } else {
                data.clear();
            }
            data.extend(self.data.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        labels.insert(data_hash::MANAGED.to_owned(), "true".to_owned());
        if self.policy == CreationPolicy::Owner {
            let by = data_hash::created_by(&self.key.namespace, &self.name);
            labels.insert(data_hash::CREATED_BY.to_owned(), by);
        } else {
            labels.remove(data_hash::CREATED_BY);
        }
        if self.has_hash {
            annotations.insert(data_hash::DATA_HASH.to_owned(), data_hash::data(&data));
        } else {
            annotations.remove(data_hash::DATA_HASH);
        }
        Ok(Whole { labels, annotations, finalizers, owners, data })
    }

    /// The owner references. Who owns it by name and kind is this object, also if it was made anew.
    fn owners(&self, metadata: &ObjectMeta) -> Result<Vec<OwnerReference>, Failure> {
        let mut owners = metadata.owner_references.clone().unwrap_or_default();
        let is_ours = |owner: &OwnerReference| {
            owner.kind == self.owner.kind
                && owner.name == self.owner.name
                && owner.api_version.split('/').next() == self.owner.api_version.split('/').next()
        };
        let owns = self.policy == CreationPolicy::Owner;
        match controller_of(metadata) {
            Some(other) if !is_ours(other) => {
                let is_external = other.kind == self.owner.kind;
                // Two controllers that write the same Secret would never end.
                if is_external || owns || other.kind == "SealedSecret" {
                    return Err(
                        self.not_owned(&format!("is controlled by {}/{}", other.kind, other.name))
                    );
                }
            }
            _ => {}
        }
        owners.retain(|owner| !is_ours(owner));
        if owns {
            owners.push(self.owner.clone());
        }
        Ok(owners)
    }

    fn not_owned(&self, why: &str) -> Failure {
        let message = format!("Secret {} {why}: rename one of the two", self.key);
        Failure::new(Reason::NotOwned, message)
    }

    /// The labels or annotations that were put there for this object.
    fn managed(&self, metadata: &ObjectMeta, field: &str) -> BTreeSet<String> {
        let managers = [self.manager.as_str()];
        managed_fields(metadata, &managers, "f:metadata")
            .filter_map(|fields| fields.get(field)?.as_object())
            .flat_map(|fields| fields.keys().filter_map(|name| name.strip_prefix("f:")))
            .map(ToOwned::to_owned)
            .collect()
    }

    fn managed_data(&self, metadata: &ObjectMeta) -> BTreeSet<String> {
        let managers = [self.manager.as_str()];
        managed_fields(metadata, &managers, "f:data")
            .filter_map(serde_json::Value::as_object)
            .flat_map(|fields| fields.keys().filter_map(|name| name.strip_prefix("f:")))
            .map(ToOwned::to_owned)
            .collect()
    }

    fn consented(&self, existing: &SecretObject) -> Result<(), Failure> {
        let metadata = &existing.metadata;
        let managers = [self.manager.as_str()];
        let is_known = managed_fields(metadata, &managers, "f:data").next().is_some();
        let consent = metadata.annotations.as_ref().and_then(|all| all.get(CONSENT));
        if !self.needs_consent || is_known || consent.is_some_and(|value| value == "true") {
            return Ok(());
        }
        Err(Failure::new(
            Reason::NotOwned,
            format!(
                "Secret {} already exists, and the controller asks for consent: annotate it with \
                 {CONSENT}=true, or rename one of the two",
                self.key
            ),
        ))
    }
}

impl SecretTarget for ExternalSecretTarget {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn manager(&self) -> &str {
        &self.manager
    }

    fn body(&self) -> Result<Option<Vec<u8>>, Failure> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'b> {
            api_version: &'static str,
            kind: &'static str,
            metadata: ObjectMeta,
            #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
            type_: Option<&'b str>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            immutable: bool,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            data: &'b BTreeMap<String, Value>,
        }
        if self.policy == CreationPolicy::Merge {
            return Ok(None);
        }
        let whole = self.whole(None)?;
        let body = Body {
            api_version: "v1",
            kind: "Secret",
            metadata: ObjectMeta {
                namespace: Some(self.key.namespace.clone()),
                name: Some(self.key.name.clone()),
                labels: Some(whole.labels),
                annotations: Some(whole.annotations).filter(|all| !all.is_empty()),
                finalizers: Some(whole.finalizers).filter(|all| !all.is_empty()),
                owner_references: Some(whole.owners).filter(|all| !all.is_empty()),
                ..ObjectMeta::default()
            },
            type_: self.type_.as_deref(),
            immutable: self.immutable,
            data: &whole.data,
        };
        Ok(Some(serde_json::to_vec(&body).expect("a Secret is JSON")))
    }

    fn change(&self, existing: &SecretObject) -> Result<Change, Failure> {
        self.consented(existing)?;
        let whole = self.whole(Some(existing))?;
        let metadata = &existing.metadata;
        let data = differences(&existing.data, &whole.data);
        let other_type = self.type_.as_ref().filter(|type_| **type_ != existing.type_);
        if let Some(type_) = other_type.filter(|_| !self.immutable) {
            return Err(Failure::new(
                Reason::Immutable,
                format!(
                    "Secret {} is of another type, and a Secret's type cannot change: delete the \
                     Secret, and it is made anew as {type_:?}",
                    self.key
                ),
            ));
        }
        if existing.immutable == Some(true) && !data.is_empty() {
            return Err(Failure::new(
                Reason::Immutable,
                format!(
                    "{IMMUTABLE}: {} cannot take the new data; delete the Secret, \
                     and it is made anew",
                    self.key
                ),
            ));
        }
        let present = |map: &Option<BTreeMap<String, String>>| map.clone().unwrap_or_default();
        let patch = Patch {
            metadata: MetadataPatch {
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
                labels: differences(&present(&metadata.labels), &whole.labels),
                annotations: differences(&present(&metadata.annotations), &whole.annotations),
                owner_references: (metadata.owner_references.clone().unwrap_or_default()
                    != whole.owners)
                    .then_some(whole.owners),
                finalizers: (metadata.finalizers.clone().unwrap_or_default() != whole.finalizers)
                    .then_some(whole.finalizers),
            },
            immutable: (self.immutable && existing.immutable != Some(true)).then_some(true),
            data,
        };
        Ok(if patch.is_empty() { Change::None } else { Change::Patch(Box::new(patch)) })
    }
}

/// What a merge patch has to set, and to remove.
fn differences<V: Clone + PartialEq>(
    present: &BTreeMap<String, V>,
    wanted: &BTreeMap<String, V>,
) -> BTreeMap<String, Option<V>> {
    let set = wanted.iter().filter(|(key, value)| present.get(*key) != Some(value));
    let gone = present.keys().filter(|key| !wanted.contains_key(*key));
    let set = set.map(|(key, value)| (key.clone(), Some(value.clone())));
    set.chain(gone.map(|key| (key.clone(), None))).collect()
}
