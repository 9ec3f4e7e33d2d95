//! RSAES-OAEP (RFC 8017 §7.1) without a label.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Key, MIN_SIGNING_BITS};
use crate::{error::Failure, keys::prime::power, limits::Meter, text::Buffer};

/// The hash function of the padding, and of its mask.
#[derive(Clone, Copy)]
pub(crate) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// One error for all: which it was would help who guesses.
const FAILED: Failure = Failure::Because("the text was not encrypted for this key");

impl Key {
    pub(crate) fn decrypt_oaep(
        &self,
        meter: &mut Meter<'_>,
        digest: Digest,
        ciphertext: &[u8],
    ) -> Result<Buffer, Failure> {
        let len = self.modulus.len();
        let modulus = self.number(&self.modulus).ok_or(FAILED)?;
        let bits = modulus.bit_width_vartime();
        if bits < MIN_SIGNING_BITS {
            return Err("the RSA key is too small to decrypt".into());
        }
        let hash_len = digest.hash(&[]).len();
        if ciphertext.len() > len || len < 2 * hash_len + 2 {
            return Err(FAILED);
        }
        let number = self.number(ciphertext).filter(|number| **number < *modulus).ok_or(FAILED)?;
        drop(number);
        meter.steps(power(bits))?;
        meter.bytes(8 * len)?;
        let mut encoded = self.power(ciphertext)?;
        let (first, rest) = encoded.split_at_mut(1);
        let (seed, block) = rest.split_at_mut(hash_len);
        digest.mask(seed, block);
        digest.mask(block, seed);

        // All of it is looked at, whatever is wrong.
        let mut wrong = first[0];
        for (found, expected) in block.iter().zip(digest.hash(&[])) {
            wrong |= found ^ expected;
        }
        let message = &block[hash_len..];
        let (mut start, mut is_padding) = (0, 1_u8);
        for (index, byte) in message.iter().enumerate() {
            let is_one = u8::from(*byte == 1);
            let is_zero = u8::from(*byte == 0);
            start |= (index + 1) * usize::from(is_padding & is_one);
            wrong |= is_padding & (1 - is_one) & (1 - is_zero);
            is_padding &= 1 - is_one;
        }
        wrong |= is_padding;
        if wrong != 0 {
            return Err(FAILED);
        }
        let mut text = Buffer::with_capacity(message.len() - start);
        text.push(&message[start..]);
        Ok(text)
    }
}

impl Digest {
    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// MGF1 (RFC 8017 §B.2.1): changes `target` by what `seed` gives.
    fn mask(self, target: &mut [u8], seed: &[u8]) {
        let len = self.hash(&[]).len();
        for (counter, chunk) in (0_u32..).zip(target.chunks_mut(len)) {
            let input = Zeroizing::new([seed, &counter.to_be_bytes()].concat());
            let mask = Zeroizing::new(self.hash(&input));
            chunk.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
        }
    }
}
