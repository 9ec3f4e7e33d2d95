//! The ownership of a Secret, which decides the changes that the controller may make to it.
//!
//! The attack that this prevents: a SealedSecret with the name of a Secret that it does not own (a
//! ServiceAccount's token, another operator's certificate) must not replace or read it.

use std::fmt;

use crds::SealedSecret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use serde_json::Value;

use super::policy::ADOPT;
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{FIELD_MANAGER, secret::controller_of},
};

/// Bitnami's controller writes under the name of its binary.
pub(super) const BITNAMI_FIELD_MANAGER: &str = "controller";

/// The right of a SealedSecret to a Secret that exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ownership {
    /// The data becomes exactly the sealed data. Labels and annotations of other writers stay.
    Ours,
    /// Annotated `managed`: taken over as a whole. Labels and annotations of other writers are
    /// removed (recorded, g47).
    TakeOver,
    /// Annotated `patch`: the sealed content is merged into it (recorded, g48, g49).
    Shared {
        /// Set only if the Secret is also annotated `managed`, or is already ours.
        with_owner_reference: bool,
    },
    /// The SealedSecret does not own it. The controller does not change it.
    Foreign { controller: Option<ControllerRef> },
}

/// The controller owner reference of a Secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ControllerRef {
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Box<str>,
}

/// The part of a Secret's metadata that decides who owns it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OwnershipMetadata {
    pub(crate) controller: Option<ControllerRef>,
    /// The annotation `managed` is `"true"`.
    pub(crate) managed: bool,
    /// The annotation `patch` is `"true"`.
    pub(crate) patch: bool,
    /// The annotation `skip-set-owner-references` is `"true"`: it was created without an owner.
    pub(crate) ownerless: bool,
    /// Its data was written under our field manager.
    pub(crate) written_by_us: bool,
}

impl OwnershipMetadata {
    pub(crate) fn of(metadata: &ObjectMeta) -> Self {
        let is_true = |annotation: &str| {
            let annotations = metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(annotation)).is_some_and(|value| value == "true")
        };
        Self {
            controller: controller_of(metadata).map(ControllerRef::from),
            managed: is_true(SealedSecret::MANAGED),
            patch: is_true(SealedSecret::PATCH),
            ownerless: is_true(SealedSecret::SKIP_OWNER_REFERENCES),
            written_by_us: has_fields(metadata, FIELD_MANAGER, "/f:data"),
        }
    }

    /// The right of the SealedSecret with this uid to the Secret. `wants_owner` is false if its
    /// template requests a Secret without an owner reference.
    ///
    /// A controller owner other than the SealedSecret always wins over all annotations.
    /// Never take a Secret from a live owner; the garbage collector deletes Secrets of a dead one
    /// (recorded, g53).
    pub(crate) fn ownership(&self, uid: &str, wants_owner: bool) -> Ownership {
        let is_ours = match &self.controller {
            Some(controller) if &*controller.uid == uid => true,
            Some(controller) => return Ownership::Foreign { controller: Some(controller.clone()) },
            None => self.written_by_us && (!wants_owner || self.ownerless),
        };
        match (is_ours, self.patch, self.managed) {
            (true, false, _) => Ownership::Ours,
            (true, true, _) | (false, true, true) => {
                Ownership::Shared { with_owner_reference: true }
            }
            (false, true, false) => Ownership::Shared { with_owner_reference: false },
            (false, false, true) => Ownership::TakeOver,
            (false, false, false) => Ownership::Foreign { controller: None },
        }
    }
}

impl From<&OwnerReference> for ControllerRef {
    fn from(owner: &OwnerReference) -> Self {
        Self {
            kind: owner.kind.as_str().into(),
            name: owner.name.as_str().into(),
            uid: owner.uid.as_str().into(),
        }
    }
}

impl ControllerRef {
    /// Whether it is the SealedSecret of this name, or an earlier one.
    pub(super) fn is_sealed_secret(&self, name: &str) -> bool {
        &*self.kind == "SealedSecret" && &*self.name == name
    }
}

impl fmt::Display for ControllerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A write that the ownership rules forbid, or that the API server would refuse. Callers match on
/// the variant. The message is only for users.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "Secret {secret} already exists and was not made by External Secrets: annotate it with \
         {ADOPT}=true to let the ExternalSecret write to it, or rename one of the two"
    )]
    AdoptAnnotationMissing { secret: ObjectKey },
    #[error(
        "Secret {secret} already exists and is controlled by {controller}: delete or rename one of \
         the two"
    )]
    ControlledBy { secret: ObjectKey, controller: ControllerRef },
    // Users of Bitnami's controller match the words before the colon.
    #[error(
        "the target Secret is immutable: {secret} cannot take the new data. Delete the Secret, and \
         the controller creates it again"
    )]
    Immutable { secret: ObjectKey },
    #[error(
        "Secret {secret} already exists and is not managed by this SealedSecret: delete it, or \
         annotate it with {}=true to let the controller take it over",
        SealedSecret::MANAGED
    )]
    NotManaged { secret: ObjectKey },
    #[error(
        "Secret {secret} belongs to an earlier SealedSecret of this name: the controller creates it \
         again when the garbage collector has removed it"
    )]
    OwnedByEarlierObject { secret: ObjectKey },
    #[error(
        "Secret {secret} has another type, and a Secret's type cannot change: delete the Secret, \
         and the controller creates it with type {type_:?}"
    )]
    TypeDiffers { secret: ObjectKey, type_: String },
}

impl Refusal {
    pub(crate) fn failure(&self) -> Failure {
        let reason = match self {
            Self::AdoptAnnotationMissing { .. }
            | Self::ControlledBy { .. }
            | Self::NotManaged { .. }
            | Self::OwnedByEarlierObject { .. } => Reason::NotOwned,
            Self::Immutable { .. } | Self::TypeDiffers { .. } => Reason::Immutable,
        };
        Failure::new(reason, self.to_string())
    }
}

/// Whether this field manager set fields below a path.
fn has_fields(metadata: &ObjectMeta, manager: &str, path: &str) -> bool {
    managed_fields(metadata, &[manager], path).next().is_some()
}

/// The names below a path that these field managers set. A target removes those that it no longer
/// contains.
pub(super) fn own_names<'m>(
    metadata: &'m ObjectMeta,
    managers: &[&str],
    path: &str,
) -> impl Iterator<Item = &'m str> {
    managed_fields(metadata, managers, path)
        .filter_map(Value::as_object)
        .flat_map(|fields| fields.keys().filter_map(|name| name.strip_prefix("f:")))
}

/// The parts below a path in the field sets of these managers (format: `FieldsV1`).
fn managed_fields<'m>(
    metadata: &'m ObjectMeta,
    managers: &[&str],
    path: &str,
) -> impl Iterator<Item = &'m Value> {
    let entries = metadata.managed_fields.iter().flatten().filter(|entry| {
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && entry.manager.as_deref().is_some_and(|manager| managers.contains(&manager))
    });
    entries.filter_map(|entry| entry.fields_v1.as_ref()?.0.pointer(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata_of(metadata: Value) -> OwnershipMetadata {
        OwnershipMetadata::of(&serde_json::from_value(metadata).unwrap())
    }

    fn owned_by(uid: &str) -> Value {
        json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s",
                 "uid": uid, "controller": true }])
    }

    #[test]
    fn own_owner_reference_makes_a_secret_ours() {
        let metadata = metadata_of(json!({ "ownerReferences": owned_by("u1") }));
        assert_eq!(metadata.ownership("u1", true), Ownership::Ours);
        assert_eq!(metadata.ownership("u1", false), Ownership::Ours);
    }

    #[test]
    fn secret_without_owner_and_annotations_is_foreign() {
        assert_eq!(
            metadata_of(json!({})).ownership("u1", true),
            Ownership::Foreign { controller: None }
        );
    }

    #[test]
    fn other_controller_wins_over_every_annotation() {
        let metadata = metadata_of(json!({
            "ownerReferences": owned_by("u2"),
            "annotations": { SealedSecret::MANAGED: "true", SealedSecret::PATCH: "true" },
        }));
        let controller =
            ControllerRef { kind: "SealedSecret".into(), name: "s".into(), uid: "u2".into() };
        let foreign = Ownership::Foreign { controller: Some(controller) };
        assert_eq!(metadata.ownership("u1", true), foreign);
    }

    #[test]
    fn owner_that_is_no_controller_does_not_count() {
        let mut owners = owned_by("u1");
        owners[0]["controller"] = json!(false);
        let metadata = metadata_of(json!({ "ownerReferences": owners }));
        assert_eq!(metadata.ownership("u1", true), Ownership::Foreign { controller: None });
    }

    #[test]
    fn annotations_count_only_with_the_exact_word_true() {
        let managed = |value: &str| {
            metadata_of(json!({ "annotations": { SealedSecret::MANAGED: value } }))
                .ownership("u1", true)
        };
        assert_eq!(managed("true"), Ownership::TakeOver);
        assert_eq!(managed("True"), Ownership::Foreign { controller: None });
        assert_eq!(managed("1"), Ownership::Foreign { controller: None });
    }

    #[test]
    fn patch_sets_the_owner_only_with_managed_or_when_already_ours() {
        let patch = |managed: &str, owners: Value| {
            metadata_of(json!({
                "annotations": { SealedSecret::PATCH: "true", SealedSecret::MANAGED: managed },
                "ownerReferences": owners,
            }))
            .ownership("u1", true)
        };
        assert_eq!(patch("false", json!([])), Ownership::Shared { with_owner_reference: false });
        assert_eq!(patch("true", json!([])), Ownership::Shared { with_owner_reference: true });
        assert_eq!(
            patch("false", owned_by("u1")),
            Ownership::Shared { with_owner_reference: true }
        );
    }

    /// Bitnami's controller fails on its own ownerless Secret (recorded, g50). Ours recognises it.
    #[test]
    fn ownerless_secret_is_ours_by_field_manager_if_requested_ownerless() {
        let written = |annotations: Value, manager: &str| {
            metadata_of(json!({
                "annotations": annotations,
                "managedFields": [{ "manager": manager, "operation": "Update",
                                    "fieldsV1": { "f:data": { "f:A": {} } } }],
            }))
        };
        let none = Ownership::Foreign { controller: None };
        let skip = json!({ SealedSecret::SKIP_OWNER_REFERENCES: "true" });
        assert_eq!(written(json!({}), FIELD_MANAGER).ownership("u1", false), Ownership::Ours);
        assert_eq!(written(skip, FIELD_MANAGER).ownership("u1", true), Ownership::Ours);
        assert_eq!(written(json!({}), FIELD_MANAGER).ownership("u1", true), none);
        assert_eq!(written(json!({}), "kubectl").ownership("u1", false), none);
    }

    #[test]
    fn own_labels_are_ours_and_bitnamis_only() {
        let metadata: ObjectMeta = serde_json::from_value(json!({
            "managedFields": [
                { "manager": FIELD_MANAGER, "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:a": {} } } } },
                { "manager": "controller", "fieldsV1": { "f:metadata": { "f:labels": { "f:b": {} } } } },
                { "manager": "argocd", "fieldsV1": { "f:metadata": { "f:labels": { "f:c": {} } } } },
            ],
        }))
        .unwrap();
        let own = |path| {
            own_names(&metadata, &[FIELD_MANAGER, BITNAMI_FIELD_MANAGER], path).collect::<Vec<_>>()
        };
        assert_eq!(own("/f:metadata/f:labels"), ["a", "b"]);
        assert!(own("/f:metadata/f:annotations").is_empty());
    }

    fn secret() -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: "s".into() }
    }

    #[test]
    fn foreign_secret_message_names_the_remedy() {
        let message = Refusal::NotManaged { secret: secret() }.to_string();
        assert!(message.contains("sealedsecrets.bitnami.com/managed=true"), "{message}");
        let message = Refusal::AdoptAnnotationMissing { secret: secret() }.to_string();
        assert!(message.contains("mtk.mytomorrows.com/adopt=true"), "{message}");
    }

    /// Recorded, g52: users of Bitnami's controller match these words.
    #[test]
    fn immutable_message_begins_with_bitnamis_words() {
        let message = Refusal::Immutable { secret: secret() }.to_string();
        assert!(message.starts_with("the target Secret is immutable"), "{message}");
    }
}
