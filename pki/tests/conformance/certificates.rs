//! Certificates that Sprig made.

use std::net::IpAddr;

use der::{Decode as _, Encode as _};
use jiff::Timestamp;
use pki::{
    Error, pem,
    x509::{AlternativeName, Certificate, CertificateKey, NewCertificate, Purpose},
};
use x509_cert::ext::pkix::BasicConstraints;

/// Decodes a certificate with `x509-cert`, and creates it again from its fields. `None` for dates
/// before 1970, which `x509-cert` rejects.
fn remake(der: &[u8]) -> Option<Vec<u8>> {
    let decoded = x509_cert::Certificate::from_der(der).ok()?;
    let tbs = decoded.tbs_certificate();
    let validity = CertificateKey::from_der(der).expect("a validity");
    let certificate = Certificate::parse(der).expect("a certificate");
    let (mut dns_names, mut addresses): (Vec<&[u8]>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    for name in certificate.alternative_names() {
        match name {
            AlternativeName::Dns(name) => dns_names.push(name),
            AlternativeName::Ip(address) => addresses.push(address),
            other => panic!("{other:?}"),
        }
    }
    let constraints = tbs.get_extension::<BasicConstraints>().expect("constraints");
    let new = NewCertificate {
        serial: tbs.serial_number().as_bytes(),
        issuer: &tbs.issuer().to_der().expect("a name"),
        subject: certificate.subject,
        not_before: validity.not_before,
        not_after: validity.not_after,
        public_key: &certificate.key.as_ref().expect("a key").to_der(),
        purpose: Purpose::Tls,
        is_authority: constraints.expect("constraints").1.ca,
        authority_key_id: certificate.authority_key_id.unwrap_or_default(),
        dns_names: &dns_names,
        addresses: &addresses,
    };
    let algorithm = decoded.signature_algorithm().to_der().expect("an algorithm");
    let signature = decoded.signature().raw_bytes().to_vec();
    Some(new.sign::<Error>(&algorithm, |_| Ok(signature)).expect("a certificate"))
}

#[test]
fn remade_certificates_match_sprig_byte_for_byte() {
    let text = super::read("sprig-certificates.pem");
    let blocks: Vec<_> = pem::blocks(text.as_bytes()).collect();
    assert_eq!(blocks.len(), 43);
    let mut with_early_dates = 0;
    for block in blocks {
        let Some(remade) = remake(&block.bytes) else {
            with_early_dates += 1;
            continue;
        };
        let remade = pem::encode("CERTIFICATE", &remade);
        assert_eq!(*remade, String::from_utf8_lossy(&block.encode()));
    }
    assert_eq!(with_early_dates, 2);
}

#[test]
fn dates_before_1970_are_encoded_as_go_does() {
    let name = pki::x509::common_name(b"x").expect("a name");
    let text = super::read("sprig-certificates.pem");
    let block = pem::first_block(text.as_bytes()).expect("a certificate");
    let key = Certificate::parse(&block.bytes).expect("a certificate").key.expect("a key").to_der();
    for (date, digits) in [
        ("1949-12-31T23:59:59Z", &b"19491231235959Z"[..]),
        ("1950-01-01T00:00:00Z", b"\x17\x0d500101000000Z"),
        ("2049-12-31T23:59:59Z", b"\x17\x0d491231235959Z"),
        ("2050-01-01T00:00:00Z", b"\x18\x0f20500101000000Z"),
    ] {
        let date: Timestamp = date.parse().expect("a date");
        let new = NewCertificate {
            serial: &[0, 1],
            issuer: &name,
            subject: &name,
            not_before: date,
            not_after: date,
            public_key: &key,
            purpose: Purpose::Tls,
            is_authority: false,
            authority_key_id: &[],
            dns_names: &[],
            addresses: &[],
        };
        let der = new.sign::<Error>(&[0x30, 0], |_| Ok(vec![0; 8])).expect("a certificate");
        assert!(der.windows(digits.len()).any(|window| window == digits), "{date}");
    }
}
