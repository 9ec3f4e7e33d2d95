//! The key and the validity of a certificate.

use std::fmt;

use der::{
    Decode as _, Reader, SliceReader,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier},
    oid::db::{rfc5912, rfc8410},
};
use jiff::Timestamp;
use x509_cert::{
    spki::SubjectPublicKeyInfoRef,
    time::{Time, Validity},
};

/// The validity and the key of a certificate (RFC 5280 §4.1).
///
/// This skips names and extensions: users' own certificates may violate the rules there, and
/// `x509-cert` sorts the parts of a name in quadratic time. Signatures are not checked.
#[derive(Clone, Debug)]
pub struct CertificateKey<'a> {
    /// The start of the validity.
    pub not_before: Timestamp,
    /// The last second of the validity. `99991231235959Z` (RFC 5280 §4.1.2.5: no end) is
    /// [`Timestamp::MAX`].
    pub not_after: Timestamp,
    /// The algorithm of the key.
    pub algorithm: KeyAlgorithm,
    /// The key, in the encoding of its algorithm.
    pub key: &'a [u8],
}

impl<'a> CertificateKey<'a> {
    /// Reads one certificate in DER.
    pub fn from_der(der: &'a [u8]) -> Result<Self, Malformed> {
        let (validity, spki) = fields(der)?;
        Ok(Self {
            not_before: timestamp(validity.not_before),
            not_after: timestamp(validity.not_after),
            algorithm: KeyAlgorithm(spki.algorithm.oid),
            key: spki.subject_public_key.as_bytes().unwrap_or_default(),
        })
    }
}

/// The algorithm of a key. `Display` gives its usual name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyAlgorithm(ObjectIdentifier);

impl KeyAlgorithm {
    /// Whether it is RSA for encryption and signatures (RFC 8017 §C).
    pub fn is_rsa(self) -> bool {
        self.0 == rfc5912::RSA_ENCRYPTION
    }

    pub(crate) fn new(oid: ObjectIdentifier) -> Self {
        Self(oid)
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const X9_57_DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
        f.write_str(match self.0 {
            rfc5912::RSA_ENCRYPTION => "RSA",
            rfc5912::ID_EC_PUBLIC_KEY => "EC",
            rfc5912::ID_RSASSA_PSS => "RSA-PSS (signatures only)",
            rfc8410::ID_ED_25519 => "Ed25519",
            rfc8410::ID_ED_448 => "Ed448",
            rfc8410::ID_X_25519 => "X25519",
            X9_57_DSA => "DSA",
            oid => return write!(f, "of algorithm {oid}"),
        })
    }
}

/// The bytes are not the expected DER.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl From<der::Error> for Malformed {
    fn from(error: der::Error) -> Self {
        Self(error.to_string())
    }
}

fn fields(der: &[u8]) -> der::Result<(Validity, SubjectPublicKeyInfoRef<'_>)> {
    let mut outer = SliceReader::new(der)?;
    let fields = outer.sequence(|certificate| {
        let fields = certificate.sequence(|tbs: &mut SliceReader<'_>| {
            if tbs.peek_byte() == Some(VERSION_TAG) {
                AnyRef::decode(tbs)?;
            }
            let _serial = AnyRef::decode(tbs)?;
            let _signature_algorithm = AnyRef::decode(tbs)?;
            let _issuer = AnyRef::decode(tbs)?;
            let validity = Validity::decode(tbs)?;
            let _subject = AnyRef::decode(tbs)?;
            let spki = SubjectPublicKeyInfoRef::decode(tbs)?;
            while !tbs.is_finished() {
                AnyRef::decode(tbs)?;
            }
            der::Result::Ok((validity, spki))
        })?;
        let _signature_algorithm = AnyRef::decode(certificate)?;
        let _signature = BitStringRef::decode(certificate)?;
        der::Result::Ok(fields)
    })?;
    outer.finish()?;
    Ok(fields)
}

/// `[0] EXPLICIT`, constructed.
const VERSION_TAG: u8 = 0xa0;

fn timestamp(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
