//! Whose a Secret is, and so what may be done with it: small total functions.
//!
//! The attack they prevent: a SealedSecret whose name is that of a Secret of somebody else
//! (a ServiceAccount's token, another operator's certificate) must not replace or read it.

use crds::SealedSecret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;

use crate::runtime::FIELD_MANAGER;

/// Bitnami's controller writes under the name of its binary.
const PEER_FIELD_MANAGER: &str = "controller";

/// What may be done with a Secret that exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ownership {
    /// Ours: its data becomes exactly what is sealed, labels and annotations of others stay.
    Ours,
    /// Marked `managed`: taken over whole, with what others had put on it removed (recorded, g47).
    TakeOver,
    /// Marked `patch`: what is sealed is merged into it; owned only if also marked `managed`
    /// or already ours (g48, g49).
    Merge {
        /// Whether the owner reference is set.
        own: bool,
    },
    /// Somebody else's: left as it is.
    Foreign {
        /// Its controller as `Kind/name`, if it has one.
        controller: Option<String>,
    },
}

/// What of a Secret's metadata decides whose it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnershipMetadata {
    /// The controller owner reference: `Kind/name` and uid.
    pub controller: Option<(String, String)>,
    /// The annotation `managed` is `"true"`.
    pub managed: bool,
    /// The annotation `patch` is `"true"`.
    pub patch: bool,
    /// The annotation `skip-set-owner-references` is `"true"`: it was made to have no owner.
    pub ownerless: bool,
    /// Its data was written under our field manager.
    pub written_by_us: bool,
}

impl OwnershipMetadata {
    /// The marks in this metadata.
    pub fn of(metadata: &ObjectMeta) -> Self {
        let is_true = |annotation: &str| {
            let annotations = metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(annotation)).is_some_and(|value| value == "true")
        };
        Self {
            controller: controller_of(metadata)
                .map(|owner| (format!("{}/{}", owner.kind, owner.name), owner.uid.clone())),
            managed: is_true(SealedSecret::MANAGED),
            patch: is_true(SealedSecret::PATCH),
            ownerless: is_true(SealedSecret::SKIP_OWNER_REFERENCES),
            written_by_us: managed_fields(metadata, &[FIELD_MANAGER], "f:data").next().is_some(),
        }
    }

    /// What the SealedSecret with this uid may do with the Secret. `wants_owner` is false when its
    /// template asks for a Secret without owner reference.
    ///
    /// A controller owner other than the SealedSecret always wins, whatever the annotations say: a
    /// living one is not robbed, and of a dead one the garbage collector makes an end (g53).
    pub fn ownership(&self, uid: &str, wants_owner: bool) -> Ownership {
        let ours = match &self.controller {
            Some((_, owner)) if owner == uid => true,
            Some((controller, _)) => {
                return Ownership::Foreign { controller: Some(controller.clone()) };
            }
            None => self.written_by_us && (!wants_owner || self.ownerless),
        };
        match (ours, self.patch, self.managed) {
            (true, false, _) => Ownership::Ours,
            (true, true, _) | (false, true, true) => Ownership::Merge { own: true },
            (false, true, false) => Ownership::Merge { own: false },
            (false, false, true) => Ownership::TakeOver,
            (false, false, false) => Ownership::Foreign { controller: None },
        }
    }
}

/// The owner reference with `controller: true`.
pub(super) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// The labels (`f:labels`) or annotations (`f:annotations`) that we, or Bitnami's controller before
/// us, put on the Secret: those that go when the template no longer has them.
pub fn our_pairs<'m>(metadata: &'m ObjectMeta, field: &'m str) -> impl Iterator<Item = &'m str> {
    managed_fields(metadata, &[FIELD_MANAGER, PEER_FIELD_MANAGER], "f:metadata")
        .filter_map(move |fields| fields.get(field)?.as_object())
        .flat_map(|pairs| pairs.keys().filter_map(|key| key.strip_prefix("f:")))
}

/// The parts below `field` of the field sets of these managers (format: `FieldsV1`).
pub(super) fn managed_fields<'m>(
    metadata: &'m ObjectMeta,
    managers: &[&str],
    field: &'m str,
) -> impl Iterator<Item = &'m serde_json::Value> {
    let entries = metadata.managed_fields.iter().flatten();
    entries
        .filter(move |entry| {
            entry.subresource.as_deref().unwrap_or_default().is_empty()
                && entry.manager.as_deref().is_some_and(|manager| managers.contains(&manager))
        })
        .filter_map(move |entry| entry.fields_v1.as_ref()?.0.get(field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marks(metadata: serde_json::Value) -> OwnershipMetadata {
        OwnershipMetadata::of(&serde_json::from_value(metadata).unwrap())
    }

    fn owned_by(uid: &str) -> serde_json::Value {
        json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "s",
                 "uid": uid, "controller": true }])
    }

    #[test]
    fn our_owner_reference_makes_it_ours() {
        let marks = marks(json!({ "ownerReferences": owned_by("u1") }));
        assert_eq!(marks.ownership("u1", true), Ownership::Ours);
        assert_eq!(marks.ownership("u1", false), Ownership::Ours);
    }

    #[test]
    fn a_secret_without_marks_is_foreign() {
        assert_eq!(marks(json!({})).ownership("u1", true), Ownership::Foreign { controller: None });
    }

    #[test]
    fn another_controller_wins_over_every_annotation() {
        let marks = marks(json!({
            "ownerReferences": owned_by("u2"),
            "annotations": { SealedSecret::MANAGED: "true", SealedSecret::PATCH: "true" },
        }));
        let foreign = Ownership::Foreign { controller: Some("SealedSecret/s".into()) };
        assert_eq!(marks.ownership("u1", true), foreign);
    }

    #[test]
    fn an_owner_that_is_no_controller_does_not_count() {
        let mut owners = owned_by("u1");
        owners[0]["controller"] = json!(false);
        let marks = marks(json!({ "ownerReferences": owners }));
        assert_eq!(marks.ownership("u1", true), Ownership::Foreign { controller: None });
    }

    #[test]
    fn annotations_count_only_with_the_exact_word_true() {
        let managed = |value: &str| {
            marks(json!({ "annotations": { SealedSecret::MANAGED: value } })).ownership("u1", true)
        };
        assert_eq!(managed("true"), Ownership::TakeOver);
        assert_eq!(managed("True"), Ownership::Foreign { controller: None });
        assert_eq!(managed("1"), Ownership::Foreign { controller: None });
    }

    #[test]
    fn patch_owns_only_together_with_managed_or_when_already_ours() {
        let patch = |managed: &str, owners: serde_json::Value| {
            marks(json!({
                "annotations": { SealedSecret::PATCH: "true", SealedSecret::MANAGED: managed },
                "ownerReferences": owners,
            }))
            .ownership("u1", true)
        };
        assert_eq!(patch("false", json!([])), Ownership::Merge { own: false });
        assert_eq!(patch("true", json!([])), Ownership::Merge { own: true });
        assert_eq!(patch("false", owned_by("u1")), Ownership::Merge { own: true });
    }

    /// Bitnami's controller fails on its own ownerless Secret (recorded, g50); ours knows it.
    #[test]
    fn an_ownerless_secret_is_ours_by_the_field_manager_if_it_was_asked_for() {
        let written = |annotations: serde_json::Value, manager: &str| {
            marks(json!({
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
    fn our_pairs_are_ours_and_the_peers_but_nobody_elses() {
        let metadata: ObjectMeta = serde_json::from_value(json!({
            "managedFields": [
                { "manager": FIELD_MANAGER, "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:a": {} } } } },
                { "manager": "controller", "fieldsV1": { "f:metadata": { "f:labels": { "f:b": {} } } } },
                { "manager": "argocd", "fieldsV1": { "f:metadata": { "f:labels": { "f:c": {} } } } },
            ],
        }))
        .unwrap();
        assert_eq!(our_pairs(&metadata, "f:labels").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(our_pairs(&metadata, "f:annotations").count(), 0);
    }
}
