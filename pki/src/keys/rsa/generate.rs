//! New keys (FIPS 186-5 §A.1.3), for sizes that are multiples of 128 bits.

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Gcd as _, NonZero, Resize as _};
use crypto_primes::hazmat::SetBits;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    super::{cost::exponentiation_steps, prime::random_prime},
    check::is_consistent,
    key::{INCONSISTENT, Key},
    number::{less_one, to_bytes},
};
use crate::error::{Error, Meter};

/// The public exponent of new keys.
const PUBLIC_EXPONENT: u32 = 65_537;

impl Key {
    pub(in crate::keys) fn generate(
        meter: &mut dyn Meter,
        random: &mut dyn CryptoRng,
        bits: u32,
    ) -> Result<Self, Error> {
        loop {
            let p = suitable_prime(meter, random, bits / 2)?;
            let q = suitable_prime(meter, random, bits / 2)?;
            meter.steps(exponentiation_steps(bits))?;
            let (p, q) = if *p > *q { (p, q) } else { (q, p) };
            // The primes are too close, or the private exponent is small. In practice that never
            // happens.
            if let Some(key) = from_primes(&p, &q).filter(is_consistent) {
                return Ok(key);
            }
        }
    }
}

/// A prime that is usable with the public exponent: `p - 1` is not a multiple of it.
fn suitable_prime(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    bits: u32,
) -> Result<Zeroizing<BoxedUint>, Error> {
    let exponent = NonZero::new(BoxedUint::from(PUBLIC_EXPONENT));
    let exponent = exponent.into_option().ok_or(INCONSISTENT)?;
    loop {
        let prime = random_prime(meter, random, bits, SetBits::TwoMsb)?;
        if !bool::from(less_one(&prime).rem(&exponent).is_zero()) {
            return Ok(prime);
        }
    }
}

fn from_primes(p: &BoxedUint, q: &BoxedUint) -> Option<Key> {
    let modulus = p.concatenating_mul(q);
    let (p1, q1) = (less_one(p), less_one(q));
    let divisor = NonZero::new(p1.gcd(&*q1)).into_option()?;
    let product = Zeroizing::new(p1.concatenating_mul(&*q1));
    let order = NonZero::new(product.wrapping_div(&divisor)).into_option()?;
    let exponent = BoxedUint::from(PUBLIC_EXPONENT).resize(order.bits_precision());
    let d = Zeroizing::new(exponent.invert_mod(&order).into_option()?);
    let modulus = to_bytes(&modulus);
    Key::from_numbers(&modulus, PUBLIC_EXPONENT, &to_bytes(&d), &to_bytes(p), &to_bytes(q))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::{error::Unlimited, testing::random};

    #[test]
    fn new_key_satisfies_the_equations_of_rsa() {
        let big = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let key = Key::generate(&mut Unlimited, &mut random(1), 1024).expect("a key");
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
    }
}
