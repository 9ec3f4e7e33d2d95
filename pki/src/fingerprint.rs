//! The fingerprint of a key pair.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The OpenSSH SHA-256 fingerprint of an RSA public key, as `ssh-keygen -l` prints it.
///
/// `Display` gives `SHA256:` and 43 characters of base64. Bitnami's controller and its logs use the
/// same names for keys.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the key with these numbers, big-endian without leading zeros.
    pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let mut hash = Sha256::new();
        // RFC 4253 §6.6: string "ssh-rsa", mpint e, mpint n.
        for (sign, field) in [(false, &b"ssh-rsa"[..]), (true, exponent), (true, modulus)] {
            // An mpint is signed: one zero byte keeps a number positive (RFC 4251 §5).
            let zero = sign && field.first().is_some_and(|byte| byte & 0x80 != 0);
            let len = u32::try_from(field.len() + usize::from(zero));
            hash.update(len.expect("a modulus of at most 1 KiB").to_be_bytes());
            hash.update(&[0][..usize::from(zero)]);
            hash.update(field);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}
