//! New key pairs.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use der::{Encode as _, asn1::AnyRef, oid::db::rfc5912};
use pkcs8::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::pkcs8::pkcs1_from_pkcs8;

/// A new key pair that can sign its own certificate.
#[derive(Debug)]
pub struct RsaKeyPair(KeyPair);

/// Why a key pair cannot be generated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// The size is not 2048, 3072, 4096 or 8192 bits.
    #[error("RSA keys of this size are not generated")]
    UnsupportedSize,
    /// The library failed, or there was no randomness.
    #[error("the RSA key could not be generated")]
    Failed,
}

impl RsaKeyPair {
    /// Generates a pair. 4096 bits take about a second of CPU time on the calling thread.
    pub fn generate(bits: usize) -> Result<Self, GenerateError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(GenerateError::UnsupportedSize),
        };
        KeyPair::generate(size).map(Self).map_err(|_| GenerateError::Failed)
    }

    /// Reads a private key in PKCS#1. `None` if its numbers are not consistent.
    pub fn from_pkcs1(pkcs1: &[u8]) -> Option<Self> {
        KeyPair::from_der(pkcs1).ok().map(Self)
    }

    /// The private key in PKCS#1, in DER.
    pub fn to_pkcs1(&self) -> Option<Zeroizing<Vec<u8>>> {
        let pkcs8: Pkcs8V1Der<'_> = self.0.as_der().ok()?;
        pkcs1_from_pkcs8(pkcs8.as_ref()).ok()
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn public_key(&self) -> Option<Vec<u8>> {
        let spki: PublicKeyX509Der<'_> = self.0.public_key().as_der().ok()?;
        Some(spki.as_ref().to_vec())
    }

    /// The `AlgorithmIdentifier` of [`Self::sign`], in DER.
    pub fn signature_algorithm() -> Vec<u8> {
        let oid = rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
        let algorithm = AlgorithmIdentifierRef { oid, parameters: Some(AnyRef::NULL) };
        algorithm.to_der().expect("a constant")
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}
