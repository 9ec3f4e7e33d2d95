//! Public keys.

use std::fmt;

use rand::rngs::SysRng;
use rsa::{Oaep, pkcs1::RsaPublicKeyRef};
use sha2::Sha256;

use crate::{fingerprint::Fingerprint, x509::Malformed};

/// Modulus and public exponent, big-endian without leading zeros. They need not be usable.
#[derive(Clone, Copy, Debug)]
pub struct RsaPublicNumbers<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
}

impl<'a> RsaPublicNumbers<'a> {
    /// Reads an `RSAPublicKey` (RFC 8017 §A.1.1).
    pub fn from_pkcs1(der: &'a [u8]) -> Result<Self, Malformed> {
        use der::Decode as _;
        let key = RsaPublicKeyRef::from_der(der)?;
        Ok(Self { modulus: key.modulus.as_bytes(), exponent: key.public_exponent.as_bytes() })
    }

    /// The size of the modulus in bits.
    pub fn modulus_bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |byte| byte.leading_zeros());
        self.modulus.len() * 8 - usize::try_from(unused).expect("at most 8")
    }

    /// The fingerprint of the key.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_rsa(self.modulus, self.exponent)
    }
}

/// A key that encrypts.
#[derive(Clone)]
pub struct RsaPublicKey(rsa::PublicKey);

impl RsaPublicKey {
    /// `None` for numbers that no arithmetic works with: an even modulus, an exponent out of range.
    pub fn new(numbers: &RsaPublicNumbers<'_>) -> Option<Self> {
        let key = RsaPublicKeyRef {
            modulus: rsa::pkcs1::UintRef::new(numbers.modulus).ok()?,
            public_exponent: rsa::pkcs1::UintRef::new(numbers.exponent).ok()?,
        };
        key.try_into().ok().map(Self)
    }

    /// RSAES-OAEP (RFC 8017 §7.1.1) with SHA-256 and a label, padded with randomness of the operating
    /// system. `None` if there is none, or the message is too long.
    pub fn encrypt_oaep_sha256(&self, label: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let padding = Oaep::<Sha256>::new_with_label(label);
        self.0.encrypt(&mut SysRng, padding, message).ok()
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPublicKey")
    }
}
