//! The Secret that an ExternalSecret describes, given the existing one: the same as External Secrets
//! would write.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crds::external_secret::CreationPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::{
    data_hash,
    ownership::{ControllerRef, Refusal, own_names},
    patch::{empty_secret, remove_own},
    policy::ADOPT,
    writer::SecretTarget,
};
use crate::{
    key::ObjectKey,
    runtime::secret::{SecretObject, SecretValue, controller_of},
};

/// The Secret from the values and the template of an ExternalSecret.
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
    /// Whether a Secret that External Secrets did not create needs an annotation before it is
    /// written.
    pub(crate) requires_adopt_annotation: bool,
}

/// The parts of the Secret that come from values and the template.
#[derive(Default)]
pub(crate) struct ExternalContent {
    /// The type, if the template names one.
    pub(crate) type_: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// Only for a new Secret. On a Secret of another owner they would block its deletion, and that of its
    /// namespace.
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
        if self.requires_adopt_annotation && !may_adopt(existing) {
            return Err(Refusal::AdoptAnnotationMissing { secret: secret() });
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

    /// Compares kind and name, so that a recreated ExternalSecret owns the Secrets of its
    /// predecessor.
    fn is_this(&self, owner: &OwnerReference) -> bool {
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
        // An existing Secret that is to be immutable keeps its content.
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

/// Whether the Secret is annotated, or External Secrets made it: by its label, a field manager or an
/// owner. This controller writes under the same names.
fn may_adopt(existing: &SecretObject) -> bool {
    let SecretObject { metadata, .. } = existing;
    let is_external = |owner: &OwnerReference| {
        owner.kind == "ExternalSecret" && group(owner) == Some("external-secrets.io")
    };
    let mut managers =
        metadata.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_ref());
    existing.annotations().get(ADOPT).is_some_and(|value| value == "true")
        || existing.labels().get(data_hash::MANAGED).is_some_and(|value| value == "true")
        || existing.owner_references().iter().any(is_external)
        || managers.any(|manager| manager.starts_with(data_hash::FIELD_MANAGERS))
}

fn group(owner: &OwnerReference) -> Option<&str> {
    owner.api_version.split('/').next()
}
