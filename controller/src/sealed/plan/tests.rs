use crds::SealedSecret;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    keys::KeyId,
    runtime::{mac::MacKey, secret::SecretObject},
    sealed::{record::inputs, report::next_status},
};

fn mac_key() -> MacKey {
    MacKey::from_bytes(&[3; 32]).unwrap()
}

fn sealed(annotations: Value) -> SealedSecret {
    serde_json::from_value(json!({
        "metadata": { "namespace": "n", "name": "s", "uid": "u1", "generation": 1 },
        "spec": { "encryptedData": { "A": "x" },
                  "template": { "metadata": { "labels": { "l": "1" }, "annotations": annotations } } },
    }))
    .unwrap()
}

/// The Secret that the object produced, with this change.
fn secret(change: impl FnOnce(&mut Value)) -> SecretSnapshot {
    let mut secret = json!({
        "metadata": {
            "namespace": "n", "name": "s", "resourceVersion": "5", "labels": { "l": "1" },
            "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                                  "name": "s", "uid": "u1", "controller": true }],
        },
        "type": "Opaque",
        "data": { "A": "MQ==" },
    });
    change(&mut secret);
    let secret: SecretObject = serde_json::from_value(secret).unwrap();
    SecretSnapshot::of(&mac_key(), &secret)
}

/// The object after a successful sync.
fn in_sync() -> Observed {
    let secret = secret(|_| {});
    let mut entry = SealedSecretEntry::of(&mac_key(), &sealed(json!({})));
    let record = Record { keys: vec![], inputs: entry.inputs, content: secret.content };
    entry.status = next_status(&entry, Ok(&record), Timestamp::UNIX_EPOCH).unwrap();
    entry.applied = Some(record);
    let keys = Arc::default();
    Observed {
        entry,
        secret: Some(secret),
        foreign_deletion: None,
        keys,
        is_namespace_terminating: false,
        writes_status: true,
        skips_recreate: false,
    }
}

/// The action for an object in sync, after this change.
fn action(change: impl FnOnce(&mut Observed)) -> Action {
    let mut observed = in_sync();
    change(&mut observed);
    plan(&observed, Now::read())
}

fn write_status() -> Action {
    Action::WriteStatus(in_sync().entry.applied.unwrap())
}

#[test]
fn unchanged_object_and_secret_are_in_sync() {
    assert_eq!(action(|_| {}), Action::Confirm);
    let other_label = secret(|secret| secret["metadata"]["labels"]["other"] = json!("x"));
    assert_eq!(action(|observed| observed.secret = Some(other_label)), Action::Confirm);
}

#[test]
fn deletion_of_object_or_namespace_ends_all_writes() {
    assert_eq!(action(|observed| observed.entry.is_deleting = true), Action::Ignore);
    assert_eq!(action(|observed| observed.is_namespace_terminating = true), Action::Ignore);
}

/// The object may be new, in sync before, or failed: the Secret decides.
#[test]
fn name_of_a_deleted_foreign_secret_stays_free_for_two_seconds() {
    let now = Now::read();
    let after = |milliseconds| {
        let mut observed = in_sync();
        observed.secret = None;
        observed.entry.applied = None;
        observed.foreign_deletion = Some(now.monotonic);
        let monotonic = now.monotonic + Duration::from_millis(milliseconds);
        plan(&observed, Now { monotonic, ..now })
    };
    assert_eq!(after(0), Action::Wait(Duration::from_secs(2)));
    assert_eq!(after(1500), Action::Wait(Duration::from_millis(500)));
    assert_eq!(after(2000), Action::Sync);
    let is_there = |observed: &mut Observed| observed.foreign_deletion = Some(now.monotonic);
    assert_eq!(action(is_there), Action::Confirm, "somebody created it again");
}

#[test]
fn every_difference_of_the_secret_leads_to_a_sync() {
    for change in [
        (|secret| secret["data"]["A"] = json!("Mg==")) as fn(&mut Value),
        |secret| secret["data"]["B"] = json!(""),
        |secret| secret["type"] = json!("x/y"),
        |secret| secret["immutable"] = json!(true),
        |secret| secret["metadata"]["labels"]["l"] = json!("2"),
        |secret| secret["metadata"]["ownerReferences"] = json!([]),
        |secret| secret["metadata"]["ownerReferences"][0]["uid"] = json!("u2"),
    ] {
        assert_eq!(action(|observed| observed.secret = Some(secret(change))), Action::Sync);
    }
    assert_eq!(action(|observed| observed.secret = None), Action::Sync);
}

#[test]
fn every_difference_of_the_object_leads_to_a_sync() {
    assert_eq!(action(|observed| observed.entry.applied = None), Action::Sync);
    let other = SealedSecretEntry {
        applied: in_sync().entry.applied,
        ..SealedSecretEntry::of(&mac_key(), &sealed(json!({ "a": "b" })))
    };
    assert_eq!(action(|observed| observed.entry = other), Action::Sync);
}

/// Revocation must be seen although nothing else changed.
#[test]
fn revoked_key_leads_to_a_sync() {
    let revoked = vec![KeyId::from_text("gone")];
    assert_eq!(
        action(|observed| observed.entry.applied.as_mut().unwrap().keys = revoked),
        Action::Sync
    );
}

#[test]
fn stale_status_is_written_without_a_sync() {
    assert_eq!(action(|observed| observed.entry.generation = 2), write_status());
    assert_eq!(action(|observed| observed.entry.status.conditions.clear()), write_status());
    assert_eq!(action(|observed| observed.entry.status.fingerprint = None), write_status());
}

#[test]
fn status_without_record_is_in_sync_where_the_crd_prunes_it() {
    let change = |observed: &mut Observed| {
        observed.entry.status.fingerprint = None;
        observed.entry.prunes_record = true;
    };
    assert_eq!(action(change), Action::Confirm);
}

/// A tenant may write the status: a record of another object must not count.
#[test]
fn record_of_another_object_leads_to_a_sync() {
    let mut other = sealed(json!({}));
    other.metadata.uid = Some("u2".into());
    let inputs = inputs(&mac_key(), &other);
    assert_eq!(
        action(|observed| observed.entry.applied.as_mut().unwrap().inputs = inputs),
        Action::Sync
    );
}

#[test]
fn deleted_or_edited_secret_stays_so_on_request() {
    for gone in [true, false] {
        let changed = |observed: &mut Observed| {
            let edited = secret(|secret| secret["data"]["A"] = json!("Mg=="));
            observed.secret = (!gone).then_some(edited);
        };
        assert_eq!(action(changed), Action::Sync);
        let skipped = |observed: &mut Observed| {
            changed(observed);
            observed.skips_recreate = true;
        };
        assert_eq!(action(skipped), Action::Ignore);
        let is_changed = |observed: &mut Observed| {
            skipped(observed);
            let mut object = sealed(json!({}));
            object.spec.encrypted_data.insert("B".to_owned(), "y".to_owned());
            observed.entry.inputs = inputs(&mac_key(), &object);
        };
        assert_eq!(action(is_changed), Action::Sync, "the SealedSecret changed");
    }
}

#[test]
fn missing_status_is_left_out_on_request() {
    let without_status =
        |observed: &mut Observed| observed.entry.status = crds::SealedSecretStatus::default();
    assert!(matches!(action(without_status), Action::WriteStatus(_)));
    let action = action(|observed| {
        without_status(observed);
        observed.writes_status = false;
    });
    assert_eq!(action, Action::Confirm);
}
