//! The public half: an X.509 certificate with an RSA key.

use std::fmt;

use jiff::Timestamp;
use rsa::pkcs1::RsaPublicKeyRef;
use x509_cert::{
    der::{
        self, Decode as _, Reader, SliceReader,
        asn1::{AnyRef, BitStringRef, ObjectIdentifier},
        oid::db::{rfc5912, rfc8410},
        pem::LineEnding,
    },
    spki::SubjectPublicKeyInfoRef,
    time::{Time, Validity},
};

use crate::{
    fingerprint::Fingerprint,
    pem::{self, PemError},
};

/// The smallest RSA modulus, in bits. Smaller ones are broken, and aws-lc would not open with them.
pub(crate) const MIN_BITS: usize = 2048;
/// The largest RSA modulus, in bits. Larger ones serve only to burn the CPU of who reads them.
pub(crate) const MAX_BITS: usize = 8192;

/// A sealing certificate: an RSA public key of 2048 to 8192 bits and how long it is to be used.
///
/// A carrier of a key, not a proof of identity: neither the signature nor the issuer is looked at,
/// as the peer does not (certificates of users' own are signed by any CA).
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    pub(crate) public_key: rsa::PublicKey,
    modulus_bits: usize,
    fingerprint: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads the first `CERTIFICATE` block of a PEM text of at most 1 MiB.
    ///
    /// Chains, CRLF and text around the blocks are fine. An expired certificate is read too: see
    /// [`Certificate::check_validity`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let mut other = None;
        for block in pem::blocks(pem)? {
            let block = block?;
            if block.label == "CERTIFICATE" {
                return Self::from_der(&block.decode()?);
            }
            other.get_or_insert(block.label);
        }
        Err(match other {
            None => PemError::NoBlock.into(),
            Some("PUBLIC KEY" | "RSA PUBLIC KEY") => CertificateError::PublicKey,
            Some(label) if label.ends_with("PRIVATE KEY") => CertificateError::PrivateKey,
            Some(label) => CertificateError::OtherBlock { label: label.to_owned() },
        })
    }

    /// Reads one certificate in DER.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (validity, spki) = fields(der)?;
        if spki.algorithm.oid != rfc5912::RSA_ENCRYPTION {
            return Err(CertificateError::NotRsa { algorithm: algorithm_name(spki.algorithm.oid) });
        }
        let key = spki.subject_public_key.as_bytes().unwrap_or_default();
        let key = RsaPublicKeyRef::from_der(key)?;
        let modulus = key.modulus.as_bytes();
        let modulus_bits = bits(modulus);
        if modulus_bits < MIN_BITS {
            return Err(CertificateError::KeyTooSmall { bits: modulus_bits });
        }
        if modulus_bits > MAX_BITS {
            return Err(CertificateError::KeyTooLarge { bits: modulus_bits });
        }
        let fingerprint = Fingerprint::of_rsa(modulus, key.public_exponent.as_bytes());
        Ok(Self {
            der: der.to_vec(),
            public_key: key.try_into().map_err(|_| CertificateError::UnusableKey)?,
            modulus_bits,
            fingerprint,
            not_before: timestamp(validity.not_before),
            not_after: timestamp(validity.not_after),
        })
    }

    /// The name of its key, equal to the private key's.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The size of its key in bits.
    pub fn modulus_bits(&self) -> usize {
        self.modulus_bits
    }

    /// The start of its validity, which the peer orders keys by. To the second.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity. `99991231235959Z` (RFC 5280 §4.1.2.5: no end) is the last
    /// instant that a [`Timestamp`] can hold.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Refuses an expired certificate, as kubeseal does before it seals.
    ///
    /// One that is not valid yet is let through: with clocks that differ, the certificate of a new
    /// cluster would be refused for no gain.
    pub fn check_validity(&self, now: Timestamp) -> Result<(), CertificateError> {
        if now > self.not_after {
            return Err(CertificateError::Expired { not_after: self.not_after });
        }
        Ok(())
    }

    /// The certificate alone, in PEM with lines of 64 characters, as Go writes it.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("CERTIFICATE", LineEnding::LF, &self.der)
            .expect("a PEM label and a length that fits in memory")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("fingerprint", &self.fingerprint)
            .field("modulus_bits", &self.modulus_bits)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Why a certificate cannot be read, or not be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// Its time is over.
    #[error("the certificate expired on {not_after}")]
    Expired {
        /// Its last second.
        not_after: Timestamp,
    },
    /// More than 8192 bits.
    #[error("its RSA key has {bits} bits, at most 8192 can be used")]
    KeyTooLarge {
        /// The modulus's size.
        bits: usize,
    },
    /// Fewer than 2048 bits.
    #[error("its RSA key has {bits} bits, at least 2048 are needed")]
    KeyTooSmall {
        /// The modulus's size.
        bits: usize,
    },
    /// The `CERTIFICATE` block holds no X.509 certificate.
    #[error("it is not an X.509 certificate: {detail}")]
    Malformed {
        /// What the DER reader met, and where.
        detail: String,
    },
    /// A key of an algorithm that the format does not have.
    #[error("its key is {algorithm}; only RSA keys can seal")]
    NotRsa {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// PEM, but of something else.
    #[error("it holds {label}, not a CERTIFICATE")]
    OtherBlock {
        /// The first block's label.
        label: String,
    },
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A private key alone.
    #[error("it holds a private key, not a certificate")]
    PrivateKey,
    /// A public key alone.
    #[error("it holds a bare public key, not a certificate")]
    PublicKey,
    /// An RSA key that no arithmetic works with: an even modulus, an exponent out of range.
    #[error("its RSA key is invalid")]
    UnusableKey,
}

impl From<der::Error> for CertificateError {
    fn from(error: der::Error) -> Self {
        Self::Malformed { detail: error.to_string() }
    }
}

/// The bits of a big-endian number without leading zero bytes.
pub(crate) fn bits(modulus: &[u8]) -> usize {
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
    modulus.len() * 8 - usize::try_from(unused).expect("at most 8")
}

/// What people call a public-key algorithm.
pub(crate) fn algorithm_name(oid: ObjectIdentifier) -> String {
    const X9_57_DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
    let name = match oid {
        rfc5912::ID_EC_PUBLIC_KEY => "EC",
        rfc5912::ID_RSASSA_PSS => "RSA-PSS (signatures only)",
        rfc8410::ID_ED_25519 => "Ed25519",
        rfc8410::ID_ED_448 => "Ed448",
        rfc8410::ID_X_25519 => "X25519",
        X9_57_DSA => "DSA",
        _ => return format!("of algorithm {oid}"),
    };
    name.to_owned()
}

/// Validity and key of a certificate (RFC 5280 §4.1).
///
/// Names and extensions are stepped over, not read: they play no part in sealing, users' own
/// certificates bend the rules there, and `x509-cert` sorts a name's parts in quadratic time.
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
