//! Certificates from other programs.

use sealing::{Certificate, CertificateError, PemError};

use crate::fixtures::read;

#[test]
fn fingerprints_and_sizes_match_ssh_keygen() {
    // From `ssh-keygen -lf` on the public half of each key.
    for (file, bits, fingerprint) in [
        ("vectors/keys/rsa2048.crt", 2048, "SHA256:KtW2IEbT+COw/YpHY0YPXtPsuOwg+0qvVl1fS3fSsds"),
        ("vectors/keys/rsa3072.crt", 3072, "SHA256:5vI1LptibCdQL20FocDk76ka35piXdvNVB8KVNyLxYo"),
        ("vectors/keys/rsa4096.crt", 4096, "SHA256:6ezCZt5O1UkOAiLLWYIlu5b4XA+piyQ4LTjg//NgTaA"),
        ("pem/rsa8192.crt", 8192, "SHA256:kz7MMTW2qRKteUOW08tF/ew9j3oR+/jtV5LNkgfqres"),
        ("pem/peer-no-cn.crt", 2048, "SHA256:S2fSWcW5PWRw40stheSBe2GcH+0BJb7nM4TzkBWhQnQ"),
        ("pem/chain.pem", 2048, "SHA256:KtW2IEbT+COw/YpHY0YPXtPsuOwg+0qvVl1fS3fSsds"),
    ] {
        let certificate = Certificate::from_pem(&read(file)).unwrap();
        assert_eq!(certificate.fingerprint().to_string(), fingerprint, "{file}");
        assert_eq!(certificate.modulus_bits(), bits, "{file}");
    }
}

#[test]
fn pem_layouts_found_in_files_are_accepted() {
    let plain = String::from_utf8(read("vectors/keys/rsa2048.crt")).unwrap();
    let fingerprint = Certificate::from_pem(plain.as_bytes()).unwrap().fingerprint().clone();
    let key = String::from_utf8(read("vectors/keys/rsa2048.key")).unwrap();
    let ec = String::from_utf8(read("pem/ec.crt")).unwrap();
    for text in [
        plain.replace('\n', "\r\n"),
        plain.trim_end().to_owned(),
        format!("\u{feff}{plain}"),
        format!("subject: me\n\n{plain}\ntrailing words"),
        plain.replace('\n', "\n    "),
        format!("{key}{plain}"),
        format!("{plain}{ec}"),
        format!("{plain}-----BEGIN CERTIFICATE-----\ncut off"),
    ] {
        let certificate = Certificate::from_pem(text.as_bytes());
        assert_eq!(certificate.unwrap().fingerprint(), &fingerprint, "{text}");
    }
}

#[test]
fn only_first_certificate_of_chain_counts() {
    let leaf = read("vectors/keys/rsa2048.crt");
    let chain = [read("pem/ec.crt"), leaf].concat();
    assert!(matches!(Certificate::from_pem(&chain), Err(CertificateError::NotRsa { .. })));
}

#[test]
fn to_pem_writes_certificate_without_chain() {
    let file = read("vectors/keys/rsa3072.crt");
    let certificate = Certificate::from_pem(&[&b"words\n"[..], &file, &file].concat()).unwrap();
    assert_eq!(certificate.to_pem().as_bytes(), file);
}

#[test]
fn expired_certificate_is_read_and_rejected_by_date() {
    let expired = Certificate::from_pem(&read("pem/expired.crt")).unwrap();
    let last = "2020-02-01T00:00:00Z".parse().unwrap();
    assert_eq!(expired.not_before(), "2020-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(expired.not_after(), last);
    assert_eq!(expired.check_validity(last), Ok(()));
    let error = expired.check_validity("2020-02-01T00:00:00.1Z".parse().unwrap()).unwrap_err();
    assert_eq!(error, CertificateError::Expired { not_after: last });
    assert_eq!(error.to_string(), "the certificate expired on 2020-02-01T00:00:00Z");
}

#[test]
fn certificate_that_is_not_valid_yet_is_accepted() {
    let certificate = Certificate::from_pem(&read("pem/peer-no-cn.crt")).unwrap();
    assert_eq!(certificate.check_validity("2025-12-31T00:00:00Z".parse().unwrap()), Ok(()));
}

#[test]
fn certificate_without_end_never_expires() {
    let endless = Certificate::from_pem(&read("pem/endless.crt")).unwrap();
    assert_eq!(endless.not_after(), jiff::Timestamp::MAX);
    assert_eq!(endless.check_validity("9999-12-01T00:00:00Z".parse().unwrap()), Ok(()));
}

#[test]
fn keys_that_cannot_seal_are_rejected_by_algorithm() {
    let refused = |file| Certificate::from_pem(&read(file)).unwrap_err().to_string();
    assert_eq!(refused("pem/ec.crt"), "its key is EC; only RSA keys can seal");
    assert_eq!(refused("pem/ed25519.crt"), "its key is Ed25519; only RSA keys can seal");
    assert_eq!(
        refused("pem/pss.crt"),
        "its key is RSA-PSS (signatures only); only RSA keys can seal"
    );
    assert_eq!(refused("pem/rsa1024.crt"), "its RSA key has 1024 bits; at least 2048 are required");
    assert_eq!(refused("pem/rsa8256.crt"), "its RSA key has 8256 bits, at most 8192 can be used");
}

#[test]
fn other_files_are_reported_by_kind() {
    let refused = |bytes: &[u8]| Certificate::from_pem(bytes).unwrap_err();
    assert_eq!(refused(&read("pem/public.pem")), CertificateError::PublicKey);
    for key in ["vectors/keys/rsa2048.key", "pem/rsa2048-pkcs8.key", "pem/ec-sec1.key"] {
        assert_eq!(refused(&read(key)), CertificateError::PrivateKey);
    }
    assert_eq!(refused(&read("pem/openssh.key")), CertificateError::PrivateKey);
    let label = "CERTIFICATE REQUEST".to_owned();
    assert_eq!(refused(&read("pem/request.pem")), CertificateError::OtherBlock { label });
    assert_eq!(refused(&read("pem/rsa2048.der")), PemError::Der.into());
    assert_eq!(refused(b""), PemError::Empty.into());
    assert_eq!(refused(b"\xef\xbb\xbf\n"), PemError::Empty.into());
    assert_eq!(refused(b"apiVersion: v1\nkind: Secret\n"), PemError::NoBlock.into());
    let block = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(refused(block), CertificateError::Malformed { .. }));
    let empty = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    assert!(matches!(refused(empty), CertificateError::Malformed { .. }));
}

#[test]
fn utf_16_file_is_reported() {
    let utf16: Vec<u8> =
        "\u{feff}-----BEGIN X-----".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Certificate::from_pem(&utf16).unwrap_err(), PemError::Utf16.into());
}

#[test]
fn debug_is_short() {
    let certificate = Certificate::from_pem(&read("pem/expired.crt")).unwrap();
    assert_eq!(
        format!("{certificate:?}"),
        "Certificate { fingerprint: SHA256:KtW2IEbT+COw/YpHY0YPXtPsuOwg+0qvVl1fS3fSsds, \
         modulus_bits: 2048, not_before: 2020-01-01T00:00:00Z, not_after: 2020-02-01T00:00:00Z, .. }"
    );
}
