//! Items sealed by kubeseal.

use sealing::{Item, OpenError, Scope, diagnose};

use crate::fixtures::{Failure, keys, read, reopen, vectors};

const NO_KEY_OPENS: Failure = Failure::Open(OpenError::NoKeyOpens { tried: 1 });

#[test]
fn kubeseal_items_open_to_their_plaintext() {
    let keys = keys();
    let vectors = vectors();
    assert_eq!(vectors.len(), 108);
    for vector in vectors {
        let opened = reopen(&vector.ciphertext, &vector.label(), &keys);
        assert_eq!(opened, Ok(vector.plaintext()), "{}", vector.id);
    }
}

#[test]
fn kubeseal_items_do_not_open_under_another_scope_name_or_namespace() {
    let keys = keys();
    for vector in vectors() {
        let (scope, namespace, name) = (vector.scope(), &*vector.namespace, &*vector.name);
        for other in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
            if other != scope {
                let label = other.label(namespace, name);
                let opened = reopen(&vector.ciphertext, &label, &keys);
                assert_eq!(opened, Err(NO_KEY_OPENS), "{} as {other}", vector.id);
            }
        }
        let elsewhere = [scope.label(namespace, "other"), scope.label("other", name)];
        for label in elsewhere.into_iter().filter(|label| *label != vector.label()) {
            let opened = reopen(&vector.ciphertext, &label, &keys);
            assert_eq!(opened, Err(NO_KEY_OPENS), "{} at {label:?}", vector.id);
        }
    }
}

#[test]
fn wrong_scope_is_diagnosed_and_right_scope_is_not() {
    let keys = keys();
    for vector in vectors().iter().filter(|vector| vector.key == "rsa2048") {
        let item = Item::parse(&vector.ciphertext).unwrap();
        for asked in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
            let found = diagnose(&item, &vector.namespace, &vector.name, asked, &keys);
            let want = Some(vector.scope()).filter(|scope| *scope != asked);
            assert_eq!(found, want, "{} asked as {asked}", vector.id);
        }
    }
}

#[test]
fn wrong_key_is_distinguished_from_wrong_scope() {
    let keys = keys();
    let vector = vectors().into_iter().find(|v| v.scope() == Scope::NamespaceWide).unwrap();
    let item = Item::parse(&vector.ciphertext).unwrap();
    let found = diagnose(&item, &vector.namespace, "x", Scope::Strict, &keys);
    assert_eq!(found, Some(Scope::NamespaceWide));
    let others: Vec<_> = keys.iter().filter(|k| k.modulus_bits() != item.modulus_bits()).collect();
    assert_eq!(diagnose(&item, &vector.namespace, "x", Scope::Strict, others), None);
    assert_eq!(diagnose(&item, "elsewhere", "x", Scope::Strict, &keys), None);
}

#[test]
fn folded_kubeseal_items_open() {
    let keys = keys();
    for vector in vectors().iter().step_by(9) {
        let lines: Vec<_> = vector.ciphertext.as_bytes().chunks(64).map(<[u8]>::to_vec).collect();
        for end in ["\n", "\r\n"] {
            let folded = String::from_utf8(lines.join(end.as_bytes())).unwrap();
            assert_eq!(reopen(&folded, &vector.label(), &keys), Ok(vector.plaintext()));
        }
    }
}

#[test]
fn items_of_a_kubeseal_file_open() {
    let file: serde_json::Value =
        serde_json::from_slice(&read("vectors/files/f03.rsa2048.strict.json")).unwrap();
    let text = |pointer| file.pointer(pointer).and_then(serde_json::Value::as_str).unwrap();
    let label = Scope::Strict.label(text("/metadata/namespace"), text("/metadata/name"));
    let items = file.pointer("/spec/encryptedData").unwrap().as_object().unwrap();
    assert!(!items.is_empty());
    for (name, item) in items {
        assert!(reopen(item.as_str().unwrap(), &label, &keys()).is_ok(), "{name}");
    }
}
