//! RSAES-OAEP (RFC 8017 §7.1) without a label.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{
    super::cost::exponentiation_steps,
    key::Key,
    sign::{AWS_LC_MIN_BITS, MIN_BITS},
};
use crate::{
    der::{Der, NULL, OCTET_STRING, algorithm, integer, sequence, tlv},
    error::{Error, Meter},
    oid,
};

/// The hash function of the padding and of its mask.
#[derive(Clone, Copy, Debug)]
pub enum OaepDigest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// One error for all causes: to tell them apart would create an oracle (RFC 8017 §7.1.2, note).
const FAILED: Error = Error::Invalid("the ciphertext was not encrypted for this key");

impl Key {
    pub(in crate::keys) fn decrypt_oaep(
        &self,
        meter: &mut dyn Meter,
        digest: OaepDigest,
        ciphertext: &[u8],
    ) -> Result<Der, Error> {
        let (bits, len) = (self.modulus_bits(), self.modulus.len());
        if bits < MIN_BITS {
            return Err("the RSA key is too small to decrypt".into());
        }
        let zeros = len.checked_sub(ciphertext.len()).ok_or(FAILED)?;
        let padded = [&vec![0; zeros][..], ciphertext].concat();
        if padded >= self.modulus || len < 2 * digest.len_bytes() + 2 {
            return Err(FAILED);
        }
        meter.steps(exponentiation_steps(u32::try_from(bits).map_err(|_| FAILED)?))?;
        meter.bytes(8 * len)?;
        if bits >= AWS_LC_MIN_BITS {
            self.decrypt_with_aws_lc(digest, &padded)
        } else {
            unpad(digest, self.private_power(&padded)?)
        }
    }

    fn decrypt_with_aws_lc(&self, digest: OaepDigest, ciphertext: &[u8]) -> Result<Der, Error> {
        let pkcs8 = sequence(&[
            &integer(&[0]),
            &algorithm(oid::RSA_ENCRYPTION, NULL),
            &tlv(OCTET_STRING, &[&self.to_der()]),
        ]);
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(|_| FAILED)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| FAILED)?;
        let mut buffer = Zeroizing::new(vec![0; key.min_output_size()]);
        let message = key.decrypt(digest.algorithm(), ciphertext, &mut buffer, None);
        Ok(Der::new(message.map_err(|_| FAILED)?.to_vec()))
    }
}

/// Removes the padding. The time does not depend on the error in it.
fn unpad(digest: OaepDigest, mut encoded: Der) -> Result<Der, Error> {
    let hash_len = digest.len_bytes();
    let (first, rest) = encoded.split_at_mut(1);
    let (seed, block) = rest.split_at_mut(hash_len);
    digest.mask(seed, block);
    digest.mask(block, seed);

    let mut is_valid = first[0].ct_eq(&0) & block[..hash_len].ct_eq(&digest.hash(&[]));
    let message = &block[hash_len..];
    let (mut start, mut is_padding) = (0_u64, Choice::from(1));
    for (index, byte) in (1_u64..).zip(message) {
        let is_end = is_padding & byte.ct_eq(&1);
        start.conditional_assign(&index, is_end);
        is_valid &= !is_padding | is_end | byte.ct_eq(&0);
        is_padding &= !is_end;
    }
    if !bool::from(is_valid & !is_padding) {
        return Err(FAILED);
    }
    let start = usize::try_from(start).map_err(|_| FAILED)?;
    Ok(Der::new(message[start..].to_vec()))
}

impl OaepDigest {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }

    fn len_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// MGF1 (RFC 8017 §B.2.1): masks `target` with bytes derived from `seed`.
    fn mask(self, target: &mut [u8], seed: &[u8]) {
        for (counter, chunk) in (0_u32..).zip(target.chunks_mut(self.len_bytes())) {
            let input = Zeroizing::new([seed, &counter.to_be_bytes()].concat());
            let mask = Zeroizing::new(self.hash(&input));
            chunk.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::{error::Unlimited, testing::random};

    /// RSAES-OAEP encryption with a fixed seed.
    fn encrypt(key: &Key, digest: OaepDigest, message: &[u8], separator: u8) -> Vec<u8> {
        let (len, hash_len) = (key.modulus.len(), digest.len_bytes());
        let zeros = vec![0; len - message.len() - 2 * hash_len - 2];
        let mut block = [&digest.hash(&[])[..], &zeros, &[separator], message].concat();
        let mut seed = vec![7; hash_len];
        digest.mask(&mut block, &seed);
        digest.mask(&mut seed, &block);
        let encoded = BigUint::from_bytes_be(&[seed, block].concat());
        let modulus = BigUint::from_bytes_be(&key.modulus);
        encoded.modpow(&BigUint::from(key.exponent), &modulus).to_bytes_be()
    }

    #[test]
    fn small_and_large_keys_decrypt_what_was_encrypted_for_them() {
        for bits in [1024, 2048] {
            let key = Key::generate(&mut Unlimited, &mut random(1), bits).expect("a key");
            for digest in [OaepDigest::Sha1, OaepDigest::Sha256] {
                for message in [&b""[..], b"\x01", b"\x00\x01 message"] {
                    let text = encrypt(&key, digest, message, 1);
                    let found = key.decrypt_oaep(&mut Unlimited, digest, &text);
                    assert_eq!(found.expect("a message").as_slice(), message, "{bits}");
                }
                for (text, used) in [
                    (encrypt(&key, digest, b"message", 2), digest),
                    (encrypt(&key, digest, b"\0\0\0", 0), digest),
                    (encrypt(&key, OaepDigest::Sha256, b"message", 1), OaepDigest::Sha1),
                    (key.modulus.clone(), digest),
                    (vec![1; key.modulus.len() + 1], digest),
                    (Vec::new(), digest),
                ] {
                    let found = key.decrypt_oaep(&mut Unlimited, used, &text);
                    assert_eq!(found, Err(FAILED), "{bits}");
                }
            }
        }
    }
}
