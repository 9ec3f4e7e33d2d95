//! Public keys, as in certificates.

use super::curve::Curve;
use crate::{
    der::{Der, NULL, algorithm, bit_string, integer, sequence},
    oid,
};

/// A public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    /// The `AlgorithmIdentifier`.
    algorithm: Vec<u8>,
    /// The content of the bit string.
    bytes: Vec<u8>,
}

impl PublicKey {
    /// An RSA key from its modulus and its public exponent, big-endian.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let numbers = sequence(&[&integer(modulus), &integer(exponent)]);
        Self::new(&algorithm(oid::RSA_ENCRYPTION, NULL), &numbers)
    }

    /// An uncompressed point, if it is on the curve.
    pub fn ec(curve: Curve, point: &[u8]) -> Option<Self> {
        curve.has_point(point).then(|| Self::new(&curve.algorithm(), point))
    }

    /// An Ed25519 key (RFC 8032).
    pub fn ed25519(bytes: &[u8]) -> Self {
        Self::new(&algorithm(oid::ED25519, &[]), bytes)
    }

    pub(crate) fn new(algorithm: &[u8], bytes: &[u8]) -> Self {
        Self { algorithm: algorithm.to_vec(), bytes: bytes.to_vec() }
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1) in DER.
    pub fn to_der(&self) -> Der {
        sequence(&[&self.algorithm, &bit_string(&self.bytes)])
    }
}
