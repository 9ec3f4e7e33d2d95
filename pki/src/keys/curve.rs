//! The NIST curves (SEC 1, RFC 5480).

use crate::{
    der::{Der, algorithm, identifier},
    oid,
};

/// A NIST curve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Curve {
    /// secp224r1: recognised, but keys on it cannot be used.
    P224,
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl Curve {
    pub(crate) fn from_oid(oid: &[u8]) -> Option<Self> {
        Some(match oid {
            oid::P224 => Self::P224,
            oid::P256 => Self::P256,
            oid::P384 => Self::P384,
            oid::P521 => Self::P521,
            _ => return None,
        })
    }

    /// The size of secret numbers and of coordinates, in bytes.
    pub fn len_bytes(self) -> usize {
        match self {
            Self::P224 => P224_ORDER.len(),
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(super) fn identifier(self) -> Der {
        identifier(match self {
            Self::P224 => oid::P224,
            Self::P256 => oid::P256,
            Self::P384 => oid::P384,
            Self::P521 => oid::P521,
        })
    }

    /// The `AlgorithmIdentifier` of keys on this curve.
    pub(super) fn algorithm(self) -> Der {
        algorithm(oid::EC_PUBLIC_KEY, &self.identifier())
    }

    /// ECDSA with the digest of the curve's size.
    pub(super) fn signature_algorithm(self) -> &'static [u8] {
        match self {
            Self::P224 | Self::P256 => oid::ECDSA_WITH_SHA256,
            Self::P384 => oid::ECDSA_WITH_SHA384,
            Self::P521 => oid::ECDSA_WITH_SHA512,
        }
    }
    /// Whether these bytes are an uncompressed point of the curve. For P-224 only the form is checked.
    pub(super) fn has_point(self, bytes: &[u8]) -> bool {
        bytes.first() == Some(&4)
            && match self {
                Self::P224 => bytes.len() == 1 + 2 * P224_ORDER.len(),
                Self::P256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
                Self::P384 => p384::PublicKey::from_sec1_bytes(bytes).is_ok(),
                Self::P521 => p521::PublicKey::from_sec1_bytes(bytes).is_ok(),
            }
    }
}

/// The order of P-224.
pub(super) const P224_ORDER: [u8; 28] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x16, 0xa2,
    0xe0, 0xb8, 0xf0, 0x3e, 0x13, 0xdd, 0x29, 0x45, 0x5c, 0x5c, 0x2a, 0x3d,
];
