//! The Secret that an ExternalSecret wants, given the one that exists: as External Secrets would leave
//! it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crds::external_secret::CreationPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::{
    data_hash,
    ownership::{ControllerRef, Refusal, has_fields, own_names},
    patch::{empty_secret, remove_own},
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
    /// Only for a Secret that is created. On a Secret of another owner they would prevent its deletion, and that of
    /// its namespace.
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
        Some(self.wanted(None))
    }

    fn plan(&self, existing: &SecretObject) -> Result<SecretObject, Refusal> {
        self.refuse(existing)?;
        Ok(self.wanted(Some(existing)))
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
        Ok(())
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

    fn wanted(&self, existing: Option<&SecretObject>) -> SecretObject {
        let mut wanted = existing.cloned().unwrap_or_else(|| empty_secret(&self.key));
        wanted.immutable = self.immutable.then_some(true);
        let owners = wanted.owner_references_mut();
        owners.retain(|owner| !self.is_this(owner));
        if self.policy == CreationPolicy::Owner {
            owners.push(self.owner.clone());
        }
        // An existing Secret that is to be immutable keeps what it was created with.
        if existing.is_none() || !self.immutable {
            self.remove_own(&mut wanted);
            self.add(&mut wanted);
        }
        if existing.is_none() {
            wanted.finalizers_mut().extend(self.content.finalizers.iter().cloned());
        }
        self.mark(&mut wanted);
        wanted
    }

    /// Removes what this ExternalSecret once set.
    fn remove_own(&self, secret: &mut SecretObject) {
        let managers = [self.field_manager.as_str()];
        remove_own(secret, &managers);
        if matches!(self.policy, CreationPolicy::Merge | CreationPolicy::CreateOrMerge) {
            for key in own_names(&secret.metadata, &managers, "/f:data") {
                secret.data.remove(key);
            }
        } else {
            secret.data.clear();
        }
    }

    fn add(&self, secret: &mut SecretObject) {
        let ExternalContent { type_, labels, annotations, data, .. } = &self.content;
        if let Some(type_) = type_ {
            secret.type_.clone_from(type_);
        }
        secret.labels_mut().extend(labels.clone());
        secret.annotations_mut().extend(annotations.clone());
        secret.data.extend(data.clone());
    }

    /// Sets External Secrets' labels and annotation.
    fn mark(&self, secret: &mut SecretObject) {
        let labels = secret.labels_mut();
        labels.insert(data_hash::MANAGED.to_owned(), "true".to_owned());
        if self.policy == CreationPolicy::Owner {
            let hash = data_hash::created_by(&self.key.namespace, &self.owner.name);
            labels.insert(data_hash::CREATED_BY.to_owned(), hash);
        } else {
            labels.remove(data_hash::CREATED_BY);
        }
        if self.writes_data_hash {
            let hash = data_hash::data(&secret.data);
            secret.annotations_mut().insert(data_hash::DATA_HASH.to_owned(), hash);
        } else {
            secret.annotations_mut().remove(data_hash::DATA_HASH);
        }
    }
}
