//! The Secret that a SealedSecret describes.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;

use super::{
    ownership::{BITNAMI_FIELD_MANAGER, ControllerRef, Ownership, OwnershipMetadata, Refusal},
    patch::{empty_secret, remove_own},
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

/// The Secret from the items and the template of a SealedSecret. It cannot be printed, because
/// templates may put secrets into labels and annotations.
pub(crate) struct DesiredSecret {
    pub(crate) key: ObjectKey,
    /// The uid of the SealedSecret.
    pub(crate) owner_uid: String,
    /// The owner reference to set, unless the template turns it off.
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
/// this version keeps its values.
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
        Some(self.plan_as(&empty_secret(&self.key), &Ownership::Ours))
    }

    fn plan(&self, existing: &SecretObject) -> Result<SecretObject, Refusal> {
        let metadata = OwnershipMetadata::of(&existing.metadata);
        match metadata.ownership(&self.owner_uid, self.owner.is_some()) {
            Ownership::Foreign { controller } => Err(self.not_owned(controller)),
            ownership => Ok(self.plan_as(existing, &ownership)),
        }
    }
}

impl DesiredSecret {
    fn not_owned(&self, controller: Option<ControllerRef>) -> Refusal {
        let secret = self.key.clone();
        match controller {
            None => Refusal::NotManaged { secret },
            Some(owner) if owner.is_sealed_secret(&secret.name) => {
                Refusal::OwnedByEarlierObject { secret }
            }
            Some(controller) => Refusal::ControlledBy { secret, controller },
        }
    }

    fn plan_as(&self, existing: &SecretObject, ownership: &Ownership) -> SecretObject {
        let mut wanted = existing.clone();
        match ownership {
            Ownership::Ours => {
                remove_own(&mut wanted, &[FIELD_MANAGER, BITNAMI_FIELD_MANAGER]);
                wanted.data.clear();
            }
            Ownership::TakeOver => {
                wanted.labels_mut().clear();
                wanted.annotations_mut().clear();
                wanted.owner_references_mut().clear();
                wanted.data.clear();
            }
            Ownership::Shared { .. } | Ownership::Foreign { .. } => {}
        }
        if !matches!(ownership, Ownership::Shared { .. }) {
            wanted.type_.clone_from(&self.type_);
        }
        wanted.immutable = self.immutable.then_some(true);
        wanted.labels_mut().extend(self.labels.clone());
        wanted.annotations_mut().extend(self.annotations.clone());
        wanted.data.extend(self.data.clone());
        for key in self.kept_random_keys(existing) {
            if let (Some(old), Some(value)) = (existing.data.get(key), wanted.data.get_mut(key)) {
                *value = old.clone();
            }
        }
        if *ownership != (Ownership::Shared { with_owner_reference: false }) {
            wanted.owner_references_mut().retain(|owner| owner.uid != self.owner_uid);
            wanted.owner_references_mut().extend(self.owner.clone());
        }
        wanted
    }

    /// The keys of random values that stay, because they were generated for the same version.
    fn kept_random_keys(&self, existing: &SecretObject) -> impl Iterator<Item = &String> {
        let version = existing.annotations().get(RANDOM_FOR);
        let kept = self.random.iter().filter(move |random| version == Some(&random.version));
        kept.flat_map(|random| &random.keys)
    }
}
