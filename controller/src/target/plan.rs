//! From the Secret that exists and the one that a SealedSecret wants to the one patch between them.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;

use super::{
    desired::{DesiredSecret, RANDOM_FOR},
    ownership::{ControllerRef, Ownership, OwnershipMetadata, own_labels_or_annotations},
    patch::{Change, Differences, MetadataPatch, SecretPatch},
    refusal::Refusal,
    writer::SecretTarget,
};
use crate::{
    key::ObjectKey,
    runtime::{
        FIELD_MANAGER,
        secret::{SecretBody, SecretObject, SecretValue},
    },
};

impl SecretTarget for DesiredSecret {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn field_manager(&self) -> &str {
        FIELD_MANAGER
    }

    fn creation(&self) -> Option<SecretBody<'_>> {
        let metadata = ObjectMeta {
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            labels: Some(self.labels.clone()).filter(|labels| !labels.is_empty()),
            annotations: Some(self.annotations.clone()).filter(|all| !all.is_empty()),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        Some(SecretBody::new(metadata, Some(&self.type_), self.immutable, &self.data))
    }

    fn plan(&self, existing: &SecretObject) -> Result<Change, Refusal> {
        plan(existing, self)
    }
}

/// Plans the change of `existing` into `desired`.
fn plan(existing: &SecretObject, desired: &DesiredSecret) -> Result<Change, Refusal> {
    let metadata = OwnershipMetadata::of(&existing.metadata);
    let ownership = metadata.ownership(&desired.owner_uid, desired.owner.is_some());
    if let Ownership::Foreign { controller } = ownership {
        return Err(not_owned(desired, controller));
    }
    if existing.type_ != desired.type_ && !matches!(ownership, Ownership::Shared { .. }) {
        let (secret, type_) = (desired.key.clone(), desired.type_.clone());
        return Err(Refusal::TypeDiffers { secret, type_ });
    }
    let data = data(existing, desired, &ownership);
    if existing.immutable == Some(true) && !data.is_empty() {
        return Err(Refusal::Immutable { secret: desired.key.clone() });
    }
    let patch = SecretPatch {
        metadata: MetadataPatch {
            labels: labels_or_annotations(existing, "f:labels", &desired.labels, &ownership),
            annotations: labels_or_annotations(
                existing,
                "f:annotations",
                &desired.annotations,
                &ownership,
            ),
            owner_references: owner_references(existing, desired, &ownership),
            ..MetadataPatch::guarded(existing)
        },
        immutable: (desired.immutable && existing.immutable != Some(true)).then_some(true),
        data,
    };
    Ok(patch.into())
}

fn not_owned(desired: &DesiredSecret, controller: Option<ControllerRef>) -> Refusal {
    let secret = desired.key.clone();
    match controller {
        None => Refusal::NotManaged { secret },
        Some(controller)
            if &*controller.kind == "SealedSecret" && *controller.name == *secret.name =>
        {
            Refusal::OwnedByEarlierObject { secret }
        }
        Some(controller) => Refusal::ControlledBy { secret, controller },
    }
}

/// Items to set, and those to remove unless the Secret is shared.
fn data(
    existing: &SecretObject,
    desired: &DesiredSecret,
    ownership: &Ownership,
) -> Differences<SecretValue> {
    let random = kept_random_keys(existing, desired);
    let mut differences: BTreeMap<_, _> = desired
        .data
        .iter()
        .filter(|(key, value)| {
            let present = existing.data.get(*key);
            present != Some(value) && !(present.is_some() && random.contains(*key))
        })
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect();
    if !matches!(ownership, Ownership::Shared { .. }) {
        let removed = existing.data.keys().filter(|key| !desired.data.contains_key(*key));
        differences.extend(removed.map(|key| (key.clone(), None)));
    }
    differences
}

/// The keys of random values that stay, because they were generated for the same version.
fn kept_random_keys<'d>(
    existing: &SecretObject,
    desired: &'d DesiredSecret,
) -> &'d BTreeSet<String> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    let annotations = existing.metadata.annotations.as_ref();
    let version = annotations.and_then(|annotations| annotations.get(RANDOM_FOR));
    match &desired.random {
        Some(random) if version == Some(&random.version) => &random.keys,
        _ => &NONE,
    }
}

/// Labels or annotations to set, and those to remove: on a take-over all others, otherwise those
/// that we once set.
fn labels_or_annotations(
    existing: &SecretObject,
    field: &str,
    desired: &BTreeMap<String, String>,
    ownership: &Ownership,
) -> Differences<String> {
    let metadata = &existing.metadata;
    let present = if field == "f:labels" { &metadata.labels } else { &metadata.annotations };
    let present = present.iter().flatten().collect::<BTreeMap<_, _>>();
    let mut differences: BTreeMap<_, _> = desired
        .iter()
        .filter(|(name, value)| present.get(name) != Some(value))
        .map(|(name, value)| (name.clone(), Some(value.clone())))
        .collect();
    let is_removed = |name: &&str| !desired.contains_key(*name);
    match ownership {
        Ownership::TakeOver => {
            let removed = present.keys().map(|name| name.as_str()).filter(is_removed);
            differences.extend(removed.map(|name| (name.to_owned(), None)));
        }
        Ownership::Ours => {
            let removed = own_labels_or_annotations(metadata, field)
                .filter(is_removed)
                .filter(|name| present.keys().any(|present| present == name));
            differences.extend(removed.map(|name| (name.to_owned(), None)));
        }
        Ownership::Shared { .. } | Ownership::Foreign { .. } => {}
    }
    differences
}

/// The new list of owner references, if it changes.
fn owner_references(
    existing: &SecretObject,
    desired: &DesiredSecret,
    ownership: &Ownership,
) -> Option<Vec<OwnerReference>> {
    let present = existing.metadata.owner_references.clone().unwrap_or_default();
    let wanted = match ownership {
        Ownership::Shared { with_owner_reference: false } | Ownership::Foreign { .. } => {
            return None;
        }
        Ownership::TakeOver => desired.owner.iter().cloned().collect(),
        Ownership::Ours | Ownership::Shared { with_owner_reference: true } => {
            let others = present.iter().filter(|owner| owner.uid != desired.owner_uid);
            others.chain(&desired.owner).cloned().collect::<Vec<_>>()
        }
    };
    (wanted != present).then_some(wanted)
}
