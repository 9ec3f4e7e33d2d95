//! PKCS#12 files.

use std::collections::BTreeSet;

use pki::{Unlimited, base64, keys::PrivateKey, pem, pkcs12};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recording {
    name: String,
    /// In base64.
    file: String,
    password: String,
    /// In PEM.
    key: Option<String>,
    /// In PEM. External Secrets sorts them into a chain.
    certificates: Option<String>,
}

#[test]
fn recorded_files_have_the_key_and_the_certificates_that_go_reads() {
    let recordings: Vec<Recording> = super::read_lines("pkcs12.jsonl");
    assert!(recordings.len() > 40);
    for recording in recordings {
        let Recording { name, file, password, key, certificates } = recording;
        let file = base64::decode(file).expect("base64");
        let contents = pkcs12::read(&mut Unlimited, &file, password.as_bytes());
        let Some(key) = key else {
            assert!(contents.is_err(), "{name} {password:?}");
            continue;
        };
        let contents = contents.expect(&name);
        let pkcs8 = contents.key.to_pkcs8().expect(&name);
        assert_eq!(*pem::encode("PRIVATE KEY", &pkcs8), key, "{name}");
        let found: BTreeSet<Vec<u8>> =
            contents.certificates.iter().map(|der| der.to_vec()).collect();
        let certificates = certificates.expect("certificates");
        let expected: BTreeSet<Vec<u8>> =
            pem::blocks(certificates.as_bytes()).map(|block| block.bytes.to_vec()).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn written_file_is_read_with_its_password_only() {
    let certificates = super::read("sprig-certificates.pem");
    let [own, issuer] = [0, 1]
        .map(|index| pem::blocks(certificates.as_bytes()).nth(index).expect("a certificate").bytes);
    let random = &mut StdRng::seed_from_u64(1);
    let key = PrivateKey::generate_p256(&mut Unlimited, random).expect("a key");
    let file = pkcs12::write(&mut Unlimited, random, &key, &own, &[&issuer], "pässword".as_bytes());
    let file = file.expect("a file");
    let contents = pkcs12::read(&mut Unlimited, &file, "pässword".as_bytes()).expect("contents");
    assert_eq!(contents.certificates, [own, issuer]);
    assert_eq!(contents.key.to_pkcs8(), key.to_pkcs8());
    assert!(pkcs12::read(&mut Unlimited, &file, b"password").is_err());
}
