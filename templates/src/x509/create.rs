//! Certificates, byte for byte as Go's `x509.CreateCertificate` makes them for Sprig.

use std::net::IpAddr;

use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};

use crate::{
    der::{
        Der, GENERALIZED_TIME, OCTET_STRING, PRINTABLE_STRING, SET, UTC_TIME, UTF8_STRING,
        bit_string, constructed, context, integer, sequence, tlv,
    },
    error::Failure,
    keys::{PrivateKey, PublicKey},
    limits::Meter,
    text::Text,
};

/// What a certificate says.
pub(crate) struct Contents<'a> {
    /// Big-endian.
    pub(crate) serial: &'a [u8],
    /// Encoded: see [`name`].
    pub(crate) issuer: &'a [u8],
    /// Encoded: see [`name`].
    pub(crate) subject: &'a [u8],
    /// To the second.
    pub(crate) not_before: Timestamp,
    /// To the second.
    pub(crate) not_after: Timestamp,
    pub(crate) key: &'a PublicKey,
    /// Whether it may sign others.
    pub(crate) is_authority: bool,
    /// The identifier of the issuer's key; none if empty.
    pub(crate) authority_key_id: &'a [u8],
    pub(crate) dns_names: &'a [Text],
    pub(crate) addresses: &'a [IpAddr],
}

/// The certificate in DER, signed with the issuer's key.
pub(crate) fn create(
    meter: &mut Meter<'_>,
    contents: &Contents<'_>,
    signer: &PrivateKey,
) -> Result<Vec<u8>, Failure> {
    let algorithm = signer.signature_algorithm()?;
    let tbs = to_be_signed(contents, algorithm)?;
    let signature = signer.sign(meter, &tbs)?;
    Ok(sequence(&[&tbs, algorithm, &bit_string(&signature)]).to_vec())
}

/// A name of one part, or of none if it is empty.
pub(crate) fn name(common_name: &[u8]) -> Result<Vec<u8>, Failure> {
    if common_name.is_empty() {
        return Ok(sequence(&[]).to_vec());
    }
    if str::from_utf8(common_name).is_err() {
        return Err("the common name is not UTF-8".into());
    }
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte);
    let tag = if common_name.iter().all(printable) { PRINTABLE_STRING } else { UTF8_STRING };
    let attribute = sequence(&[COMMON_NAME, &tlv(tag, &[common_name])]);
    Ok(sequence(&[&tlv(SET, &[&attribute])]).to_vec())
}

/// RFC 5280 §4.1.2.
fn to_be_signed(contents: &Contents<'_>, algorithm: &[u8]) -> Result<Der, Failure> {
    let validity = sequence(&[&time(contents.not_before)?, &time(contents.not_after)?]);
    let extensions = sequence(&[&extensions(contents)?]);
    Ok(sequence(&[
        V3,
        &integer(contents.serial),
        algorithm,
        contents.issuer,
        &validity,
        contents.subject,
        &contents.key.to_der(),
        &tlv(constructed(3), &[&extensions]),
    ]))
}

/// All that there are, one after the other.
fn extensions(contents: &Contents<'_>) -> Result<Vec<u8>, Failure> {
    let usage = if contents.is_authority { AUTHORITY_USAGE } else { USAGE };
    let constraints = if contents.is_authority { AUTHORITY } else { NO_AUTHORITY };
    let mut all = [usage, EXTENDED_USAGE, constraints].concat();
    if contents.is_authority {
        // RFC 7093 §2 method 1, Go's choice since 1.25: the left 160 bits of the key's SHA-256.
        let digest = Sha256::digest(&contents.key.bytes);
        let value = tlv(OCTET_STRING, &[&digest[..20]]);
        all.extend_from_slice(&extension(SUBJECT_KEY_ID, &[], &value));
    }
    if !contents.authority_key_id.is_empty() {
        let value = sequence(&[&tlv(context(0), &[contents.authority_key_id])]);
        all.extend_from_slice(&extension(AUTHORITY_KEY_ID, &[], &value));
    }
    if !contents.dns_names.is_empty() || !contents.addresses.is_empty() {
        // Without a subject there is nothing else to know it by.
        let critical = if contents.subject == &**sequence(&[]) { CRITICAL } else { &[] };
        let names = alternative_names(contents)?;
        all.extend_from_slice(&extension(ALTERNATIVE_NAME, critical, &names));
    }
    Ok(all)
}

fn extension(id: &[u8], critical: &[u8], value: &[u8]) -> Der {
    sequence(&[id, critical, &tlv(OCTET_STRING, &[value])])
}

fn alternative_names(contents: &Contents<'_>) -> Result<Der, Failure> {
    let mut names = Vec::new();
    for name in contents.dns_names {
        if !name.is_ascii() {
            return Err("a DNS name is not ASCII".into());
        }
        names.extend_from_slice(&tlv(context(2), &[name]));
    }
    for address in contents.addresses {
        let bytes = match address.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.extend_from_slice(&tlv(context(7), &[&bytes]));
    }
    Ok(sequence(&[&names]))
}

/// `UTCTime` from 1950 to 2049, `GeneralizedTime` else (RFC 5280 §4.1.2.5).
fn time(time: Timestamp) -> Result<Der, Failure> {
    let time = time.to_zoned(TimeZone::UTC);
    let (tag, format) = match time.year() {
        1950..2050 => (UTC_TIME, "%y%m%d%H%M%SZ"),
        0..=9999 => (GENERALIZED_TIME, "%Y%m%d%H%M%SZ"),
        _ => return Err("the validity leaves the years 0 to 9999".into()),
    };
    Ok(tlv(tag, &[time.strftime(format).to_string().as_bytes()]))
}

/// `[0] EXPLICIT INTEGER 2`
const V3: &[u8] = &[0xa0, 0x03, 0x02, 0x01, 0x02];
/// `BOOLEAN TRUE`
const CRITICAL: &[u8] = &[0x01, 0x01, 0xff];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// 2.5.29.14
const SUBJECT_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0e];
/// 2.5.29.17
const ALTERNATIVE_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
/// 2.5.29.35
const AUTHORITY_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x23];
/// 2.5.29.15, critical: `digitalSignature` and `keyEncipherment`
const USAGE: &[u8] = &[
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x05, 0xa0,
];
/// The same and `keyCertSign`
const AUTHORITY_USAGE: &[u8] = &[
    0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x02, 0xa4,
];
/// 2.5.29.37: `serverAuth` and `clientAuth`
const EXTENDED_USAGE: &[u8] = &[
    0x30, 0x1d, 0x06, 0x03, 0x55, 0x1d, 0x25, 0x04, 0x16, 0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01,
    0x05, 0x05, 0x07, 0x03, 0x01, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02,
];
/// 2.5.29.19, critical: nothing
const NO_AUTHORITY: &[u8] =
    &[0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30, 0x00];
/// 2.5.29.19, critical: `cA` true, no path length
const AUTHORITY: &[u8] = &[
    0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01,
    0xff,
];
