//! The numbers of a private key.

use crypto_bigint::{BoxedUint, NonZero, Odd};
use zeroize::Zeroizing;

use super::{
    super::public::PublicKey,
    number::{copy, less_one, number, to_bytes},
};
use crate::{
    der::{Der, integer, sequence},
    error::Error,
};

/// A key of two primes. Big-endian numbers without leading zeros.
pub(in crate::keys) struct Key {
    pub(super) modulus: Vec<u8>,
    pub(super) exponent: u32,
    pub(super) private_exponent: Der,
    pub(super) primes: [Der; 2],
    /// The private exponent modulo each prime less one.
    pub(super) exponents: [Der; 2],
    /// The inverse of the second prime modulo the first.
    pub(super) coefficient: Der,
}

pub(super) const INCONSISTENT: Error =
    Error::Invalid("the numbers of the RSA key are not consistent");

impl Key {
    /// Derives the numbers of the Chinese remainder theorem.
    pub(super) fn from_numbers(
        modulus: &[u8],
        exponent: u32,
        d: &[u8],
        p: &[u8],
        q: &[u8],
    ) -> Option<Self> {
        let number = |bytes: &[u8]| number(bytes, modulus.len());
        let (d_number, p_number, q_number) = (number(d)?, number(p)?, number(q)?);
        let reduced = |prime: &BoxedUint| {
            let order = NonZero::new(BoxedUint::clone(&less_one(prime))).into_option()?;
            Some(to_bytes(&d_number.rem(&order)))
        };
        let odd = Odd::new(BoxedUint::clone(&p_number)).into_option()?;
        let q_reduced = Zeroizing::new(q_number.rem(odd.as_nz_ref()));
        let coefficient = Zeroizing::new(q_reduced.invert_odd_mod(&odd).into_option()?);
        Some(Self {
            modulus: modulus.to_vec(),
            exponent,
            private_exponent: copy(d),
            primes: [copy(p), copy(q)],
            exponents: [reduced(&p_number)?, reduced(&q_number)?],
            coefficient: to_bytes(&coefficient),
        })
    }

    /// An `RSAPrivateKey`.
    pub(in crate::keys) fn to_der(&self) -> Der {
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

    pub(in crate::keys) fn public_key(&self) -> PublicKey {
        PublicKey::rsa(&self.modulus, &self.exponent.to_be_bytes())
    }
}
