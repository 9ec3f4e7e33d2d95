//! Signatures, and the private-key operation of small keys.

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use crypto_bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    super::cost::exponentiation_steps,
    key::{INCONSISTENT, Key},
    number::{copy, number},
};
use crate::{
    der::Der,
    error::{Error, Meter},
};

/// The smallest modulus that Go signs and decrypts with.
pub(super) const MIN_BITS: usize = 1024;
/// The smallest modulus that aws-lc-rs accepts.
pub(super) const AWS_LC_MIN_BITS: usize = 2048;

/// `DigestInfo` up to the digest (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

impl Key {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
    pub(in crate::keys) fn sign(
        &self,
        meter: &mut dyn Meter,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let bits = self.modulus_bits();
        if bits < MIN_BITS {
            return Err("the RSA key is too small to sign".into());
        }
        meter.steps(exponentiation_steps(u32::try_from(bits).map_err(|_| INCONSISTENT)?))?;
        if bits >= AWS_LC_MIN_BITS {
            let pair = KeyPair::from_der(&self.to_der()).map_err(|_| INCONSISTENT)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                .map_err(|_| INCONSISTENT)?;
            return Ok(signature);
        }
        let digest = Sha256::digest(message);
        let padding = self.modulus.len() - 3 - SHA256_DIGEST_INFO.len() - digest.len();
        let encoded =
            [&[0, 1], &vec![0xff; padding][..], &[0], SHA256_DIGEST_INFO, &digest].concat();
        Ok(self.private_power(&encoded)?.to_vec())
    }

    pub(super) fn modulus_bits(&self) -> usize {
        let zeros = self.modulus.first().map_or(0, |byte| byte.leading_zeros());
        self.modulus.len() * 8 - zeros as usize
    }

    /// The power of a number, less than the modulus, with the private exponent.
    pub(super) fn private_power(&self, base: &[u8]) -> Result<Der, Error> {
        let number = |bytes: &[u8]| number(bytes, self.modulus.len()).ok_or(INCONSISTENT);
        let modulus = number(&self.modulus)?;
        let exponent = number(&self.private_exponent)?;
        let base = number(base)?;
        let modulus = Odd::new(BoxedUint::clone(&modulus)).into_option().ok_or(INCONSISTENT)?;
        let modulus = BoxedMontyParams::new_vartime(modulus);
        let power = BoxedMontyForm::new(BoxedUint::clone(&base), &modulus).pow(&exponent);
        // The result after a hardware fault could reveal the key.
        let public = BoxedUint::from(self.exponent);
        if power.pow(&public).retrieve() != *base {
            return Err(INCONSISTENT);
        }
        let power = Zeroizing::new(power.retrieve());
        let bytes = Zeroizing::new(power.to_be_bytes().into_vec());
        let unused = bytes.len() - self.modulus.len();
        Ok(copy(&bytes[unused..]))
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::{error::Unlimited, testing::random};

    fn is_signature(key: &Key, signature: &[u8], message: &[u8]) -> bool {
        let big = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let opened = big(signature).modpow(&BigUint::from(key.exponent), &big(&key.modulus));
        let opened = opened.to_bytes_be();
        (signature.len(), opened.len(), opened[0]) == (key.modulus.len(), key.modulus.len() - 1, 1)
            && opened.ends_with(&Sha256::digest(message))
    }

    #[test]
    fn signatures_of_small_and_large_keys_verify() {
        for bits in [1024, 2048] {
            let mut key = Key::generate(&mut Unlimited, &mut random(1), bits).expect("a key");
            let signature = key.sign(&mut Unlimited, b"message").expect("a signature");
            assert!(is_signature(&key, &signature, b"message"), "{bits}");
            let padded = [&[0, 1], &vec![0xff; key.modulus.len() - 54][..], &[0]].concat();
            let encoded = [&padded, SHA256_DIGEST_INFO, &Sha256::digest(b"message")].concat();
            assert_eq!(*key.private_power(&encoded).expect("a power"), signature);

            // Go writes the larger prime first. Other programs may not.
            key.primes.swap(0, 1);
            let [q, p] = &key.primes;
            let swapped = Key::from_numbers(&key.modulus, 65_537, &key.private_exponent, q, p)
                .expect("a key");
            assert_eq!(swapped.sign(&mut Unlimited, b"message"), Ok(signature), "{bits}");
        }
    }

    #[test]
    fn keys_below_1024_bits_do_not_sign() {
        let small = Key::generate(&mut Unlimited, &mut random(1), 512).expect("a key");
        assert!(small.sign(&mut Unlimited, b"message").is_err());
    }
}
