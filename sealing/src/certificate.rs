//! The public half: an X.509 certificate with an RSA key.

use std::fmt;

use jiff::Timestamp;
use pki::{
    Fingerprint,
    pem::{self, PemError, checked_blocks},
    rsa::{RsaPublicKey, RsaPublicNumbers},
    x509::{CertificateKey, Malformed},
};

/// The smallest RSA modulus, in bits. Smaller keys are insecure, and aws-lc does not decrypt with
/// them.
pub(crate) const MIN_BITS: usize = 2048;
/// The largest RSA modulus, in bits. Larger keys only cost CPU time.
pub(crate) const MAX_BITS: usize = 8192;

/// A sealing certificate: an RSA public key of 2048 to 8192 bits and its validity.
///
/// It contains a key, and proves no identity. Like kubeseal, the reader does not check the
/// signature or the issuer, because any CA may have signed a user's own certificate.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    pub(crate) public_key: RsaPublicKey,
    modulus_bits: usize,
    fingerprint: Fingerprint,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads the first `CERTIFICATE` block of a PEM text of at most 1 MiB.
    ///
    /// It accepts chains, CRLF and text around the blocks. It also accepts an expired certificate:
    /// see [`Certificate::check_validity`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let mut other = None;
        for block in checked_blocks(pem)? {
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
        let certificate = CertificateKey::from_der(der)?;
        if !certificate.algorithm.is_rsa() {
            let algorithm = certificate.algorithm.to_string();
            return Err(CertificateError::NotRsa { algorithm });
        }
        let numbers = RsaPublicNumbers::from_pkcs1(certificate.key)?;
        let modulus_bits = numbers.modulus_bits();
        if modulus_bits < MIN_BITS {
            return Err(CertificateError::KeyTooSmall { bits: modulus_bits });
        }
        if modulus_bits > MAX_BITS {
            return Err(CertificateError::KeyTooLarge { bits: modulus_bits });
        }
        Ok(Self {
            der: der.to_vec(),
            public_key: RsaPublicKey::new(&numbers).ok_or(CertificateError::UnusableKey)?,
            modulus_bits,
            fingerprint: numbers.fingerprint(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        })
    }

    /// The fingerprint of its key, equal to the private key's.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The size of its key in bits.
    pub fn modulus_bits(&self) -> usize {
        self.modulus_bits
    }

    /// The start of its validity, in seconds. Bitnami's controller orders keys by it.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of its validity. `99991231235959Z` (RFC 5280 §4.1.2.5: no end) is the last
    /// instant of a [`Timestamp`].
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Rejects an expired certificate, as kubeseal does before it seals.
    ///
    /// It accepts a certificate that is not valid yet: clocks differ, and otherwise the certificate
    /// of a new cluster could be rejected.
    pub fn check_validity(&self, now: Timestamp) -> Result<(), CertificateError> {
        if now > self.not_after {
            return Err(CertificateError::Expired { not_after: self.not_after });
        }
        Ok(())
    }

    /// The certificate without its chain, in PEM with lines of 64 characters, as Go writes it.
    pub fn to_pem(&self) -> String {
        std::mem::take(&mut *pem::encode("CERTIFICATE", &self.der))
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

/// Why a certificate cannot be read or used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// It has expired.
    #[error("the certificate expired on {not_after}")]
    Expired {
        /// Its last second.
        not_after: Timestamp,
    },
    /// More than 8192 bits.
    #[error("its RSA key has {bits} bits, at most 8192 can be used")]
    KeyTooLarge {
        /// The size of the modulus.
        bits: usize,
    },
    /// Fewer than 2048 bits.
    #[error("its RSA key has {bits} bits; at least 2048 are required")]
    KeyTooSmall {
        /// The size of the modulus.
        bits: usize,
    },
    /// The `CERTIFICATE` block holds no X.509 certificate.
    #[error("it is not an X.509 certificate: {detail}")]
    Malformed {
        /// The DER reader's error and its position.
        detail: String,
    },
    /// A key of another algorithm, which the format does not support.
    #[error("its key is {algorithm}; only RSA keys can seal")]
    NotRsa {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// PEM with another kind of block.
    #[error("it holds {label}, not a CERTIFICATE")]
    OtherBlock {
        /// The first block's label.
        label: String,
    },
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Only a private key.
    #[error("it holds a private key, not a certificate")]
    PrivateKey,
    /// Only a public key.
    #[error("it holds a bare public key, not a certificate")]
    PublicKey,
    /// An RSA key with an even modulus or an exponent out of range.
    #[error("its RSA key is invalid")]
    UnusableKey,
}

impl From<Malformed> for CertificateError {
    fn from(error: Malformed) -> Self {
        Self::Malformed { detail: error.to_string() }
    }
}
