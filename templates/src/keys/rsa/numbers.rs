//! How the numbers of an RSA key belong together.

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Gcd as _, NonZero, Odd, Resize as _};
use zeroize::Zeroizing;

use super::{EXPONENT, Key};
use crate::der::Der;

impl Key {
    /// A key with the usual public exponent, to which the primes less one must have no relation.
    pub(super) fn from_primes(p: &BoxedUint, q: &BoxedUint) -> Option<Self> {
        let modulus = p.concatenating_mul(q);
        let (p1, q1) = (less_one(p), less_one(q));
        let divisor = NonZero::new(p1.gcd(&*q1)).into_option()?;
        let product = Zeroizing::new(p1.concatenating_mul(&*q1));
        let order = NonZero::new(product.wrapping_div(&divisor)).into_option()?;
        let exponent = BoxedUint::from(EXPONENT).resize(order.bits_precision());
        let d = Zeroizing::new(exponent.invert_mod(&order).into_option()?);
        Self::from_numbers(&bytes(&modulus), EXPONENT, &bytes(&d), &bytes(p), &bytes(q))
    }

    /// Adds what can be derived.
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
            Some(bytes(&d_number.rem(&order)))
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
            coefficient: bytes(&coefficient),
        })
    }

    /// Whether the numbers pass all the checks that Go makes of them. None of them is that the
    /// primes are prime.
    pub(super) fn is_consistent(&self) -> bool {
        self.check().unwrap_or(false)
    }

    fn check(&self) -> Option<bool> {
        let [p, q] = [self.number(&self.primes[0])?, self.number(&self.primes[1])?];
        let n = self.number(&self.modulus)?;
        let n = Odd::new(BoxedUint::clone(&n)).into_option()?;
        let product = Zeroizing::new(p.concatenating_mul(&*q));
        let is_product = *p < *n && *q < *n && bool::from(product.rem(n.as_nz_ref()).is_zero());

        let d = self.number(&self.private_exponent)?;
        let mut are_inverses = true;
        for (prime, reduced) in [&p, &q].into_iter().zip(&self.exponents) {
            let order = NonZero::new(BoxedUint::clone(&less_one(prime))).into_option()?;
            let reduced = self.number(reduced)?;
            let product =
                Zeroizing::new(reduced.concatenating_mul(&BoxedUint::from(self.exponent)));
            are_inverses &= bool::from(product.rem(&order).is_one())
                && *reduced < *order
                && d.rem(&order) == *reduced;
        }

        let odd = Odd::new(BoxedUint::clone(&p)).into_option()?;
        let coefficient = self.number(&self.coefficient)?;
        let product = Zeroizing::new(q.concatenating_mul(&*coefficient));
        let is_coefficient = *coefficient < *p && bool::from(product.rem(odd.as_nz_ref()).is_one());

        let half = i64::from(n.bit_width_vartime() / 2);
        let (low, high) = if *p < *q { (&p, &q) } else { (&q, &p) };
        let distance = i64::from(high.wrapping_sub(&**low).bit_width());
        let are_apart = distance > half - 100;
        let is_large = *d < *n && i64::from(d.bit_width()) > half;
        Some(is_product && are_inverses && is_coefficient && are_apart && is_large)
    }

    /// A number that is no longer than the modulus, with the modulus's precision.
    pub(super) fn number(&self, bytes: &[u8]) -> Option<Zeroizing<BoxedUint>> {
        number(bytes, self.modulus.len())
    }
}

pub(super) fn less_one(number: &BoxedUint) -> Zeroizing<BoxedUint> {
    Zeroizing::new(number.wrapping_sub(BoxedUint::one()))
}

fn number(bytes: &[u8], len: usize) -> Option<Zeroizing<BoxedUint>> {
    let bits = u32::try_from(len * 8).ok()?;
    BoxedUint::from_be_slice(bytes, bits).ok().map(Zeroizing::new)
}

pub(super) fn copy(bytes: &[u8]) -> Der {
    Zeroizing::new(bytes.to_vec())
}

/// Without leading zeros.
fn bytes(number: &BoxedUint) -> Der {
    let padded = Zeroizing::new(number.to_be_bytes().into_vec());
    let zeros = padded.iter().take_while(|byte| **byte == 0).count();
    copy(&padded[zeros..])
}
