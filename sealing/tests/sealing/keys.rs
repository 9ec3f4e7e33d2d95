//! Private keys from other programs.

use sealing::{CertificateError, Item, KeyError, PemError, Scope, SealingKey, open};

use crate::fixtures::{key, keys, read, seal};

#[test]
fn pkcs1_and_pkcs8_give_the_same_key() {
    let (pkcs1, pkcs8) = (read("vectors/keys/rsa2048.key"), read("pem/rsa2048-pkcs8.key"));
    let crlf = String::from_utf8(pkcs8.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let around = [&b"words\n"[..], &read("pem/chain.pem"), &pkcs1].concat();
    let item =
        Item::parse(&seal(&key("rsa2048"), &Scope::ClusterWide.label("", ""), b"x")).unwrap();
    for pem in [pkcs1.clone(), pkcs8, crlf, around] {
        let key = SealingKey::from_pem(&pem, None).unwrap();
        assert_eq!(key.fingerprint(), self::key("rsa2048").fingerprint());
        assert_eq!(key.modulus_bits(), 2048);
        assert!(key.certificate().is_none());
        assert!(open(&item, &Scope::ClusterWide.label("", ""), [&key]).is_ok());
        assert_eq!(key.private_key_pem().as_bytes(), pkcs1);
    }
}

#[test]
fn key_and_its_certificate_have_the_same_fingerprint() {
    for key in keys() {
        assert_eq!(key.fingerprint(), key.certificate().unwrap().fingerprint());
    }
    let key = read("pem/rsa8192.key");
    let key = SealingKey::from_pem(&key, Some(&read("pem/rsa8192.crt"))).unwrap();
    assert_eq!(key.fingerprint(), key.certificate().unwrap().fingerprint());
}

#[test]
fn chain_signed_by_an_authority_matches_the_key() {
    let key = read("vectors/keys/rsa2048.key");
    assert!(SealingKey::from_pem(&key, Some(&read("pem/chain.pem"))).is_ok());
}

#[test]
fn certificate_of_another_key_is_rejected() {
    let (key, other) = (read("vectors/keys/rsa2048.key"), read("pem/peer-no-cn.crt"));
    let error = SealingKey::from_pem(&key, Some(&other)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "its certificate belongs to another key: SHA256:S2fSWcW5PWRw40stheSBe2GcH+0BJb7nM4TzkBWhQnQ, \
         and the key is SHA256:KtW2IEbT+COw/YpHY0YPXtPsuOwg+0qvVl1fS3fSsds"
    );
    let error = SealingKey::from_pem(&key, Some(b"")).unwrap_err();
    assert_eq!(error, CertificateError::from(PemError::Empty).into());
}

#[test]
fn keys_that_cannot_open_are_rejected_by_algorithm() {
    let refused = |file| SealingKey::from_pem(&read(file), None).unwrap_err().to_string();
    assert_eq!(refused("pem/ec.key"), "it is EC; only RSA keys can decrypt");
    assert_eq!(refused("pem/ec-sec1.key"), "it is EC; only RSA keys can decrypt");
    assert_eq!(refused("pem/ed25519.key"), "it is Ed25519; only RSA keys can decrypt");
    assert_eq!(
        refused("pem/pss.key"),
        "it is RSA-PSS (signatures only); only RSA keys can decrypt"
    );
    assert_eq!(refused("pem/rsa1024.key"), "the RSA key has 1024 bits; at least 2048 are required");
}

#[test]
fn other_files_are_reported_by_kind() {
    let refused = |bytes: &[u8]| SealingKey::from_pem(bytes, None).unwrap_err();
    assert_eq!(refused(&read("pem/encrypted-pkcs1.key")), KeyError::Encrypted);
    assert_eq!(refused(&read("pem/encrypted-pkcs8.key")), KeyError::Encrypted);
    assert_eq!(refused(&read("pem/public.pem")), KeyError::PublicKey);
    assert_eq!(refused(&read("pem/chain.pem")), KeyError::Certificate);
    let label = "OPENSSH PRIVATE KEY".to_owned();
    assert_eq!(refused(&read("pem/openssh.key")), KeyError::OtherBlock { label });
    assert_eq!(refused(&read("pem/three-primes.key")), KeyError::Malformed);
    assert_eq!(refused(&read("pem/rsa2048.der")), PemError::Der.into());
    assert_eq!(refused(b""), PemError::Empty.into());
    assert_eq!(refused(b"kind: Secret"), PemError::NoBlock.into());
    let block = b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(refused(block), KeyError::Malformed);
}

#[test]
fn debug_never_shows_a_key() {
    let key = key("rsa2048");
    let debug = format!("{key:?} {key:#?}");
    let pem = key.private_key_pem();
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!debug.contains(line));
    }
    assert!(debug.starts_with(
        "SealingKey { fingerprint: SHA256:KtW2IEbT+COw/YpHY0YPXtPsuOwg+0qvVl1fS3fSsds, \
         modulus_bits: 2048, certificate: Some(Certificate { fingerprint: "
    ));
    assert!(debug.len() < 1000, "{debug}");
    let item = Item::parse(&seal(&key, &Scope::ClusterWide.label("", ""), b"hunter2")).unwrap();
    let opened = open(&item, &Scope::ClusterWide.label("", ""), [&key]).unwrap();
    assert!(format!("{opened:?}").starts_with("Opened { plaintext: Plaintext(7 bytes), key: "));
}

#[test]
fn key_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SealingKey>();
}
