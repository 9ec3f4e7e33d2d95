use serde_json::{Value as Json, json};

use super::{super::patch::SecretPatch, *};

fn target(policy: CreationPolicy) -> ExternalSecretTarget {
    ExternalSecretTarget {
        key: ObjectKey { namespace: "n".into(), name: "s".into() },
        owner: OwnerReference {
            api_version: "external-secrets.io/v1".into(),
            kind: "ExternalSecret".into(),
            name: "e".into(),
            uid: "u1".into(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        },
        policy,
        field_manager: "external".into(),
        immutable: false,
        content: ExternalContent {
            data: [("A".to_owned(), SecretValue::from(b"1".as_slice()))].into(),
            ..ExternalContent::default()
        },
        writes_data_hash: false,
        requires_adopt_annotation: false,
    }
}

fn existing(metadata: Json, data: &Json) -> SecretObject {
    let mut body = json!({ "type": "Opaque", "metadata": { "uid": "x", "resourceVersion": "7" }, "data": data });
    for (key, value) in metadata.as_object().unwrap() {
        body["metadata"][key] = value.clone();
    }
    serde_json::from_value(body).unwrap()
}

fn controlled_by(kind: &str, name: &str) -> SecretObject {
    let owner = json!({ "apiVersion": "external-secrets.io/v1beta1", "kind": kind, "name": name,
                        "uid": "u0", "controller": true });
    existing(json!({ "ownerReferences": [owner] }), &json!({}))
}

fn planned(existing: &SecretObject, target: &ExternalSecretTarget) -> Result<SecretPatch, Refusal> {
    target.plan(existing).and_then(|wanted| SecretPatch::between(existing, &wanted))
}

fn patch(existing: &SecretObject, target: &ExternalSecretTarget) -> Json {
    let patch = planned(existing, target).unwrap();
    if patch.is_empty() { Json::Null } else { serde_json::to_value(patch).unwrap() }
}

#[test]
fn secret_of_another_writer_is_refused_with_its_controller() {
    for (kind, name) in [("ExternalSecret", "other"), ("SealedSecret", "s")] {
        for policy in [CreationPolicy::Owner, CreationPolicy::Orphan, CreationPolicy::Merge] {
            match target(policy).plan(&controlled_by(kind, name)).unwrap_err() {
                Refusal::ControlledBy { controller, .. } => assert_eq!(&*controller.kind, kind),
                refusal => panic!("{refusal:?}"),
            }
        }
    }
    let secret = controlled_by("Certificate", "c");
    assert!(target(CreationPolicy::Owner).plan(&secret).is_err());
    assert!(target(CreationPolicy::Merge).plan(&secret).is_ok());
}

#[test]
fn recreated_external_secret_owns_the_secret_of_its_predecessor() {
    let target = target(CreationPolicy::Owner);
    let patch = patch(&controlled_by("ExternalSecret", "e"), &target);
    let owner = serde_json::to_value([&target.owner]).unwrap();
    assert_eq!(patch["metadata"]["ownerReferences"], owner);
}

#[test]
fn secret_that_external_secrets_did_not_make_needs_the_annotation_if_required() {
    for policy in [CreationPolicy::Owner, CreationPolicy::Orphan, CreationPolicy::Merge] {
        let target = ExternalSecretTarget { requires_adopt_annotation: true, ..target(policy) };
        let refused = |metadata: Json| target.plan(&existing(metadata, &json!({}))).err();
        let missing = Some(Refusal::AdoptAnnotationMissing { secret: target.key.clone() });
        let manager = |name: &str| json!({ "managedFields": [{ "manager": name }] });
        let owner = |group: &str, kind: &str| {
            json!({ "ownerReferences": [{ "apiVersion": format!("{group}/v1beta1"), "kind": kind,
                                          "name": "e", "uid": "u0" }] })
        };
        for refused_metadata in [
            json!({}),
            json!({ "annotations": { ADOPT: "yes" } }),
            json!({ "labels": { data_hash::MANAGED: "false" } }),
            manager("kubectl"),
            owner("example.org", "ExternalSecret"),
            owner("external-secrets.io", "PushSecret"),
        ] {
            assert_eq!(refused(refused_metadata.clone()), missing, "{refused_metadata}");
        }
        for metadata in [
            json!({ "annotations": { ADOPT: "true" } }),
            json!({ "labels": { data_hash::MANAGED: "true" } }),
            manager(&data_hash::field_manager("other")),
            manager(&data_hash::field_manager(&"long".repeat(20))),
            owner("external-secrets.io", "ExternalSecret"),
        ] {
            assert_eq!(refused(metadata.clone()), None, "{metadata}");
        }
    }
}

#[test]
fn merged_secret_loses_only_own_keys_under_both_guards() {
    let fields = json!({ "f:data": { "f:A": {}, "f:OLD": {} } });
    let metadata = json!({
        "labels": { data_hash::MANAGED: "true" },
        "managedFields": [{ "manager": "external", "fieldsV1": fields }],
    });
    let secret = existing(metadata, &json!({ "A": "Mg==", "OLD": "", "OTHER": "" }));
    assert_eq!(
        patch(&secret, &target(CreationPolicy::Merge)),
        json!({ "metadata": { "uid": "x", "resourceVersion": "7" },
                "data": { "A": "MQ==", "OLD": null } })
    );
}

#[test]
fn two_objects_that_merge_into_one_secret_come_to_rest() {
    let merging = |manager: &str, key: &str| {
        let mut target = ExternalSecretTarget {
            field_manager: manager.into(),
            writes_data_hash: true,
            ..target(CreationPolicy::Merge)
        };
        target.content.data = [(key.to_owned(), SecretValue::from(b"1".as_slice()))].into();
        target
    };
    let targets = [merging("first", "A"), merging("second", "B")];
    let mut secret = existing(json!({ "labels": {}, "annotations": {} }), &json!({ "C": "" }));
    let mut writes = 0;
    for target in targets.iter().cycle().take(6) {
        let wanted = target.wanted(Some(&secret));
        writes += usize::from(!planned(&secret, target).unwrap().is_empty());
        // The API server records the owner of each field.
        let fields = |target: &ExternalSecretTarget| {
            let keys = target.content.data.keys().map(|key| (format!("f:{key}"), json!({})));
            json!({ "f:data": keys.collect::<serde_json::Map<_, _>>() })
        };
        let managed = targets
            .iter()
            .map(|target| json!({ "manager": target.field_manager, "fieldsV1": fields(target) }));
        secret = wanted;
        secret.metadata.managed_fields =
            Some(managed.map(|entry| serde_json::from_value(entry).unwrap()).collect());
    }
    assert_eq!(writes, 2, "each writes once");
    assert_eq!(secret.data.len(), 3);
}

#[test]
fn immutable_secret_and_other_type_are_different_refusals() {
    let mut secret = existing(json!({}), &json!({ "A": "Mg==" }));
    let mut other = target(CreationPolicy::Owner);
    other.content.type_ = Some("x/y".into());
    assert!(matches!(planned(&secret, &other), Err(Refusal::TypeDiffers { .. })));
    secret.immutable = Some(true);
    let refused = planned(&secret, &target(CreationPolicy::Owner));
    assert!(matches!(refused, Err(Refusal::Immutable { .. })));
}

#[test]
fn merge_policy_creates_no_secret() {
    assert!(target(CreationPolicy::Merge).creation().is_none());
    assert!(target(CreationPolicy::Owner).creation().is_some());
}

#[test]
fn finalizers_of_the_template_are_set_on_created_secrets_only() {
    for policy in [CreationPolicy::Owner, CreationPolicy::Orphan, CreationPolicy::CreateOrMerge] {
        let mut target = target(policy);
        target.content.finalizers = vec!["example.com/hold".to_owned()];
        let created = target.creation().unwrap();
        assert_eq!(created.finalizers(), ["example.com/hold"], "{policy:?}");
        let patch = patch(&existing(json!({}), &json!({})), &target);
        assert!(patch["metadata"]["finalizers"].is_null(), "{policy:?}: {patch}");
        let kept = existing(json!({ "finalizers": ["example.com/hold"] }), &json!({}));
        assert!(self::patch(&kept, &target)["metadata"]["finalizers"].is_null(), "{policy:?}");
    }
}
