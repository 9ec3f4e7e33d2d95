//! RSA (RFC 8017).
//!
//! Arithmetic on secrets takes the same time whatever they are: `crypto-bigint`'s, without the
//! functions that it marks as variable.

mod numbers;
mod oaep;

use crypto_bigint::{
    BoxedUint, NonZero, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use crypto_primes::hazmat::SetBits;
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use self::numbers::{copy, less_one};
pub(crate) use self::oaep::Digest;
use super::{
    PrivateKey, PublicKey,
    prime::{power, random_prime},
};
use crate::{
    der::{Der, INTEGER, Reader, SEQUENCE, integer, sequence},
    error::Failure,
    limits::Meter,
};

/// A key of two primes, big-endian numbers without leading zeros.
pub(crate) struct Key {
    modulus: Vec<u8>,
    exponent: u32,
    private_exponent: Der,
    primes: [Der; 2],
    /// The private exponent modulo each prime less one.
    exponents: [Der; 2],
    /// The inverse of the second prime modulo the first.
    coefficient: Der,
}

/// The numbers of a key, big-endian without leading zeros.
pub(crate) struct Numbers<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) exponent: &'a [u8],
    pub(crate) private_exponent: &'a [u8],
    pub(crate) primes: [&'a [u8]; 2],
}

/// The largest modulus, in bytes. Larger ones serve only to burn the CPU.
const MAX_LEN: usize = 1024;
/// The smallest modulus that Go signs with, in bits.
const MIN_SIGNING_BITS: u32 = 1024;
/// The public exponent of new keys.
const EXPONENT: u32 = 65_537;

/// `DigestInfo` up to the digest (RFC 8017 §9.2, note 1).
const SHA256_DIGEST_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
/// 1.2.840.113549.1.1.11 and NULL
pub(super) const SHA256_WITH_RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];

const NOT_A_KEY: Failure = Failure::Because("the private key is not an RSA key");
const INCONSISTENT: Failure = Failure::Because("the numbers of the RSA key do not belong together");

impl Key {
    /// As FIPS 186-5 §A.1.3 has it, for sizes that are multiples of 128 bits.
    pub(super) fn generate(
        meter: &mut Meter<'_>,
        random: &mut dyn CryptoRng,
        bits: u32,
    ) -> Result<Self, Failure> {
        loop {
            let p = suitable_prime(meter, random, bits / 2)?;
            let q = suitable_prime(meter, random, bits / 2)?;
            meter.steps(power(bits))?;
            let (p, q) = if *p > *q { (p, q) } else { (q, p) };
            // Primes too close to each other, or a small private exponent: as good as never.
            if let Some(key) = Self::from_primes(&p, &q).filter(Self::is_consistent) {
                return Ok(key);
            }
        }
    }

    /// Reads an `RSAPrivateKey` (RFC 8017 §A.1.2).
    pub(super) fn from_der(der: &[u8]) -> Result<PrivateKey, Failure> {
        let mut outer = Reader::new(der);
        let mut fields = outer.sequence().ok_or(NOT_A_KEY)?;
        if !outer.is_empty() || fields.small().is_none_or(|version| version > 1) {
            return Err(NOT_A_KEY);
        }
        let modulus = fields.positive().ok_or(NOT_A_KEY)?;
        if modulus.len() > MAX_LEN {
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
            return Ok(PrivateKey::Unusable("RSA keys of more than two primes are not supported"));
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
        if key.is_consistent() { Ok(PrivateKey::Rsa(key)) } else { Err(INCONSISTENT) }
    }

    /// A key by its numbers alone.
    pub(super) fn from_all_numbers(numbers: &Numbers<'_>) -> Result<PrivateKey, Failure> {
        let Numbers { modulus, exponent, private_exponent, primes: [p, q] } = *numbers;
        if modulus.len() > MAX_LEN {
            return Err("the RSA key is too large".into());
        }
        if exponent.len() > 4 || [private_exponent, p, q].iter().any(|n| n.len() > modulus.len()) {
            return Err(INCONSISTENT);
        }
        let exponent = exponent.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        Self::from_numbers(modulus, exponent, private_exponent, p, q)
            .filter(|key| exponent > 1 && key.is_consistent())
            .map(PrivateKey::Rsa)
            .ok_or(INCONSISTENT)
    }

    /// An `RSAPrivateKey`.
    pub(super) fn to_der(&self) -> Der {
        sequence(&[
            &integer(&[0]),
            &integer(&self.modulus),
            &integer(&self.exponent.to_be_bytes()),
            &integer(&self.private_exponent),
            &integer(&self.primes[0]),
            &integer(&self.primes[1]),
            &integer(&self.exponents[0]),
            &integer(&self.exponents[1]),
            &integer(&self.coefficient),
        ])
    }

    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey::rsa(&self.modulus, &self.exponent.to_be_bytes())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.1).
    pub(super) fn sign(&self, meter: &mut Meter<'_>, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let modulus = self.number(&self.modulus).ok_or(INCONSISTENT)?;
        let bits = modulus.bit_width_vartime();
        if bits < MIN_SIGNING_BITS {
            return Err("the RSA key is too small to sign".into());
        }
        meter.steps(power(bits))?;
        let digest = Sha256::digest(message);
        let padding = self.modulus.len() - 3 - SHA256_DIGEST_INFO.len() - digest.len();
        let encoded =
            [&[0, 1], &vec![0xff; padding][..], &[0], SHA256_DIGEST_INFO, &digest].concat();

        Ok(self.power(&encoded)?.to_vec())
    }

    /// The power of a number, less than the modulus, with the private exponent.
    fn power(&self, number: &[u8]) -> Result<Der, Failure> {
        let modulus = self.number(&self.modulus).ok_or(INCONSISTENT)?;
        let exponent = self.number(&self.private_exponent).ok_or(INCONSISTENT)?;
        let number = self.number(number).ok_or(INCONSISTENT)?;
        let modulus = Odd::new(BoxedUint::clone(&modulus)).into_option().ok_or(INCONSISTENT)?;
        let modulus = BoxedMontyParams::new_vartime(modulus);
        let power = BoxedMontyForm::new(BoxedUint::clone(&number), &modulus).pow(&exponent);
        // A result that a fault has spoiled could give the key away.
        let public = BoxedUint::from(self.exponent);
        if power.pow(&public).retrieve() != *number {
            return Err(INCONSISTENT);
        }
        let power = Zeroizing::new(power.retrieve());
        let bytes = Zeroizing::new(power.to_be_bytes().into_vec());
        let unused = bytes.len() - self.modulus.len();
        Ok(copy(&bytes[unused..]))
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

/// One that leaves a remainder with the public exponent, when it is one less.
fn suitable_prime(
    meter: &mut Meter<'_>,
    random: &mut dyn CryptoRng,
    bits: u32,
) -> Result<Zeroizing<BoxedUint>, Failure> {
    let exponent = NonZero::new(BoxedUint::from(EXPONENT)).into_option().ok_or(INCONSISTENT)?;
    loop {
        let prime = random_prime(meter, random, bits, SetBits::TwoMsb)?;
        if !bool::from(less_one(&prime).rem(&exponent).is_zero()) {
            return Ok(prime);
        }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::testing::context;

    fn big(bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_be(bytes)
    }

    #[test]
    fn a_new_key_is_a_key() {
        context(1, |c| {
            let key = Key::generate(&mut c.meter, c.random, 1024).expect("a key");
            let [p, q] = [big(&key.primes[0]), big(&key.primes[1])];
            let (n, d, one) = (big(&key.modulus), big(&key.private_exponent), BigUint::from(1_u8));
            assert_eq!((n.bits(), p.bits(), q.bits(), key.exponent), (1024, 512, 512, 65_537));
            assert_eq!(&p * &q, n);
            for (prime, exponent) in [(&p, &key.exponents[0]), (&q, &key.exponents[1])] {
                let order = prime - &one;
                assert_eq!(&d * 65_537_u32 % &order, one);
                assert_eq!(big(exponent), &d % &order);
                assert_eq!(BigUint::from(3_u8).modpow(&order, prime), one);
            }
            assert_eq!(big(&key.coefficient) * &q % &p, one);
        });
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        context(1, |c| {
            let key = Key::generate(&mut c.meter, c.random, 1024).expect("a key");
            let der = key.to_der();
            let Ok(PrivateKey::Rsa(read)) = Key::from_der(&der) else { panic!("no key") };
            assert_eq!(*read.to_der(), *der);
            // Without what can be derived.
            let numbers = [&key.modulus[..], &[1, 0, 1], &key.private_exponent, &key.primes[0]];
            let numbers = numbers.into_iter().chain([&key.primes[1][..]]).map(integer);
            let short: Vec<u8> = numbers.flat_map(|number| number.to_vec()).collect();
            let short = sequence(&[&integer(&[0]), &short]);
            let Ok(PrivateKey::Rsa(read)) = Key::from_der(&short) else { panic!("no key") };
            assert_eq!(*read.to_der(), *der);
        });
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_no_key() {
        context(1, |c| {
            let mut key = Key::generate(&mut c.meter, c.random, 512).expect("a key");
            assert!(key.is_consistent());
            let change = |bytes: &mut [u8]| *bytes.last_mut().expect("a byte") ^= 2;
            let changes: [&dyn Fn(&mut Key); 7] = [
                &|key| change(&mut key.modulus),
                &|key| change(&mut key.private_exponent),
                &|key| change(&mut key.primes[0]),
                &|key| change(&mut key.primes[1]),
                &|key| change(&mut key.exponents[0]),
                &|key| change(&mut key.exponents[1]),
                &|key| change(&mut key.coefficient),
            ];
            for change in changes {
                change(&mut key);
                assert!(!key.is_consistent());
                assert!(Key::from_der(&key.to_der()).is_err());
                change(&mut key);
            }
            key.primes.swap(0, 1);
            assert!(!key.is_consistent());
        });
    }

    #[test]
    fn signatures_are_those_of_the_key() {
        context(1, |c| {
            let key = Key::generate(&mut c.meter, c.random, 1024).expect("a key");
            let signature = key.sign(&mut c.meter, b"message").expect("a signature");
            let opened = big(&signature).modpow(&BigUint::from(key.exponent), &big(&key.modulus));
            let opened = opened.to_bytes_be();
            assert_eq!((signature.len(), opened.len(), opened[0]), (128, 127, 1));
            assert!(opened.ends_with(&Sha256::digest(b"message")));
            let small = Key::generate(&mut c.meter, c.random, 512).expect("a key");
            assert!(small.sign(&mut c.meter, b"message").is_err());
        });
    }
}
