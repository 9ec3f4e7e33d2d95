//! Our items, opened by us.

use sealing::{Item, OpenError, Scope, SealError, SealingKey, open};

use crate::fixtures::{Failure, key, keys, read, reopen, seal};

const SCOPES: [Scope; 3] = [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict];

#[test]
fn sealed_items_open_in_every_scope_and_size() {
    let mut ring = keys();
    ring.push(rsa8192());
    for key in &ring {
        for scope in SCOPES {
            let label = scope.label("team", "db");
            for plaintext in [&b""[..], b"x", b"a\0\r\n\xff$\"'", &[7; 16_000]] {
                let text = seal(key, &label, plaintext);
                let item = Item::parse(&text).unwrap();
                assert_eq!(item.modulus_bits(), key.modulus_bits());
                let overhead = 2 + key.modulus_bits() / 8 + 16;
                assert_eq!(item.as_bytes().len(), overhead + plaintext.len());
                let opened = open(&item, &label, &ring).unwrap();
                assert_eq!(opened.plaintext.expose(), plaintext);
                assert_eq!(opened.key.fingerprint(), key.fingerprint());
            }
        }
    }
}

#[test]
fn items_start_as_kubeseal_items_do() {
    let label = Scope::Strict.label("team", "db");
    assert!(seal(&key("rsa2048"), &label, b"x").starts_with("AQ"));
    assert!(seal(&key("rsa4096"), &label, b"x").starts_with("Ag"));
}

#[test]
fn same_value_gives_different_items() {
    let (key, label) = (key("rsa2048"), Scope::Strict.label("team", "db"));
    let items: Vec<_> =
        (0..20).map(|_| Item::parse(&seal(&key, &label, &[0; 32])).unwrap()).collect();
    for (i, a) in items.iter().enumerate() {
        for b in &items[..i] {
            // Neither half may be equal: under one session key, the zero nonce would reveal the
            // difference of the values.
            assert_ne!(a.as_bytes()[2..258], b.as_bytes()[2..258]);
            assert_ne!(a.as_bytes()[258..290], b.as_bytes()[258..290]);
        }
    }
}

#[test]
fn wrong_key_and_missing_key_size_are_different_errors() {
    let label = Scope::Strict.label("team", "db");
    let text = seal(&key("rsa2048"), &label, b"x");
    let stranger = SealingKey::from_pem(&read("pem/peer.key"), None).unwrap();
    assert_eq!(
        reopen(&text, &label, &[stranger]),
        Err(Failure::Open(OpenError::NoKeyOpens { tried: 1 }))
    );
    let none = Err(Failure::Open(OpenError::NoKeyOfThisSize { bits: 2048 }));
    assert_eq!(reopen(&text, &label, &[key("rsa4096"), key("rsa3072")]), none);
    assert_eq!(reopen(&text, &label, &[]), none);
}

#[test]
fn right_key_is_found_among_others_of_its_size() {
    let label = Scope::ClusterWide.label("", "");
    let stranger = SealingKey::from_pem(&read("pem/peer.key"), None).unwrap();
    let ring = [key("rsa4096"), stranger, key("rsa2048")];
    let item = Item::parse(&seal(&ring[2], &label, b"x")).unwrap();
    let opened = open(&item, &label, &ring).unwrap();
    assert_eq!(opened.key.fingerprint(), ring[2].fingerprint());
}

#[test]
fn legacy_secret_is_one_item_in_bytes() {
    let (key, label) = (key("rsa2048"), Scope::Strict.label("team", "db"));
    let json = br#"{"kind":"Secret","data":{"a":"Yg=="}}"#;
    let bytes = Item::parse(&seal(&key, &label, json)).unwrap().as_bytes().to_vec();
    let opened = open(&Item::from_bytes(bytes).unwrap(), &label, [&key]).unwrap().plaintext;
    assert_eq!(opened.expose(), json);
}

#[test]
fn value_larger_than_any_secret_is_rejected() {
    let (key, label) = (key("rsa2048"), Scope::Strict.label("team", "db"));
    let largest = vec![1; 2 << 20];
    assert_eq!(reopen(&seal(&key, &label, &largest), &label, &[key]).as_ref(), Ok(&largest));
    let certificate = sealing::Certificate::from_pem(&read("vectors/keys/rsa2048.crt")).unwrap();
    let refused = certificate.seal(&label, &vec![1; (2 << 20) + 1]);
    assert_eq!(refused, Err(SealError::TooLarge { len: (2 << 20) + 1, limit: 2 << 20 }));
}

fn rsa8192() -> SealingKey {
    let (key, certificate) = (read("pem/rsa8192.key"), read("pem/rsa8192.crt"));
    SealingKey::from_pem(&key, Some(&certificate)).expect("a test key")
}
