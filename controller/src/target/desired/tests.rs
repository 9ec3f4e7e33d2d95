use serde_json::{Value as Json, json};

use super::{super::patch::SecretPatch, *};

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
        data: [("A".to_owned(), SecretValue::from(b"1".as_slice()))].into(),
        random: None,
    }
}

/// A Secret with uid and resourceVersion, and these fields of its own.
fn existing(metadata: Json, rest: &Json) -> SecretObject {
    let mut body = json!({ "type": "Opaque", "metadata": { "uid": "x", "resourceVersion": "7" } });
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

fn planned(existing: &SecretObject, target: &DesiredSecret) -> Result<SecretPatch, Refusal> {
    target.plan(existing).and_then(|wanted| SecretPatch::between(existing, &wanted))
}

fn patch(existing: &SecretObject, desired: &DesiredSecret) -> Json {
    let patch = planned(existing, desired).unwrap();
    if patch.is_empty() { Json::Null } else { serde_json::to_value(patch).unwrap() }
}

#[test]
fn equal_secret_is_left_as_it_is_despite_labels_of_others() {
    let secret = ours(
        json!({ "labels": { "l": "1", "other": "x" }, "annotations": { "team": "a" } }),
        &json!({ "data": { "A": "MQ==" } }),
    );
    assert_eq!(patch(&secret, &desired()), Json::Null);
}

#[test]
fn edited_secret_gets_only_the_differences_under_both_guards() {
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
fn random_values_stay_until_their_version_changes() {
    let random = |version: &str| {
        let mut desired = desired();
        desired.data.insert("R".into(), SecretValue::from(b"new".as_slice()));
        desired.annotations.insert(RANDOM_FOR.into(), version.into());
        desired.random =
            Some(RandomValues { keys: ["R".to_owned()].into(), version: version.into() });
        desired
    };
    let metadata = json!({ "labels": { "l": "1" }, "annotations": { RANDOM_FOR: "u1.1" } });
    let secret = ours(metadata.clone(), &json!({ "data": { "A": "MQ==", "R": "b2xk" } }));
    assert_eq!(patch(&secret, &random("u1.1")), Json::Null);
    let changed = patch(&secret, &random("u1.2"));
    assert_eq!(changed["data"], json!({ "R": "bmV3" }));
    assert_eq!(changed["metadata"]["annotations"], json!({ RANDOM_FOR: "u1.2" }));
    // The controller generates a missing value, and repairs the others.
    let secret = ours(metadata, &json!({ "data": { "A": "Mg==" } }));
    assert_eq!(patch(&secret, &random("u1.1"))["data"], json!({ "A": "MQ==", "R": "bmV3" }));
}

#[test]
fn own_labels_are_removed_and_labels_of_others_stay() {
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

/// Recorded, g47: no label or annotation of the previous owner stays.
#[test]
fn take_over_replaces_data_labels_annotations_and_owners() {
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
fn shared_secret_keeps_its_other_items_and_gets_no_owner() {
    let secret = existing(
        json!({ "annotations": { crds::SealedSecret::PATCH: "true" } }),
        &json!({ "data": { "mine": "MQ==", "A": "b2xk" } }),
    );
    let patch = patch(&secret, &desired());
    assert_eq!(patch["data"], json!({ "A": "MQ==" }));
    assert_eq!(patch["metadata"].get("ownerReferences"), None);
    assert_eq!(patch["metadata"].get("annotations"), None);
}

fn foreign(controller: &Json) -> SecretObject {
    existing(json!({ "ownerReferences": [controller] }), &json!({}))
}

#[test]
fn foreign_secret_is_refused_with_its_controller() {
    let secret = ObjectKey { namespace: "n".into(), name: "s".into() };
    let refusal = desired().plan(&existing(json!({}), &json!({}))).unwrap_err();
    assert_eq!(refusal, Refusal::NotManaged { secret: secret.clone() });

    let owner = |kind: &str, name: &str| json!({ "apiVersion": "x/v1", "kind": kind, "name": name, "uid": "u2", "controller": true });
    let refusal = desired().plan(&foreign(&owner("SealedSecret", "s"))).unwrap_err();
    assert_eq!(refusal, Refusal::OwnedByEarlierObject { secret });
    for (kind, name) in [("SealedSecret", "t"), ("Certificate", "s")] {
        match desired().plan(&foreign(&owner(kind, name))).unwrap_err() {
            Refusal::ControlledBy { controller, .. } => {
                assert_eq!(controller.to_string(), format!("{kind}/{name}"));
            }
            refusal => panic!("{refusal:?}"),
        }
    }
}

/// Recorded, g51.
#[test]
fn other_type_is_refused_before_the_api_server_does() {
    let secret = ours(json!({}), &json!({ "type": "example.com/t" }));
    let refusal = planned(&secret, &desired()).unwrap_err();
    assert!(matches!(refusal, Refusal::TypeDiffers { type_, .. } if type_ == "Opaque"));
}

/// Recorded, g52.
#[test]
fn immutable_secret_takes_labels_but_no_data() {
    let secret = ours(json!({}), &json!({ "immutable": true, "data": { "A": "Mg==" } }));
    let refusal = planned(&secret, &desired()).unwrap_err();
    assert!(matches!(refusal, Refusal::Immutable { .. }));

    let secret = ours(json!({}), &json!({ "immutable": true, "data": { "A": "MQ==" } }));
    assert_eq!(patch(&secret, &desired())["metadata"]["labels"], json!({ "l": "1" }));
}

#[test]
fn secret_becomes_immutable_when_the_template_changes() {
    let secret = ours(json!({ "labels": { "l": "1" } }), &json!({ "data": { "A": "MQ==" } }));
    let desired = DesiredSecret { immutable: true, ..desired() };
    assert_eq!(patch(&secret, &desired)["immutable"], json!(true));
}

#[test]
fn owner_reference_is_removed_when_the_template_asks_for_none() {
    let secret = ours(json!({ "labels": { "l": "1" } }), &json!({ "data": { "A": "MQ==" } }));
    let desired = DesiredSecret { owner: None, ..desired() };
    assert_eq!(patch(&secret, &desired)["metadata"]["ownerReferences"], json!([]));
}

#[test]
fn patch_debug_output_shows_no_value() {
    let secret = ours(json!({}), &json!({ "data": {} }));
    let shown = format!("{:?}", planned(&secret, &desired()).unwrap());
    assert!(!shown.contains("MQ"), "{shown}");
}
