//! Reading keys.

use super::{
    check::is_consistent,
    key::{INCONSISTENT, Key},
    number::copy,
};
use crate::{
    der::{INTEGER, Reader, SEQUENCE},
    error::Error,
};

/// The numbers of a private key, big-endian without leading zeros.
pub struct RsaNumbers<'a> {
    /// The modulus `n`.
    pub modulus: &'a [u8],
    /// The public exponent `e`.
    pub exponent: &'a [u8],
    /// The private exponent `d`.
    pub private_exponent: &'a [u8],
    /// The primes `p` and `q`.
    pub primes: [&'a [u8]; 2],
}

/// The largest modulus: 8192 bits. Larger keys only cost CPU time.
const MAX_MODULUS_BYTES: usize = 1024;

const NOT_A_KEY: Error = Error::Invalid("the private key is not an RSA key");

impl Key {
    /// Reads an `RSAPrivateKey` (RFC 8017 §A.1.2). `None` for a key of more than two primes.
    pub(in crate::keys) fn from_der(der: &[u8]) -> Result<Option<Self>, Error> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence().ok_or(NOT_A_KEY)?;
        if !outer.is_empty() || fields.small().is_none_or(|version| version > 1) {
            return Err(NOT_A_KEY);
        }
        let modulus = fields.positive().ok_or(NOT_A_KEY)?;
        if modulus.len() > MAX_MODULUS_BYTES {
            return Err("the RSA key is too large".into());
        }
        let exponent = fields.small().ok_or(NOT_A_KEY)?;
        let exponent = i32::try_from(exponent).ok().and_then(|e| u32::try_from(e).ok());
        let exponent = exponent.filter(|e| *e > 1 && e % 2 == 1).ok_or(INCONSISTENT)?;
        let mut next = || {
            let number = fields.positive().ok_or(NOT_A_KEY)?;
            let is_less = (number.len(), number) < (modulus.len(), modulus);
            if is_less { Ok(number) } else { Err(INCONSISTENT) }
        };
        let (d, p, q) = (next()?, next()?, next()?);
        let mut derived = [None; 3];
        for number in &mut derived {
            if fields.is_next(INTEGER) {
                *number = Some(fields.positive().ok_or(NOT_A_KEY)?);
            } else if !fields.is_well_formed() {
                return Err(NOT_A_KEY);
            }
        }
        if fields.is_next(SEQUENCE) {
            other_primes(&mut fields).ok_or(NOT_A_KEY)?;
            return Ok(None);
        }
        if !fields.is_well_formed() {
            return Err(NOT_A_KEY);
        }
        let key = match derived {
            [Some(dp), Some(dq), Some(coefficient)] => Self {
                modulus: modulus.to_vec(),
                exponent,
                private_exponent: copy(d),
                primes: [copy(p), copy(q)],
                exponents: [copy(dp), copy(dq)],
                coefficient: copy(coefficient),
            },
            _ => Self::from_numbers(modulus, exponent, d, p, q).ok_or(INCONSISTENT)?,
        };
        if is_consistent(&key) { Ok(Some(key)) } else { Err(INCONSISTENT) }
    }

    pub(in crate::keys) fn from_all_numbers(numbers: &RsaNumbers<'_>) -> Result<Self, Error> {
        let RsaNumbers { modulus, exponent, private_exponent, primes: [p, q] } = *numbers;
        if modulus.len() > MAX_MODULUS_BYTES {
            return Err("the RSA key is too large".into());
        }
        if exponent.len() > 4 || [private_exponent, p, q].iter().any(|n| n.len() > modulus.len()) {
            return Err(INCONSISTENT);
        }
        let exponent = exponent.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte));
        Self::from_numbers(modulus, exponent, private_exponent, p, q)
            .filter(|key| exponent > 1 && is_consistent(key))
            .ok_or(INCONSISTENT)
    }
}

/// `OtherPrimeInfos` (RFC 8017 §A.1.2).
fn other_primes(fields: &mut Reader<'_>) -> Option<()> {
    let mut infos = fields.sequence()?;
    while !infos.is_empty() {
        let mut info = infos.sequence()?;
        info.positive()?;
        info.integer()?;
        info.integer()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        der::{integer, sequence},
        error::Unlimited,
        testing::random,
    };

    #[test]
    fn derived_numbers_may_be_left_out() {
        let key = Key::generate(&mut Unlimited, &mut random(1), 1024).expect("a key");
        let der = key.to_der();
        let numbers = [&key.modulus[..], &[1, 0, 1], &key.private_exponent, &key.primes[0]];
        let numbers = numbers.into_iter().chain([&key.primes[1][..]]).map(integer);
        let short: Vec<u8> = numbers.flat_map(|number| number.to_vec()).collect();
        let short = sequence(&[&integer(&[0]), &short]);
        for der_of_key in [&der, &short] {
            let read = Key::from_der(der_of_key).expect("a key").expect("two primes");
            assert_eq!(*read.to_der(), *der);
        }
    }
}
