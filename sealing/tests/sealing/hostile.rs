//! Malicious input.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;
use sealing::{Certificate, Item, Label, Malformed, OpenError, Scope, SealingKey, open};

use crate::fixtures::{Failure, key, keys, read, reopen, seal};

#[test]
fn truncated_text_is_malformed() {
    let (key, label) = (key("rsa2048"), label());
    let text = seal(&key, &label, b"");
    for len in 0..text.len() {
        let error = Item::parse(&text[..len]).unwrap_err();
        match len % 4 {
            0 => assert!(
                matches!(
                    error,
                    Malformed::NoHeader { .. }
                        | Malformed::WrappedKeyCut { .. }
                        | Malformed::ValueCut { .. }
                ),
                "{len}: {error:?}"
            ),
            _ => assert_eq!(error, Malformed::Padding, "{len}"),
        }
    }
}

#[test]
fn truncated_bytes_have_typed_errors() {
    for key in keys() {
        let label = label();
        let bytes = sealed(&key, &label, b"fifteen bytes..");
        let modulus = key.modulus_bits() / 8;
        for len in 0..bytes.len() {
            let parsed = Item::from_bytes(bytes[..len].to_vec());
            match len {
                0..2 => assert_eq!(parsed, Err(Malformed::NoHeader { len })),
                _ if len < 2 + modulus => {
                    assert_eq!(
                        parsed,
                        Err(Malformed::WrappedKeyCut { want: modulus, have: len - 2 })
                    );
                }
                _ if len < 2 + modulus + 16 => {
                    assert_eq!(parsed, Err(Malformed::ValueCut { have: len - 2 - modulus }));
                }
                _ => {
                    let opened = open(&parsed.unwrap(), &label, [&key]);
                    assert_eq!(opened.unwrap_err(), OpenError::NoKeyOpens { tried: 1 });
                }
            }
        }
    }
}

#[test]
fn wrapped_key_out_of_range_does_not_open() {
    let key = key("rsa2048");
    for fill in [0xff, 0x00] {
        let mut bytes = sealed(&key, &label(), b"x");
        bytes[2..258].fill(fill);
        let opened = open(&Item::from_bytes(bytes).unwrap(), &label(), [&key]);
        assert_eq!(opened.unwrap_err(), OpenError::NoKeyOpens { tried: 1 });
    }
}

#[test]
fn wrong_header_is_malformed_or_of_unknown_size() {
    let key = key("rsa2048");
    for (header, want) in [
        (0, Failure::Malformed(Malformed::NoWrappedKey)),
        (1, Failure::Open(OpenError::NoKeyOfThisSize { bits: 8 })),
        (255, Failure::Open(OpenError::NoKeyOfThisSize { bits: 2040 })),
        (257, Failure::Open(OpenError::NoKeyOfThisSize { bits: 2056 })),
        (512, Failure::Malformed(Malformed::WrappedKeyCut { want: 512, have: 276 })),
        (u16::MAX, Failure::Malformed(Malformed::WrappedKeyCut { want: 65535, have: 276 })),
    ] {
        let mut bytes = sealed(&key, &label(), b"four");
        bytes[..2].copy_from_slice(&u16::to_be_bytes(header));
        let text = BASE64_STANDARD.encode(bytes);
        assert_eq!(reopen(&text, &label(), &keys()), Err(want), "{header}");
    }
}

#[test]
fn pem_with_many_lines_is_read_in_one_pass() {
    for unit in
        ["-----BEGIN X-----\n", "-----END X-----\n", "\n", "a:\n", "-----BEGIN CERTIFICATE-----\n"]
    {
        let text = unit.repeat((1 << 20) / unit.len());
        assert!(Certificate::from_pem(text.as_bytes()).is_err());
        assert!(SealingKey::from_pem(text.as_bytes(), None).is_err());
    }
    let body = "-----BEGIN A-----\n-----END A-----\n".repeat(30_000);
    assert!(Certificate::from_pem(body.as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn flipped_bit_has_a_typed_error(bit in 0..(2 + 256 + 9 + 16) * 8_usize) {
        let key = key("rsa2048");
        let mut bytes = sealed(&key, &label(), b"nine byte");
        bytes[bit / 8] ^= 1 << (bit % 8);
        let text = BASE64_STANDARD.encode(&bytes);
        let failure = reopen(&text, &label(), &[key]).unwrap_err();
        if bit >= 16 {
            prop_assert_eq!(failure, Failure::Open(OpenError::NoKeyOpens { tried: 1 }));
        } else {
            let typed = matches!(
                failure,
                Failure::Open(OpenError::NoKeyOfThisSize { .. })
                    | Failure::Malformed(
                        Malformed::NoWrappedKey
                            | Malformed::WrappedKeyCut { .. }
                            | Malformed::ValueCut { .. }
                    )
            );
            prop_assert!(typed, "{:?}", failure);
        }
    }

    #[test]
    fn random_bytes_are_an_item_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(item) = Item::from_bytes(bytes.clone()) {
            prop_assert_eq!(item.as_bytes(), &bytes);
            prop_assert!(open(&item, &label(), &keys()).is_err());
        }
    }

    #[test]
    fn random_text_is_an_item_or_an_error(text in "(?s)(\\PC|[A-Za-z0-9+/=\r\n]){0,400}") {
        let _ = Item::parse(&text);
    }

    #[test]
    fn random_bytes_are_no_certificate_and_no_key(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Certificate::from_pem(&bytes).is_err());
        prop_assert!(SealingKey::from_pem(&bytes, None).is_err());
    }

    #[test]
    fn damaged_certificate_is_a_certificate_or_an_error(
        at in 0..700_usize, byte in any::<u8>(), len in 0..839_usize,
    ) {
        let mut der = read("pem/rsa2048.der");
        der[at] = byte;
        let _ = Certificate::from_pem(&pem("CERTIFICATE", &der));
        prop_assert!(Certificate::from_pem(&pem("CERTIFICATE", &der[..len])).is_err());
    }

    #[test]
    fn damaged_key_is_a_key_or_an_error(at in 0..1190_usize, byte in any::<u8>(), len in 0..1180_usize) {
        let text = String::from_utf8(read("vectors/keys/rsa2048.key")).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = BASE64_STANDARD.decode(body).unwrap();
        der[at] = byte;
        let _ = SealingKey::from_pem(&pem("RSA PRIVATE KEY", &der), None);
        let _ = SealingKey::from_pem(&pem("PRIVATE KEY", &der), None);
        prop_assert!(SealingKey::from_pem(&pem("RSA PRIVATE KEY", &der[..len]), None).is_err());
    }

    #[test]
    fn sealed_random_bytes_open(
        plaintext in proptest::collection::vec(any::<u8>(), 0..3000),
        namespace in "[a-z0-9-]{1,63}", name in "[a-z0-9.-]{1,253}",
    ) {
        let key = key("rsa2048");
        let label = Scope::Strict.label(&namespace, &name);
        prop_assert_eq!(reopen(&seal(&key, &label, &plaintext), &label, &[key]), Ok(plaintext));
    }
}

fn label() -> Label {
    Scope::Strict.label("team", "db")
}

fn sealed(key: &SealingKey, label: &Label, plaintext: &[u8]) -> Vec<u8> {
    Item::parse(&seal(key, label, plaintext)).expect("an item").as_bytes().to_vec()
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let body = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
}
