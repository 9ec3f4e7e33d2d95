//! From a password to keys: the way of PKCS#12 (RFC 7292 §B.2), and PBKDF2 (RFC 8018 §5.2).
//!
//! A file says how often to hash, so each round is paid for as it is done.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::limits::{Limit, Meter};

/// A hash function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// What a key is for: a number of RFC 7292 §B.3.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    InitialValue = 2,
    Authentication = 3,
}

/// How bytes are derived.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    pub(super) hash: Hash,
    pub(super) salt: &'a [u8],
    /// Less than one counts as one.
    pub(super) rounds: i64,
}

/// Rounds that are paid for at once.
const ROUNDS: i64 = 1024;
/// Steps of as many, each of them an HMAC of a long password at worst.
const STEPS: u64 = 2 * crate::limits::MILLISECOND;

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

/// Does something over and over, and pays for it.
fn repeat(meter: &mut Meter<'_>, rounds: i64, mut once: impl FnMut()) -> Result<(), Limit> {
    let mut left = rounds - 1;
    while left > 0 {
        meter.steps(STEPS)?;
        (0..left.min(ROUNDS)).for_each(|_| once());
        left -= ROUNDS;
    }
    Ok(())
}

/// PKCS#12's own way.
pub(super) fn pkcs12(
    meter: &mut Meter<'_>,
    parameters: Parameters<'_>,
    password: &[u8],
    purpose: Purpose,
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, Limit> {
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
        // To each block of the salt and the password: plus the digest, repeated, plus one.
        for block in input[block..].chunks_mut(block) {
            let mut carry = 1;
            let addend: Zeroizing<Vec<u8>> =
                Zeroizing::new(digest.iter().copied().cycle().take(block.len()).collect());
            for (byte, addend) in block.iter_mut().zip(addend.iter()).rev() {
                let sum = u16::from(*byte) + u16::from(*addend) + carry;
                *byte = sum as u8;
                carry = sum >> 8;
            }
        }
    }
}

/// PBKDF2 with HMAC.
pub(super) fn pbkdf2(
    meter: &mut Meter<'_>,
    parameters: Parameters<'_>,
    password: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, Limit> {
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
    use crate::testing::context;

    fn hex(bytes: &[u8]) -> String {
        format!("{:x}", num_bigint::BigUint::from_bytes_be(bytes))
    }

    /// RFC 6070, and RFC 7914 §11.
    #[test]
    fn pbkdf2_is_that_of_the_rfcs() {
        context(1, |c| {
            let parameters = Parameters { hash: Hash::Sha1, salt: b"salt", rounds: 4096 };
            let key = pbkdf2(&mut c.meter, parameters, b"password", 20).expect("a key");
            assert_eq!(hex(&key), "4b007901b765489abead49d926f721d065a429c1");
            let parameters = Parameters { hash: Hash::Sha256, salt: b"salt", rounds: 1 };
            let key = pbkdf2(&mut c.meter, parameters, b"passwd", 64).expect("a key");
            assert_eq!(
                hex(&key),
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
                 49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
            );
        });
    }

    #[test]
    fn rounds_are_paid_for() {
        context(1, |c| {
            let parameters = Parameters { hash: Hash::Sha256, salt: b"salt", rounds: i64::MAX };
            assert!(pbkdf2(&mut c.meter, parameters, b"x", 32).is_err());
        });
        context(1, |c| {
            let parameters = Parameters { hash: Hash::Sha1, salt: b"salt", rounds: i64::MAX };
            assert!(pkcs12(&mut c.meter, parameters, b"x", Purpose::Encryption, 32).is_err());
        });
    }
}
