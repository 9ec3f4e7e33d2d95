//! From the Secret that exists and the one that an ExternalSecret wants to the one patch between
//! them: as External Secrets would leave it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crds::external_secret::CreationPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::{
    data_hash,
    ownership::{ControllerRef, Refusal, has_fields, own_names},
    patch::{Content, SecretPatch},
    policy::CONSENT,
    writer::SecretTarget,
};
use crate::{
    key::ObjectKey,
    runtime::secret::{SecretObject, SecretValue, controller_of},
};

/// The Secret that an ExternalSecret makes of its values and its template.
pub(crate) struct ExternalSecretTarget {
    pub(crate) key: ObjectKey,
    /// The ExternalSecret, and the owner reference to set under `creationPolicy: Owner`.
    pub(crate) owner: OwnerReference,
    pub(crate) policy: CreationPolicy,
    pub(crate) field_manager: String,
    pub(crate) immutable: bool,
    pub(crate) content: ExternalContent,
    /// Whether to annotate it with the hash of its data.
    pub(crate) writes_data_hash: bool,
    /// Whether an existing Secret is taken over only if its annotation allows it.
    pub(crate) requires_consent: bool,
}

/// The parts of the Secret that come from values and the template.
#[derive(Default)]
pub(crate) struct ExternalContent {
    /// The type, if the template names one.
    pub(crate) type_: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) data: BTreeMap<String, SecretValue>,
}

impl SecretTarget for ExternalSecretTarget {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn field_manager(&self) -> &str {
        &self.field_manager
    }

    fn creation(&self) -> Option<SecretObject> {
        if self.policy == CreationPolicy::Merge {
            return None;
        }
        Some(SecretObject {
            metadata: self.content(None).into_metadata(&self.key),
            type_: self.content.type_.clone().unwrap_or_default(),
            immutable: self.immutable.then_some(true),
            data: self.content.data.clone(),
        })
    }

    fn plan(&self, existing: &SecretObject) -> Result<SecretPatch, Refusal> {
        self.refuse(existing)?;
        self.content(Some(existing)).patch(existing, &self.key, self.immutable)
    }
}

impl ExternalSecretTarget {
    fn refuse(&self, existing: &SecretObject) -> Result<(), Refusal> {
        let secret = || self.key.clone();
        if self.requires_consent && !self.has_consent(existing) {
            return Err(Refusal::ConsentMissing { secret: secret() });
        }
        let controller = controller_of(&existing.metadata);
        if let Some(controller) = controller.filter(|owner| !self.is_this(owner)) {
            // Two controllers that write the same Secret would undo each other's writes forever.
            let writes_it = controller.kind == self.owner.kind || controller.kind == "SealedSecret";
            if writes_it || self.policy == CreationPolicy::Owner {
                let controller = ControllerRef::from(controller);
                return Err(Refusal::ControlledBy { secret: secret(), controller });
            }
        }
        match &self.content.type_ {
            Some(type_) if *type_ != existing.type_ && !self.immutable => {
                Err(Refusal::TypeDiffers { secret: secret(), type_: type_.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A Secret whose data this ExternalSecret wrote before needs no consent.
    fn has_consent(&self, existing: &SecretObject) -> bool {
        existing.annotations().get(CONSENT).is_some_and(|value| value == "true")
            || has_fields(&existing.metadata, &self.field_manager, "/f:data")
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
        let mut content = existing.map(Content::of).unwrap_or_default();
        content.owner_references.retain(|owner| !self.is_this(owner));
        if self.policy == CreationPolicy::Owner {
            content.owner_references.push(self.owner.clone());
        }
        match existing {
            // It keeps what it was created with.
            Some(_) if self.immutable => {}
            Some(secret) => {
                self.remove_own(secret, &mut content);
                self.add(&mut content);
            }
            None => self.add(&mut content),
        }
        self.mark(&mut content);
        content
    }

    /// Removes what this ExternalSecret once set.
    fn remove_own(&self, existing: &SecretObject, content: &mut Content) {
        let managers = [self.field_manager.as_str()];
        content.remove_own(existing, &managers);
        if matches!(self.policy, CreationPolicy::Merge | CreationPolicy::CreateOrMerge) {
            for key in own_names(&existing.metadata, &managers, "/f:data") {
                content.data.remove(key);
            }
        } else {
            content.data.clear();
        }
    }

    fn add(&self, content: &mut Content) {
        content.labels.extend(self.content.labels.clone());
        content.annotations.extend(self.content.annotations.clone());
        for finalizer in &self.content.finalizers {
            if !content.finalizers.contains(finalizer) {
                content.finalizers.push(finalizer.clone());
            }
        }
        content.data.extend(self.content.data.clone());
    }

    /// Sets External Secrets' labels and annotation.
    fn mark(&self, content: &mut Content) {
        let Content { labels, annotations, data, .. } = content;
        labels.insert(data_hash::MANAGED.to_owned(), "true".to_owned());
        if self.policy == CreationPolicy::Owner {
            let hash = data_hash::created_by(&self.key.namespace, &self.owner.name);
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
}
