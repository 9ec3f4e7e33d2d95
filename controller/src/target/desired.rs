//! The Secret that a SealedSecret wants.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::{
    ownership::{BITNAMI_FIELD_MANAGER, ControllerRef, Ownership, OwnershipMetadata, Refusal},
    patch::{Content, SecretPatch},
    writer::SecretTarget,
};
use crate::{
    key::ObjectKey,
    runtime::{
        FIELD_MANAGER,
        secret::{SecretObject, SecretValue},
    },
};

/// The type of a Secret whose template names none.
pub(crate) const OPAQUE: &str = "Opaque";

/// Annotation on a Secret with random values: the version of the spec that they were generated for.
pub(crate) const RANDOM_FOR: &str = "mtk.mytomorrows.com/random-values-for";

/// The Secret that a SealedSecret makes of its items and its template. Not printable: templates may
/// have made labels and annotations of secrets.
pub(crate) struct DesiredSecret {
    pub(crate) key: ObjectKey,
    /// The uid of the SealedSecret.
    pub(crate) owner_uid: String,
    /// The owner reference to set, unless the template asks for none.
    pub(crate) owner: Option<OwnerReference>,
    /// Never empty.
    pub(crate) type_: String,
    pub(crate) immutable: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) data: BTreeMap<String, SecretValue>,
    /// Which of the values are random, if any.
    pub(crate) random: Option<RandomValues>,
}

/// Values that differ each time they are generated. A Secret whose annotation [`RANDOM_FOR`] has
/// this version keeps those that it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RandomValues {
    pub(crate) keys: BTreeSet<String>,
    pub(crate) version: String,
}

impl SecretTarget for DesiredSecret {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn field_manager(&self) -> &str {
        FIELD_MANAGER
    }

    fn creation(&self) -> Option<SecretObject> {
        let content = self.content(&SecretObject::default(), &Ownership::Ours);
        Some(SecretObject {
            metadata: content.into_metadata(&self.key),
            type_: self.type_.clone(),
            immutable: self.immutable.then_some(true),
            data: self.data.clone(),
        })
    }

    fn plan(&self, existing: &SecretObject) -> Result<SecretPatch, Refusal> {
        let metadata = OwnershipMetadata::of(&existing.metadata);
        let ownership = metadata.ownership(&self.owner_uid, self.owner.is_some());
        if let Ownership::Foreign { controller } = ownership {
            return Err(self.not_owned(controller));
        }
        if existing.type_ != self.type_ && !matches!(ownership, Ownership::Shared { .. }) {
            let (secret, type_) = (self.key.clone(), self.type_.clone());
            return Err(Refusal::TypeDiffers { secret, type_ });
        }
        self.content(existing, &ownership).patch(existing, &self.key, self.immutable)
    }
}

impl DesiredSecret {
    fn not_owned(&self, controller: Option<ControllerRef>) -> Refusal {
        let secret = self.key.clone();
        match controller {
            None => Refusal::NotManaged { secret },
            Some(owner) if &*owner.kind == "SealedSecret" && *owner.name == *secret.name => {
                Refusal::OwnedByEarlierObject { secret }
            }
            Some(controller) => Refusal::ControlledBy { secret, controller },
        }
    }

    fn content(&self, existing: &SecretObject, ownership: &Ownership) -> Content {
        let mut content = Content::of(existing);
        match ownership {
            Ownership::Ours => {
                content.remove_own(existing, &[FIELD_MANAGER, BITNAMI_FIELD_MANAGER]);
                content.data.clear();
            }
            Ownership::TakeOver => {
                content = Content { finalizers: content.finalizers, ..Content::default() };
            }
            Ownership::Shared { .. } | Ownership::Foreign { .. } => {}
        }
        content.labels.extend(self.labels.clone());
        content.annotations.extend(self.annotations.clone());
        content.data.extend(self.data.clone());
        for key in self.kept_random_keys(existing) {
            if let (Some(old), Some(value)) = (existing.data.get(key), content.data.get_mut(key)) {
                *value = old.clone();
            }
        }
        if *ownership != (Ownership::Shared { with_owner_reference: false }) {
            content.owner_references.retain(|owner| owner.uid != self.owner_uid);
            content.owner_references.extend(self.owner.clone());
        }
        content
    }

    /// The keys of random values that stay, because they were generated for the same version.
    fn kept_random_keys(&self, existing: &SecretObject) -> impl Iterator<Item = &String> {
        let version = existing.annotations().get(RANDOM_FOR);
        let kept = self.random.iter().filter(move |random| version == Some(&random.version));
        kept.flat_map(|random| &random.keys)
    }
}
