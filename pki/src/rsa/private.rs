//! Private keys.

use std::fmt;

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use der::Decode as _;
use pkcs1::RsaPrivateKeyRef;
use zeroize::Zeroizing;

use super::{pkcs8::pkcs8_from_pkcs1, public::RsaPublicNumbers};

/// A key that decrypts. Its bytes are wiped when it is dropped.
pub struct RsaPrivateKey {
    decrypting: OaepPrivateDecryptingKey,
    pkcs1: Zeroizing<Vec<u8>>,
    modulus: Vec<u8>,
}

impl RsaPrivateKey {
    /// A key of 2048 to 8192 bits in PKCS#1. `None` if its numbers are not consistent.
    ///
    /// Callers check the size first, see [`public_numbers`]: to check large numbers takes long.
    pub fn from_pkcs1(pkcs1: Zeroizing<Vec<u8>>) -> Option<Self> {
        let modulus = public_numbers(&pkcs1)?.modulus.to_vec();
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8_from_pkcs1(&pkcs1)?).ok()?;
        Some(Self { decrypting: OaepPrivateDecryptingKey::new(key).ok()?, pkcs1, modulus })
    }

    /// The key in PKCS#1, in DER.
    pub fn pkcs1(&self) -> &[u8] {
        &self.pkcs1
    }

    /// The modulus, big-endian without leading zeros.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// RSAES-OAEP (RFC 8017 §7.1.2) with SHA-256 and a label, in constant time. `None` for any failure:
    /// to tell failures apart would create an oracle (RFC 8017 §7.1.2, note).
    pub fn decrypt_oaep_sha256(&self, label: &[u8], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let label = Some(label).filter(|label| !label.is_empty());
        let len =
            self.decrypting.decrypt(&OAEP_SHA256_MGF1SHA256, text, &mut buffer, label).ok()?.len();
        buffer.truncate(len);
        Some(buffer)
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPrivateKey")
    }
}

/// The public numbers of a PKCS#1 private key. `None` if it is malformed.
///
/// It rejects a number that is longer than the modulus, and a third prime. aws-lc-rs would reject both,
/// but only after arithmetic on numbers of any length in a hostile file.
pub fn public_numbers(pkcs1: &[u8]) -> Option<RsaPublicNumbers<'_>> {
    let key = RsaPrivateKeyRef::from_der(pkcs1).ok()?;
    let modulus = key.modulus.as_bytes();
    let numbers = [
        key.public_exponent,
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    let is_too_long = numbers.iter().any(|number| number.as_bytes().len() > modulus.len());
    if is_too_long || key.other_prime_infos.is_some() {
        return None;
    }
    Some(RsaPublicNumbers { modulus, exponent: key.public_exponent.as_bytes() })
}
