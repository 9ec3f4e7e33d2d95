//! The certificate that the peer's controller makes for a new key.
//!
//! Byte for byte what Go's `x509.CreateCertificate` writes for the peer's template: a tool that
//! compares or parses the certificates of a mixed fleet meets one shape. Written by hand because
//! the builder of `x509-cert` has opinions on names and extensions.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};

use crate::key::{KeyError, count_operation};

/// What a certificate says beside its key.
pub(crate) struct Contents<'a> {
    /// A number of 128 random bits, big-endian.
    pub(crate) serial: [u8; 16],
    /// Subject and issuer. Empty is a name without parts, as the peer's default.
    pub(crate) common_name: &'a str,
    /// To the second.
    pub(crate) not_before: Timestamp,
    /// To the second.
    pub(crate) not_after: Timestamp,
}

/// The certificate in DER, signed with its own key: one private-key operation.
pub(crate) fn certificate(contents: &Contents<'_>, key: &KeyPair) -> Result<Vec<u8>, KeyError> {
    let tbs = tbs_certificate(contents, key.public_key().as_ref())?;
    let mut signature = vec![0; key.public_modulus_len()];
    count_operation();
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &tbs, &mut signature)
        .map_err(|_| KeyError::Generation)?;
    Ok(sequence(&[&tbs, SHA256_WITH_RSA, &bit_string(&signature)]))
}

/// RFC 5280 §4.1. `public_key` is an `RSAPublicKey` (RFC 8017 §A.1.1).
fn tbs_certificate(contents: &Contents<'_>, public_key: &[u8]) -> Result<Vec<u8>, KeyError> {
    let name = name(contents.common_name);
    let validity = sequence(&[&time(contents.not_before)?, &time(contents.not_after)?]);
    let spki = sequence(&[RSA_ENCRYPTION, &bit_string(public_key)]);
    // RFC 7093 §2 method 1, Go's choice since 1.25: the left 160 bits of the key's SHA-256.
    let key_id = &Sha256::digest(public_key)[..20];
    let key_id = [&[0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14], key_id];
    let extensions = sequence(&[KEY_USAGE, BASIC_CONSTRAINTS, &key_id.concat()]);
    Ok(sequence(&[
        V3,
        &integer(&contents.serial),
        SHA256_WITH_RSA,
        &name,
        &validity,
        &name,
        &spki,
        &tlv(EXTENSIONS, &[&extensions]),
    ]))
}

/// One relative name of one attribute; none if `common_name` is empty.
fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    let string = if common_name.bytes().all(printable) { PRINTABLE_STRING } else { UTF8_STRING };
    let value = tlv(string, &[common_name.as_bytes()]);
    sequence(&[&tlv(SET, &[&sequence(&[COMMON_NAME, &value])])])
}

/// `UTCTime` to 2049, `GeneralizedTime` from 2050 (RFC 5280 §4.1.2.5).
fn time(time: Timestamp) -> Result<Vec<u8>, KeyError> {
    let time = time.to_zoned(TimeZone::UTC);
    match time.year() {
        1970..2050 => Ok(tlv(UTC_TIME, &[time.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()])),
        2050..=9999 => {
            Ok(tlv(GENERALIZED_TIME, &[time.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()]))
        }
        _ => Err(KeyError::Validity),
    }
}

/// A number that is not negative, big-endian with any leading zeros.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let sign: &[u8] = if number.first().is_none_or(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    tlv(INTEGER, &[sign, number])
}

fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], bytes])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, parts)
}

/// Tag, length and value in DER.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut bytes = vec![tag];
    if let Ok(len @ ..0x80) = u8::try_from(value.len()) {
        bytes.push(len);
    } else {
        let len = value.len().to_be_bytes();
        let len = &len[len.iter().take_while(|byte| **byte == 0).count()..];
        bytes.push(0x80 | u8::try_from(len.len()).expect("a usize has at most 8 bytes"));
        bytes.extend_from_slice(len);
    }
    bytes.extend(value);
    bytes
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXTENSIONS: u8 = 0xa3;

/// `[0] EXPLICIT INTEGER 2`
const V3: &[u8] = &[0xa0, 0x03, 0x02, 0x01, 0x02];
/// 1.2.840.113549.1.1.1 and NULL
const RSA_ENCRYPTION: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// 1.2.840.113549.1.1.11 and NULL
const SHA256_WITH_RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// 2.5.29.15, critical, the one bit `encipherOnly`
const KEY_USAGE: &[u8] = &[
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x00, 0x01,
];
/// 2.5.29.19, critical, `cA` true, no path length
const BASIC_CONSTRAINTS: &[u8] = &[
    0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01,
    0xff,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{certificate::Certificate, private_der};

    /// The key of the certificates that `tests/pem/make` has Go write.
    fn peer_key() -> KeyPair {
        let pkcs1 = private_der::from_pem(include_bytes!("../tests/pem/peer.key")).unwrap();
        KeyPair::from_der(&pkcs1).unwrap()
    }

    #[test]
    fn the_certificate_is_the_peer_s_byte_for_byte() {
        let [ten, thirty] = ["2036-01-02T03:04:05Z", "2056-01-02T03:04:05Z"];
        for (pem, common_name, serial, not_after) in [
            (
                &include_bytes!("../tests/pem/peer-no-cn.crt")[..],
                "",
                0xfedc_ba98_7654_3210_0123_4567_89ab_cdef_u128,
                ten,
            ),
            (
                include_bytes!("../tests/pem/peer-printable-cn.crt"),
                "seal (a): b=c?",
                0x7edc_ba98_7654_3210_0123_4567_89ab_cdef,
                thirty,
            ),
            (
                include_bytes!("../tests/pem/peer-utf8-cn.crt"),
                "sceau* é",
                0xba98_7654_3210_0123_4567_89ab_cdef,
                ten,
            ),
        ] {
            let contents = Contents {
                serial: serial.to_be_bytes(),
                common_name,
                not_before: "2026-01-02T03:04:05.9Z".parse().unwrap(),
                not_after: not_after.parse().unwrap(),
            };
            let der = certificate(&contents, &peer_key()).unwrap();
            let ours = Certificate::from_der(&der).unwrap().to_pem();
            assert_eq!(ours, String::from_utf8_lossy(pem), "{common_name:?}");
        }
    }

    #[test]
    fn numbers_are_positive_and_minimal() {
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0, 0x80]), [2, 2, 0, 0x80]);
    }

    #[test]
    fn lengths_grow_with_their_values() {
        assert_eq!(tlv(4, &[&[0; 0x7f]])[..2], [4, 0x7f]);
        assert_eq!(tlv(4, &[&[0; 0x80]])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv(4, &[&[0; 0x100]])[..4], [4, 0x82, 1, 0]);
    }
}
