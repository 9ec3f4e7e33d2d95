//! From a Secret that exists and one that is wanted to the one request that makes them equal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;

use super::{
    desired::{DesiredSecret, RANDOM_FOR},
    object::{SecretObject, Value},
    ownership::{Ownership, OwnershipMetadata, our_pairs},
};
use crate::reason::{Failure, Reason};

/// What to do with a Secret that exists.
#[derive(Debug)]
pub enum Change {
    /// It is as wanted.
    None,
    /// A merge patch (RFC 7386), guarded by uid and resourceVersion.
    Patch(Box<Patch>),
}

/// A merge patch. Holds values: prints none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    pub(super) metadata: MetadataPatch,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) immutable: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) data: BTreeMap<String, Option<Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetadataPatch {
    // The guards: the API server answers 409 when the Secret is another one by now.
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner_references: Option<Vec<OwnerReference>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finalizers: Option<Vec<String>>,
}

/// Plans the change of `existing` into `desired`.
///
/// # Errors
/// `NotOwned` when it is somebody else's, `Immutable` when the API server would never allow it.
pub fn plan(existing: &SecretObject, desired: &DesiredSecret) -> Result<Change, Failure> {
    let standing = OwnershipMetadata::of(&existing.metadata)
        .ownership(&desired.owner_uid, desired.owner.is_some());
    if let Ownership::Foreign { controller } = &standing {
        return Err(not_owned(desired, controller.as_deref()));
    }
    refuse_impossible(existing, desired, &standing)?;

    let patch = Patch {
        metadata: MetadataPatch {
            uid: existing.metadata.uid.clone(),
            resource_version: existing.metadata.resource_version.clone(),
            labels: pairs(existing, "f:labels", &desired.labels, &standing),
            annotations: pairs(existing, "f:annotations", &desired.annotations, &standing),
            owner_references: owners(existing, desired, &standing),
            finalizers: None,
        },
        immutable: (desired.immutable && existing.immutable != Some(true)).then_some(true),
        data: data(existing, desired, &standing),
    };
    Ok(if patch.is_empty() { Change::None } else { Change::Patch(Box::new(patch)) })
}

/// Items to set, and in an exact Secret those to remove.
fn data(
    existing: &SecretObject,
    desired: &DesiredSecret,
    standing: &Ownership,
) -> BTreeMap<String, Option<Value>> {
    let kept = kept(existing, desired);
    let mut patch: BTreeMap<_, _> = desired
        .data
        .iter()
        .filter(|(key, value)| {
            let present = existing.data.get(*key);
            present != Some(value) && !(present.is_some() && kept.contains(*key))
        })
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect();
    if !matches!(standing, Ownership::Merge { .. }) {
        let gone = existing.data.keys().filter(|key| !desired.data.contains_key(*key));
        patch.extend(gone.map(|key| (key.clone(), None)));
    }
    patch
}

/// The keys of values that stay as they are: those that were drawn at random for the same.
fn kept<'d>(existing: &SecretObject, desired: &'d DesiredSecret) -> &'d BTreeSet<String> {
    static NONE: BTreeSet<String> = BTreeSet::new();
    let annotations = existing.metadata.annotations.as_ref();
    let mark = annotations.and_then(|annotations| annotations.get(RANDOM_FOR));
    match &desired.random {
        Some(random) if mark == Some(&random.mark) => &random.keys,
        _ => &NONE,
    }
}

/// Labels or annotations to set, and those to remove: all others on a take-over, otherwise the
/// ones we once put there.
fn pairs(
    existing: &SecretObject,
    field: &str,
    desired: &BTreeMap<String, String>,
    standing: &Ownership,
) -> BTreeMap<String, Option<String>> {
    let metadata = &existing.metadata;
    let present = if field == "f:labels" { &metadata.labels } else { &metadata.annotations };
    let present = present.iter().flatten().collect::<BTreeMap<_, _>>();
    let mut patch: BTreeMap<_, _> = desired
        .iter()
        .filter(|(name, value)| present.get(name) != Some(value))
        .map(|(name, value)| (name.clone(), Some(value.clone())))
        .collect();
    let is_gone = |name: &&str| !desired.contains_key(*name);
    match standing {
        Ownership::TakeOver => {
            let gone = present.keys().map(|name| name.as_str()).filter(is_gone);
            patch.extend(gone.map(|name| (name.to_owned(), None)));
        }
        Ownership::Ours => {
            let gone = our_pairs(metadata, field)
                .filter(is_gone)
                .filter(|name| present.keys().any(|there| there == name));
            patch.extend(gone.map(|name| (name.to_owned(), None)));
        }
        Ownership::Merge { .. } | Ownership::Foreign { .. } => {}
    }
    patch
}

/// The list of owner references, if it is to change.
fn owners(
    existing: &SecretObject,
    desired: &DesiredSecret,
    standing: &Ownership,
) -> Option<Vec<OwnerReference>> {
    let present = existing.metadata.owner_references.clone().unwrap_or_default();
    let wanted = match standing {
        Ownership::Merge { own: false } | Ownership::Foreign { .. } => return None,
        Ownership::TakeOver => desired.owner.iter().cloned().collect(),
        Ownership::Ours | Ownership::Merge { own: true } => {
            let others = present.iter().filter(|owner| owner.uid != desired.owner_uid);
            others.chain(&desired.owner).cloned().collect::<Vec<_>>()
        }
    };
    (wanted != present).then_some(wanted)
}

/// What the API server refuses for ever is said in our words, before it is tried.
fn refuse_impossible(
    existing: &SecretObject,
    desired: &DesiredSecret,
    standing: &Ownership,
) -> Result<(), Failure> {
    let key = &desired.key;
    let merges = matches!(standing, Ownership::Merge { .. });
    if existing.type_ != desired.type_ && !merges {
        return Err(Failure::new(
            Reason::Immutable,
            format!(
                "Secret {key} is of another type, and a Secret's type cannot change: \
                 delete the Secret, and it is made anew as {:?}",
                desired.type_
            ),
        ));
    }
    if existing.immutable == Some(true) && !data(existing, desired, standing).is_empty() {
        return Err(Failure::new(
            Reason::Immutable,
            format!(
                "the target Secret is immutable: {key} cannot take the new data; \
                 delete the Secret, and it is made anew"
            ),
        ));
    }
    Ok(())
}

fn not_owned(desired: &DesiredSecret, controller: Option<&str>) -> Failure {
    let key = &desired.key;
    let message = match controller {
        Some(controller) if controller == format!("SealedSecret/{}", key.name) => format!(
            "Secret {key} belongs to an earlier SealedSecret of this name: it is made anew when \
             the garbage collector has removed it"
        ),
        Some(controller) => format!(
            "Secret {key} already exists and is controlled by {controller}: \
             delete or rename one of the two"
        ),
        None => format!(
            "Secret {key} already exists and is not managed by this SealedSecret: delete it, or \
             annotate it with {}=true to have it taken over",
            crds::SealedSecret::MANAGED
        ),
    };
    Failure::new(Reason::NotOwned, message)
}

impl Patch {
    pub(super) fn is_empty(&self) -> bool {
        self.metadata.labels.is_empty()
            && self.metadata.finalizers.is_none()
            && self.metadata.annotations.is_empty()
            && self.metadata.owner_references.is_none()
            && self.immutable.is_none()
            && self.data.is_empty()
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{key::ObjectKey, runtime::FIELD_MANAGER, target::desired::Random};

    fn owner() -> OwnerReference {
        OwnerReference {
            api_version: "bitnami.com/v1alpha1".into(),
            kind: "SealedSecret".into(),
            name: "s".into(),
            uid: "u1".into(),
            controller: Some(true),
            block_owner_deletion: None,
        }
    }

    fn desired() -> DesiredSecret {
        DesiredSecret {
            key: ObjectKey { namespace: "n".into(), name: "s".into() },
            owner_uid: "u1".into(),
            owner: Some(owner()),
            type_: "Opaque".into(),
            immutable: false,
            labels: [("l".to_owned(), "1".to_owned())].into(),
            annotations: BTreeMap::new(),
            data: [("A".to_owned(), Value::from(b"1".as_slice()))].into(),
            random: None,
        }
    }

    /// A Secret with uid and resourceVersion, and these fields of its own.
    fn existing(metadata: Json, rest: &Json) -> SecretObject {
        let mut body =
            json!({ "type": "Opaque", "metadata": { "uid": "x", "resourceVersion": "7" } });
        for (key, value) in metadata.as_object().unwrap() {
            body["metadata"][key] = value.clone();
        }
        for (key, value) in rest.as_object().unwrap() {
            body[key] = value.clone();
        }
        serde_json::from_value(body).unwrap()
    }

    fn ours(metadata: Json, rest: &Json) -> SecretObject {
        let mut metadata = metadata;
        metadata["ownerReferences"] = serde_json::to_value([owner()]).unwrap();
        existing(metadata, rest)
    }

    fn patch(existing: &SecretObject, desired: &DesiredSecret) -> Json {
        match plan(existing, desired).unwrap() {
            Change::None => Json::Null,
            Change::Patch(patch) => serde_json::to_value(patch).unwrap(),
        }
    }

    #[test]
    fn an_equal_secret_is_left_alone_whatever_others_put_on_it() {
        let secret = ours(
            json!({ "labels": { "l": "1", "other": "x" }, "annotations": { "team": "a" } }),
            &json!({ "data": { "A": "MQ==" } }),
        );
        assert_eq!(patch(&secret, &desired()), Json::Null);
    }

    #[test]
    fn an_edited_secret_gets_exactly_what_differs_under_both_guards() {
        let secret = ours(json!({}), &json!({ "data": { "A": "Mg==", "B": "" } }));
        assert_eq!(
            patch(&secret, &desired()),
            json!({
                "metadata": { "uid": "x", "resourceVersion": "7", "labels": { "l": "1" } },
                "data": { "A": "MQ==", "B": null },
            })
        );
    }

    #[test]
    fn values_drawn_at_random_stay_until_what_they_were_drawn_for_changes() {
        let random = |mark: &str| {
            let mut desired = desired();
            desired.data.insert("R".into(), Value::from(b"new".as_slice()));
            desired.annotations.insert(RANDOM_FOR.into(), mark.into());
            desired.random = Some(Random { keys: ["R".to_owned()].into(), mark: mark.into() });
            desired
        };
        let metadata = json!({ "labels": { "l": "1" }, "annotations": { RANDOM_FOR: "u1.1" } });
        let secret = ours(metadata.clone(), &json!({ "data": { "A": "MQ==", "R": "b2xk" } }));
        assert_eq!(patch(&secret, &random("u1.1")), Json::Null);
        let changed = patch(&secret, &random("u1.2"));
        assert_eq!(changed["data"], json!({ "R": "bmV3" }));
        assert_eq!(changed["metadata"]["annotations"], json!({ RANDOM_FOR: "u1.2" }));
        // One that is gone is made, and the others are repaired as ever.
        let secret = ours(metadata, &json!({ "data": { "A": "Mg==" } }));
        assert_eq!(patch(&secret, &random("u1.1"))["data"], json!({ "A": "MQ==", "R": "bmV3" }));
    }

    #[test]
    fn labels_we_once_set_go_and_those_of_others_stay() {
        let secret = ours(
            json!({
                "labels": { "l": "1", "old": "x", "other": "y" },
                "managedFields": [
                    { "manager": FIELD_MANAGER,
                      "fieldsV1": { "f:metadata": { "f:labels": { "f:l": {}, "f:old": {}, "f:gone": {} } } } },
                    { "manager": "argocd",
                      "fieldsV1": { "f:metadata": { "f:labels": { "f:other": {} } } } },
                ],
            }),
            &json!({ "data": { "A": "MQ==" } }),
        );
        assert_eq!(patch(&secret, &desired())["metadata"]["labels"], json!({ "old": null }));
    }

    /// Recorded, g47: nothing of the previous owner stays.
    #[test]
    fn a_managed_take_over_replaces_data_labels_annotations_and_owners() {
        let secret = existing(
            json!({
                "labels": { "x": "y" },
                "annotations": { crds::SealedSecret::MANAGED: "true" },
                "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u9" }],
            }),
            &json!({ "data": { "mine": "MQ==" } }),
        );
        let patch = patch(&secret, &desired());
        assert_eq!(patch["metadata"]["labels"], json!({ "l": "1", "x": null }));
        assert_eq!(patch["metadata"]["annotations"], json!({ crds::SealedSecret::MANAGED: null }));
        assert_eq!(patch["metadata"]["ownerReferences"], serde_json::to_value([owner()]).unwrap());
        assert_eq!(patch["data"], json!({ "A": "MQ==", "mine": null }));
    }

    /// Recorded, g48.
    #[test]
    fn a_patched_secret_keeps_its_other_items_and_gets_no_owner() {
        let secret = existing(
            json!({ "annotations": { crds::SealedSecret::PATCH: "true" } }),
            &json!({ "data": { "mine": "MQ==", "A": "b2xk" } }),
        );
        let patch = patch(&secret, &desired());
        assert_eq!(patch["data"], json!({ "A": "MQ==" }));
        assert_eq!(patch["metadata"].get("ownerReferences"), None);
        assert_eq!(patch["metadata"].get("annotations"), None);
    }

    #[test]
    fn a_foreign_secret_is_refused_with_the_remedy() {
        let failure = plan(&existing(json!({}), &json!({})), &desired()).unwrap_err();
        assert_eq!(failure.reason, Reason::NotOwned);
        assert!(failure.message.contains("sealedsecrets.bitnami.com/managed=true"), "{failure}");
    }

    /// Recorded, g51.
    #[test]
    fn another_type_is_refused_before_the_api_server_does() {
        let secret = ours(json!({}), &json!({ "type": "example.com/t" }));
        assert_eq!(plan(&secret, &desired()).unwrap_err().reason, Reason::Immutable);
    }

    /// Recorded, g52. The words "the target Secret is immutable" are what Bitnami's users look for.
    #[test]
    fn an_immutable_secret_takes_labels_but_no_data() {
        let secret = ours(json!({}), &json!({ "immutable": true, "data": { "A": "Mg==" } }));
        let failure = plan(&secret, &desired()).unwrap_err();
        assert_eq!(failure.reason, Reason::Immutable);
        assert!(failure.message.contains("the target Secret is immutable"), "{failure}");

        let secret = ours(json!({}), &json!({ "immutable": true, "data": { "A": "MQ==" } }));
        assert_eq!(patch(&secret, &desired())["metadata"]["labels"], json!({ "l": "1" }));
    }

    #[test]
    fn a_secret_becomes_immutable_when_the_template_says_so_later() {
        let secret = ours(json!({ "labels": { "l": "1" } }), &json!({ "data": { "A": "MQ==" } }));
        let desired = DesiredSecret { immutable: true, ..desired() };
        assert_eq!(patch(&secret, &desired)["immutable"], json!(true));
    }

    #[test]
    fn the_owner_reference_goes_when_the_template_asks_for_none() {
        let secret = ours(json!({ "labels": { "l": "1" } }), &json!({ "data": { "A": "MQ==" } }));
        let desired = DesiredSecret { owner: None, ..desired() };
        assert_eq!(patch(&secret, &desired)["metadata"]["ownerReferences"], json!([]));
    }

    #[test]
    fn a_patch_prints_no_value() {
        let secret = ours(json!({}), &json!({ "data": {} }));
        let shown = format!("{:?}", plan(&secret, &desired()).unwrap());
        assert!(!shown.contains("MQ"), "{shown}");
    }
}
