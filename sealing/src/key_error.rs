//! Errors of private keys.

use pki::{Fingerprint, pem::PemError};

use crate::certificate::CertificateError;

/// Why a private key cannot be read or generated. No variant contains a part of the key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The key's certificate cannot be read.
    #[error("its certificate cannot be read: {0}")]
    BadCertificate(#[from] CertificateError),
    /// Only a certificate.
    #[error("it holds a certificate, not a private key")]
    Certificate,
    /// The certificate belongs to another key.
    #[error("its certificate belongs to another key: {certificate}, and the key is {key}")]
    CertificateMismatch {
        /// The private key's fingerprint.
        key: Fingerprint,
        /// The certificate's fingerprint.
        certificate: Fingerprint,
    },
    /// Encrypted with a password.
    #[error("it is encrypted with a password")]
    Encrypted,
    /// The library failed, or there was no randomness.
    #[error("the RSA key could not be generated")]
    Generation,
    /// The block is not an RSA private key of two primes.
    #[error("it is not an RSA private key in PKCS#1 or PKCS#8")]
    Malformed,
    /// A key of another algorithm, which the format does not support.
    #[error("it is {algorithm}; only RSA keys can decrypt")]
    NotRsa {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// PEM with another kind of block.
    #[error("it holds {label}, not a private key")]
    OtherBlock {
        /// The first block's label.
        label: String,
    },
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Only a public key.
    #[error("it holds a public key, not a private key")]
    PublicKey,
    /// The numbers of the key are not consistent.
    #[error("its numbers do not make an RSA key")]
    Rejected,
    /// More than 8192 bits.
    #[error("the RSA key has {bits} bits, at most 8192 can be used")]
    TooLarge {
        /// The size of the modulus.
        bits: usize,
    },
    /// Fewer than 2048 bits.
    #[error("the RSA key has {bits} bits; at least 2048 are required")]
    TooSmall {
        /// The size of the modulus.
        bits: usize,
    },
    /// An unsupported size for a new key.
    #[error("RSA keys of {bits} bits are not generated: it is one of 2048, 3072, 4096, 8192")]
    UnsupportedSize {
        /// The requested size.
        bits: usize,
    },
    /// The validity is negative, or not within the years 1970 to 9999.
    #[error("the certificate's validity ends before it starts, or after the year 9999")]
    Validity,
}

impl From<pki::Error> for KeyError {
    fn from(_: pki::Error) -> Self {
        Self::Generation
    }
}
