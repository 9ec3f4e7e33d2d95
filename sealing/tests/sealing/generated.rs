//! Keys that this crate generates.

use jiff::{SignedDuration, Timestamp};
use sealing::{Certificate, Item, KeyError, KeyOptions, Scope, SealingKey, open};

use crate::fixtures::seal;

#[test]
fn generated_key_seals_opens_and_survives_a_pem_round_trip() {
    for bits in [2048, 3072, 4096] {
        let key = SealingKey::generate(&options(bits)).unwrap();
        assert_eq!(key.modulus_bits(), bits);
        let certificate = key.certificate().unwrap();
        assert_eq!(certificate.modulus_bits(), bits);
        assert_eq!(certificate.fingerprint(), key.fingerprint());
        assert_eq!(certificate.not_before(), "2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(certificate.not_after(), "2035-12-31T03:04:05Z".parse().unwrap());

        let label = Scope::Strict.label("team", "db");
        let item = Item::parse(&seal(&key, &label, b"value")).unwrap();
        let pem = key.private_key_pem();
        assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(pem.ends_with("-----END RSA PRIVATE KEY-----\n"));
        let certificate = certificate.to_pem();
        let again = SealingKey::from_pem(pem.as_bytes(), Some(certificate.as_bytes())).unwrap();
        assert_eq!(open(&item, &label, [&again]).unwrap().plaintext.expose(), b"value");
    }
}

#[test]
fn generated_keys_and_serials_differ() {
    let [a, b] = [(); 2].map(|()| SealingKey::generate(&options(2048)).unwrap());
    assert_ne!(a.fingerprint(), b.fingerprint());
}

#[test]
fn certificates_with_any_common_name_are_readable() {
    for name in ["", "mtk", "sceau* é", "a\0b\n", &"long ".repeat(100)] {
        let key = SealingKey::generate(&KeyOptions { common_name: name.into(), ..options(2048) });
        let pem = key.unwrap().certificate().unwrap().to_pem();
        assert!(Certificate::from_pem(pem.as_bytes()).is_ok(), "{name:?}");
    }
}

#[test]
fn invalid_options_are_rejected() {
    let refused = |options: &KeyOptions| SealingKey::generate(options).unwrap_err();
    for bits in [0, 1024, 2047, 2560, 16384] {
        assert_eq!(refused(&options(bits)), KeyError::UnsupportedSize { bits });
    }
    let year = 365 * 24;
    for lifetime in [SignedDuration::from_hours(-1), SignedDuration::from_hours(9000 * year)] {
        assert_eq!(refused(&KeyOptions { lifetime, ..options(2048) }), KeyError::Validity);
    }
    let not_before = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(1);
    assert_eq!(refused(&KeyOptions { not_before, ..options(2048) }), KeyError::Validity);
}

fn options(bits: usize) -> KeyOptions {
    KeyOptions {
        bits,
        common_name: String::new(),
        not_before: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
        lifetime: SignedDuration::from_hours(87_600),
    }
}
