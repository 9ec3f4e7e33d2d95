//! From the Secret that exists and the one that an ExternalSecret wants to the one patch between
//! them: as External Secrets would leave it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crds::external_secret::CreationPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;

use super::{
    data_hash,
    ownership::{ControllerRef, managed_fields},
    patch::{Change, Differences, MetadataPatch, SecretPatch},
    policy::CONSENT,
    refusal::Refusal,
    writer::SecretTarget,
};
use crate::{
    key::ObjectKey,
    runtime::secret::{SecretBody, SecretObject, SecretValue, controller_of},
};

/// The Secret that an ExternalSecret makes of its values and its template.
pub(crate) struct ExternalSecretTarget {
    pub(crate) key: ObjectKey,
    /// The name of the ExternalSecret.
    pub(crate) name: String,
    /// The owner reference to set under `creationPolicy: Owner`.
    pub(crate) owner: OwnerReference,
    pub(crate) policy: CreationPolicy,
    pub(crate) field_manager: String,
    pub(crate) type_: Option<String>,
    pub(crate) immutable: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) data: BTreeMap<String, SecretValue>,
    /// Whether to annotate it with the hash of its data.
    pub(crate) writes_data_hash: bool,
    /// Whether an existing Secret is taken over only if its annotation allows it.
    pub(crate) requires_consent: bool,
}

/// The parts of the Secret that the ExternalSecret decides.
struct Content {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
    owner_references: Vec<OwnerReference>,
    data: BTreeMap<String, SecretValue>,
}

impl SecretTarget for ExternalSecretTarget {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn field_manager(&self) -> &str {
        &self.field_manager
    }

    fn creation(&self) -> Option<SecretBody<'_>> {
        if self.policy == CreationPolicy::Merge {
            return None;
        }
        let content = self.content(None);
        let metadata = ObjectMeta {
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            labels: Some(content.labels),
            annotations: Some(content.annotations).filter(|all| !all.is_empty()),
            finalizers: Some(content.finalizers).filter(|all| !all.is_empty()),
            owner_references: Some(content.owner_references).filter(|all| !all.is_empty()),
            ..ObjectMeta::default()
        };
        Some(SecretBody::new(metadata, self.type_.as_deref(), self.immutable, &self.data))
    }

    fn plan(&self, existing: &SecretObject) -> Result<Change, Refusal> {
        self.refuse(existing)?;
        let content = self.content(Some(existing));
        let data = differences(&existing.data, &content.data);
        if existing.immutable == Some(true) && !data.is_empty() {
            return Err(Refusal::Immutable { secret: self.key.clone() });
        }
        let metadata = &existing.metadata;
        let owner_references = metadata.owner_references.clone().unwrap_or_default();
        let finalizers = metadata.finalizers.clone().unwrap_or_default();
        let empty = BTreeMap::new();
        let labels = metadata.labels.as_ref().unwrap_or(&empty);
        let annotations = metadata.annotations.as_ref().unwrap_or(&empty);
        let patch = SecretPatch {
            metadata: MetadataPatch {
                labels: differences(labels, &content.labels),
                annotations: differences(annotations, &content.annotations),
                owner_references: (owner_references != content.owner_references)
                    .then_some(content.owner_references),
                finalizers: (finalizers != content.finalizers).then_some(content.finalizers),
                ..MetadataPatch::guarded(existing)
            },
            immutable: (self.immutable && existing.immutable != Some(true)).then_some(true),
            data,
        };
        Ok(patch.into())
    }
}

impl ExternalSecretTarget {
    fn refuse(&self, existing: &SecretObject) -> Result<(), Refusal> {
        let secret = || self.key.clone();
        let metadata = &existing.metadata;
        if self.requires_consent && !self.has_consent(metadata) {
            return Err(Refusal::ConsentMissing { secret: secret() });
        }
        if let Some(controller) = controller_of(metadata).filter(|owner| !self.is_this(owner)) {
            // Two controllers that write the same Secret would undo each other's writes forever.
            let writes_it = controller.kind == self.owner.kind || controller.kind == "SealedSecret";
            if writes_it || self.policy == CreationPolicy::Owner {
                let controller = ControllerRef::from(controller);
                return Err(Refusal::ControlledBy { secret: secret(), controller });
            }
        }
        match &self.type_ {
            Some(type_) if *type_ != existing.type_ && !self.immutable => {
                Err(Refusal::TypeDiffers { secret: secret(), type_: type_.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A Secret whose data this ExternalSecret wrote before needs no consent.
    fn has_consent(&self, metadata: &ObjectMeta) -> bool {
        let managers = [self.field_manager.as_str()];
        let consent = metadata.annotations.as_ref().and_then(|all| all.get(CONSENT));
        consent.is_some_and(|value| value == "true")
            || managed_fields(metadata, &managers, "f:data").next().is_some()
    }

    /// By kind and name, so that a recreated ExternalSecret owns the Secrets of its predecessor.
    fn is_this(&self, owner: &OwnerReference) -> bool {
        fn group(owner: &OwnerReference) -> Option<&str> {
            owner.api_version.split('/').next()
        }
        owner.kind == self.owner.kind
            && owner.name == self.owner.name
            && group(owner) == group(&self.owner)
    }

    fn content(&self, existing: Option<&SecretObject>) -> Content {
        let none = SecretObject::default();
        let secret = existing.unwrap_or(&none);
        let metadata = &secret.metadata;
        let mut content = Content {
            labels: metadata.labels.clone().unwrap_or_default(),
            annotations: metadata.annotations.clone().unwrap_or_default(),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            owner_references: self.owner_references(metadata),
            data: secret.data.clone(),
        };
        // An existing Secret that is to be immutable keeps what it was created with.
        if existing.is_none() || !self.immutable {
            self.replace_own(metadata, &mut content);
        }
        self.mark(&mut content);
        content
    }

    /// Removes what this ExternalSecret once set, and sets what it wants now.
    fn replace_own(&self, metadata: &ObjectMeta, content: &mut Content) {
        let Content { labels, annotations, finalizers, data, .. } = content;
        for (map, field) in [(&mut *labels, "f:labels"), (&mut *annotations, "f:annotations")] {
            for name in self.own_names(metadata, "f:metadata", Some(field)) {
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
            for key in self.own_names(metadata, "f:data", None) {
                data.remove(&key);
            }
        } else {
            data.clear();
        }
        data.extend(self.data.iter().map(|(key, value)| (key.clone(), value.clone())));
    }

    /// Sets External Secrets' labels and annotation.
    fn mark(&self, content: &mut Content) {
        let Content { labels, annotations, data, .. } = content;
        labels.insert(data_hash::MANAGED.to_owned(), "true".to_owned());
        if self.policy == CreationPolicy::Owner {
            let hash = data_hash::created_by(&self.key.namespace, &self.name);
            labels.insert(data_hash::CREATED_BY.to_owned(), hash);
        } else {
            labels.remove(data_hash::CREATED_BY);
        }
        if self.writes_data_hash {
            annotations.insert(data_hash::DATA_HASH.to_owned(), data_hash::data(data));
        } else {
            annotations.remove(data_hash::DATA_HASH);
        }
    }

    fn owner_references(&self, metadata: &ObjectMeta) -> Vec<OwnerReference> {
        let mut owners = metadata.owner_references.clone().unwrap_or_default();
        owners.retain(|owner| !self.is_this(owner));
        if self.policy == CreationPolicy::Owner {
            owners.push(self.owner.clone());
        }
        owners
    }

    /// The names below `field` that were set under this ExternalSecret's field manager.
    fn own_names(
        &self,
        metadata: &ObjectMeta,
        field: &str,
        subfield: Option<&str>,
    ) -> BTreeSet<String> {
        let managers = [self.field_manager.as_str()];
        managed_fields(metadata, &managers, field)
            .filter_map(|fields| match subfield {
                Some(subfield) => fields.get(subfield)?.as_object(),
                None => fields.as_object(),
            })
            .flat_map(|fields| fields.keys().filter_map(|name| name.strip_prefix("f:")))
            .map(ToOwned::to_owned)
            .collect()
    }
}

/// The keys that a merge patch sets and removes.
fn differences<V: Clone + PartialEq>(
    present: &BTreeMap<String, V>,
    wanted: &BTreeMap<String, V>,
) -> Differences<V> {
    let set = wanted.iter().filter(|(key, value)| present.get(*key) != Some(value));
    let removed = present.keys().filter(|key| !wanted.contains_key(*key));
    let set = set.map(|(key, value)| (key.clone(), Some(value.clone())));
    set.chain(removed.map(|key| (key.clone(), None))).collect()
}
