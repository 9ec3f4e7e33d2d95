//! Whether the numbers of a key are consistent.

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, NonZero, Odd};
use zeroize::Zeroizing;

use super::{
    key::Key,
    number::{less_one, number},
};

/// Whether the numbers pass all checks that Go makes. Go does not check that the primes are prime.
pub(super) fn is_consistent(key: &Key) -> bool {
    check(key).unwrap_or(false)
}

fn check(key: &Key) -> Option<bool> {
    let number = |bytes: &[u8]| number(bytes, key.modulus.len());
    let [p, q] = [number(&key.primes[0])?, number(&key.primes[1])?];
    let n = number(&key.modulus)?;
    let n = Odd::new(BoxedUint::clone(&n)).into_option()?;
    let product = Zeroizing::new(p.concatenating_mul(&*q));
    let is_product = *p < *n && *q < *n && bool::from(product.rem(n.as_nz_ref()).is_zero());

    let d = number(&key.private_exponent)?;
    let mut are_inverses = true;
    for (prime, reduced) in [&p, &q].into_iter().zip(&key.exponents) {
        let order = NonZero::new(BoxedUint::clone(&less_one(prime))).into_option()?;
        let reduced = number(reduced)?;
        let product = Zeroizing::new(reduced.concatenating_mul(&BoxedUint::from(key.exponent)));
        are_inverses &= bool::from(product.rem(&order).is_one())
            && *reduced < *order
            && d.rem(&order) == *reduced;
    }

    let odd = Odd::new(BoxedUint::clone(&p)).into_option()?;
    let coefficient = number(&key.coefficient)?;
    let product = Zeroizing::new(q.concatenating_mul(&*coefficient));
    let is_coefficient = *coefficient < *p && bool::from(product.rem(odd.as_nz_ref()).is_one());

    let half = i64::from(n.bit_width_vartime() / 2);
    let (low, high) = if *p < *q { (&p, &q) } else { (&q, &p) };
    let distance = i64::from(high.wrapping_sub(&**low).bit_width());
    let are_apart = distance > half - 100;
    let is_large = *d < *n && i64::from(d.bit_width()) > half;
    Some(is_product && are_inverses && is_coefficient && are_apart && is_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Unlimited, testing::random};

    #[test]
    fn inconsistent_numbers_are_rejected() {
        let mut key = Key::generate(&mut Unlimited, &mut random(1), 512).expect("a key");
        assert!(is_consistent(&key));
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
            assert!(!is_consistent(&key));
            assert!(Key::from_der(&key.to_der()).is_err());
            change(&mut key);
        }
        key.primes.swap(0, 1);
        assert!(!is_consistent(&key));
    }
}
