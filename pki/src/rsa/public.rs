//! Public keys.

use std::fmt;

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use der::{
    Decode as _, Encode as _,
    asn1::{BitStringRef, UintRef},
};
use pkcs1::RsaPublicKeyRef;
use pkcs8::spki::SubjectPublicKeyInfoRef;

use super::pkcs8::RSA;
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
pub struct RsaPublicKey(PublicEncryptingKey);

impl RsaPublicKey {
    /// `None` for a size outside 2048 to 8192 bits, and for unusable numbers: an even modulus, or an
    /// exponent out of range.
    pub fn new(numbers: &RsaPublicNumbers<'_>) -> Option<Self> {
        let key = RsaPublicKeyRef {
            modulus: UintRef::new(numbers.modulus).ok()?,
            public_exponent: UintRef::new(numbers.exponent).ok()?,
        };
        let key = key.to_der().ok()?;
        let subject_public_key = BitStringRef::from_bytes(&key).ok()?;
        let key = SubjectPublicKeyInfoRef { algorithm: RSA, subject_public_key };
        PublicEncryptingKey::from_der(&key.to_der().ok()?).ok().map(Self)
    }

    /// RSAES-OAEP (RFC 8017 §7.1.1) with SHA-256 and a label. `None` if there is no randomness, or the
    /// message is too long.
    pub fn encrypt_oaep_sha256(&self, label: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let key = OaepPublicEncryptingKey::new(self.0.clone()).ok()?;
        let mut text = vec![0; key.ciphertext_size()];
        let label = Some(label).filter(|label| !label.is_empty());
        let len = key.encrypt(&OAEP_SHA256_MGF1SHA256, message, &mut text, label).ok()?.len();
        text.truncate(len);
        Some(text)
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPublicKey")
    }
}
