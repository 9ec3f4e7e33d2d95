//! DSA (FIPS 186-4) key generation, which Sprig still offers: 2048 bits with a subgroup of 256.

use crypto_bigint::{
    BoxedUint, NonZero, Odd, RandomBits as _, Resize as _,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use crypto_primes::hazmat::SetBits;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    cost::exponentiation_steps,
    prime::{is_probable_prime, random_prime},
};
use crate::{
    der::{Der, integer, sequence},
    error::{Error, Meter},
};

/// The size of `p`.
const MODULUS_BITS: u32 = 2048;
/// The size of `q`.
const SUBGROUP_BITS: u32 = 256;
/// The number of candidates for `p` for one `q`.
const MAX_CANDIDATES: u32 = 4 * MODULUS_BITS;

/// 3 × 5 × … × 53: a candidate that shares a factor with it is not prime.
const SMALL_PRIMES_PRODUCT: u64 = 16_294_579_238_595_022_365;

const IMPOSSIBLE: Error = Error::Invalid("the DSA key could not be generated");

/// A new key in OpenSSL's form: a sequence of a zero, `p`, `q`, `g`, `y` and the secret `x`.
pub(super) fn generate(meter: &mut dyn Meter, random: &mut dyn CryptoRng) -> Result<Der, Error> {
    let (modulus, order) = parameters(meter, random)?;
    meter.steps(2 * exponentiation_steps(MODULUS_BITS))?;
    let generator = generator(&modulus, &order)?;
    let secret = loop {
        let secret = Zeroizing::new(BoxedUint::random_bits(&mut *random, SUBGROUP_BITS));
        if *secret < order && !bool::from(secret.is_zero()) {
            break secret;
        }
    };
    let public = generator.pow_bounded_exp(&secret, SUBGROUP_BITS).retrieve();
    Ok(sequence(&[
        &integer(&[0]),
        &integer(&modulus.to_be_bytes()),
        &integer(&order.to_be_bytes()),
        &integer(&generator.retrieve().to_be_bytes()),
        &integer(&public.to_be_bytes()),
        &integer(&Zeroizing::new(secret.to_be_bytes())),
    ]))
}

/// A prime `q`, and a prime `p` of which `q` divides `p - 1`.
fn parameters(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
) -> Result<(BoxedUint, BoxedUint), Error> {
    loop {
        let q = BoxedUint::clone(&*random_prime(meter, random, SUBGROUP_BITS, SetBits::Msb)?);
        let wide = q.clone().resize(MODULUS_BITS);
        let double = wide.wrapping_add(&wide);
        let double = NonZero::new(double).into_option().ok_or(IMPOSSIBLE)?;
        for _ in 0..MAX_CANDIDATES {
            meter.steps(1)?;
            let mut start = BoxedUint::random_bits(&mut *random, MODULUS_BITS);
            start |= BoxedUint::one().resize(MODULUS_BITS) << (MODULUS_BITS - 1);
            let excess = start.rem(&double).wrapping_sub(BoxedUint::one());
            let p = start.wrapping_sub(&excess);
            let is_candidate = p.bit_width() == MODULUS_BITS && !has_small_factor(&p);
            if is_candidate && is_probable_prime(meter, &p)? {
                return Ok((p, q));
            }
        }
    }
}

/// A number of order `q`.
fn generator(p: &BoxedUint, q: &BoxedUint) -> Result<BoxedMontyForm, Error> {
    let odd = Odd::new(p.clone()).into_option().ok_or(IMPOSSIBLE)?;
    let params = &BoxedMontyParams::new_vartime(odd);
    let q = NonZero::new(q.clone()).into_option().ok_or(IMPOSSIBLE)?;
    let exponent = p.wrapping_sub(BoxedUint::one()).wrapping_div(&q);
    let one = BoxedMontyForm::one(params);
    let bases = (2_u32..100).map(|base| BoxedUint::from(base).resize(MODULUS_BITS));
    let mut powers = bases.map(|base| BoxedMontyForm::new(base, params).pow(&exponent));
    powers.find(|power| *power != one).ok_or(IMPOSSIBLE)
}

/// Whether a small prime divides the number.
fn has_small_factor(number: &BoxedUint) -> bool {
    let modulus = BoxedUint::from(SMALL_PRIMES_PRODUCT);
    let Some(modulus) = NonZero::new(modulus).into_option() else { return false };
    let remainder = number.rem_vartime(&modulus).to_be_bytes();
    let mut low = remainder.iter().fold(0_u64, |low, byte| (low << 8) | u64::from(*byte));
    let mut high = SMALL_PRIMES_PRODUCT;
    while low != 0 {
        (high, low) = (low, high % low);
    }
    high != 1
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::{der::Reader, error::Unlimited, testing::random};

    #[test]
    fn new_key_satisfies_the_equations_of_dsa() {
        {
            let der = generate(&mut Unlimited, &mut random(1)).expect("a key");
            let mut fields = Reader::new(&der).sequence().expect("a sequence");
            assert_eq!(fields.small(), Some(0));
            let mut next = || BigUint::from_bytes_be(fields.positive().expect("a number"));
            let [modulus, order, generator] = [next(), next(), next()];
            let (public, secret) = (next(), next());
            let one = BigUint::from(1_u8);
            let rest = &modulus - &one;
            assert_eq!((modulus.bits(), order.bits()), (2048, 256));
            assert_eq!(&rest % &order, BigUint::ZERO);
            assert_eq!(BigUint::from(3_u8).modpow(&rest, &modulus), one);
            assert!(generator > one && secret < order);
            assert_eq!(generator.modpow(&order, &modulus), one);
            assert_eq!(public, generator.modpow(&secret, &modulus));
        }
    }

    #[test]
    fn small_factors_are_detected() {
        let product = (3..=53).filter(|n| (2..*n).all(|d| n % d != 0)).product::<u64>();
        assert_eq!(product, SMALL_PRIMES_PRODUCT);
        assert!(has_small_factor(&BoxedUint::from(53_u64 * 65_537)));
        assert!(!has_small_factor(&BoxedUint::from(59_u64 * 65_537)));
    }
}
