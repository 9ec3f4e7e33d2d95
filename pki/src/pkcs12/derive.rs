//! Deriving keys from a password: PKCS#12 (RFC 7292 §B.2) and PBKDF2 (RFC 8018 §5.2).
//!
//! The file determines the number of rounds, so each batch of rounds is charged before it runs.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::error::{Exhausted, MILLISECOND, Meter};

/// A hash function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// The purpose of a key, by its number in RFC 7292 §B.3.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    InitialValue = 2,
    Authentication = 3,
}

/// How to derive a key.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    pub(super) hash: Hash,
    pub(super) salt: &'a [u8],
    /// Less than one counts as one.
    pub(super) rounds: i64,
}

/// Rounds that are charged at once.
const BATCH_ROUNDS: i64 = 1024;
/// The steps of one batch. At worst, a round is an HMAC with a long password.
const BATCH_STEPS: u64 = 2 * MILLISECOND;

impl Hash {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn block(self) -> usize {
        if self == Self::Sha512 { 128 } else { 64 }
    }

    fn digest(self, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        })
    }

    pub(super) fn authenticate(self, key: &[u8], message: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        macro_rules! hmac {
            ($hash:ty) => {{
                // HMAC takes keys of any length.
                let mut mac = <Hmac<$hash>>::new_from_slice(key).expect("a key of any length");
                message.iter().for_each(|part| mac.update(part));
                mac.finalize().into_bytes().to_vec()
            }};
        }
        Zeroizing::new(match self {
            Self::Sha1 => hmac!(Sha1),
            Self::Sha256 => hmac!(Sha256),
            Self::Sha512 => hmac!(Sha512),
        })
    }
}

/// Repeats `once` for all rounds except the first, which the caller has done.
fn repeat(meter: &mut dyn Meter, rounds: i64, mut once: impl FnMut()) -> Result<(), Exhausted> {
    let mut left = rounds - 1;
    while left > 0 {
        meter.steps(BATCH_STEPS)?;
        (0..left.min(BATCH_ROUNDS)).for_each(|_| once());
        left -= BATCH_ROUNDS;
    }
    Ok(())
}

/// The key derivation of PKCS#12.
pub(super) fn pkcs12(
    meter: &mut dyn Meter,
    parameters: Parameters<'_>,
    password: &[u8],
    purpose: Purpose,
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, Exhausted> {
    let Parameters { hash, salt, rounds } = parameters;
    let block = hash.block();
    let mut input = Zeroizing::new(vec![purpose as u8; block]);
    let filled = |bytes: &[u8]| bytes.len().div_ceil(block) * block;
    meter.bytes(4 * (filled(salt) + filled(password)))?;
    input.reserve_exact(filled(salt) + filled(password));
    for part in [salt, password] {
        input.extend(part.iter().cycle().take(filled(part)));
    }
    let mut key = Zeroizing::new(Vec::with_capacity(len + hash.len()));
    loop {
        let mut digest = hash.digest(&input);
        repeat(meter, rounds, || digest = hash.digest(&digest))?;
        key.extend_from_slice(&digest);
        if key.len() >= len {
            key.truncate(len);
            return Ok(key);
        }
        // Add the repeated digest and one to each block of the salt and the password.
        for block in input[block..].chunks_mut(block) {
            let mut carry = 1_u8;
            let addend: Zeroizing<Vec<u8>> =
                Zeroizing::new(digest.iter().copied().cycle().take(block.len()).collect());
            for (byte, addend) in block.iter_mut().zip(addend.iter()).rev() {
                let sum = u16::from(*byte) + u16::from(*addend) + u16::from(carry);
                [carry, *byte] = sum.to_be_bytes();
            }
        }
    }
}

/// PBKDF2 with HMAC.
pub(super) fn pbkdf2(
    meter: &mut dyn Meter,
    parameters: Parameters<'_>,
    password: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, Exhausted> {
    let Parameters { hash, salt, rounds } = parameters;
    meter.bytes(len + salt.len())?;
    let mut key = Zeroizing::new(Vec::with_capacity(len + hash.len()));
    let mut number = 1_u32;
    while key.len() < len {
        let mut round = hash.authenticate(password, &[salt, &number.to_be_bytes()]);
        let mut block = round.clone();
        repeat(meter, rounds, || {
            round = hash.authenticate(password, &[&round]);
            block.iter_mut().zip(round.iter()).for_each(|(sum, byte)| *sum ^= byte);
        })?;
        key.extend_from_slice(&block);
        number += 1;
    }
    key.truncate(len);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Unlimited, testing::Milliseconds};

    fn hex(bytes: &[u8]) -> String {
        base16ct::lower::encode_string(bytes)
    }

    #[test]
    fn pbkdf2_matches_rfc_6070_and_rfc_7914() {
        let parameters = Parameters { hash: Hash::Sha1, salt: b"salt", rounds: 4096 };
        let key = pbkdf2(&mut Unlimited, parameters, b"password", 20).expect("a key");
        assert_eq!(hex(&key), "4b007901b765489abead49d926f721d065a429c1");
        let parameters = Parameters { hash: Hash::Sha256, salt: b"salt", rounds: 1 };
        let key = pbkdf2(&mut Unlimited, parameters, b"passwd", 64).expect("a key");
        assert_eq!(
            hex(&key),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
             49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
        );
    }

    #[test]
    fn rounds_are_charged() {
        let exhausted = Err(Exhausted::Steps);
        for hash in [Hash::Sha1, Hash::Sha256] {
            let parameters = Parameters { hash, salt: b"salt", rounds: i64::MAX };
            let meter = &mut Milliseconds::new(50);
            assert_eq!(pbkdf2(meter, parameters, b"x", 32), exhausted);
            let meter = &mut Milliseconds::new(50);
            assert_eq!(pkcs12(meter, parameters, b"x", Purpose::Encryption, 32), exhausted);
        }
    }
}
