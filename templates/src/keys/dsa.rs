//! DSA (FIPS 186-4), which Sprig still makes keys for. Keys of 2048 bits with a subgroup of 256.

use crypto_bigint::{
    BoxedUint, NonZero, Odd, RandomBits as _, Resize as _,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use crypto_primes::hazmat::SetBits;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::prime::{is_probable_prime, power, random_prime};
use crate::{
    der::{Der, integer, sequence},
    error::Failure,
    limits::Meter,
};

/// The bits of `p`.
const MODULUS: u32 = 2048;
/// The bits of `q`.
const SUBGROUP: u32 = 256;
/// How many numbers are looked at for one `q`.
const TRIES: u32 = 4 * MODULUS;

/// 3 × 5 × … × 53: a candidate that shares a factor with it need not be tested.
const SMALL_PRIMES: u64 = 16_294_579_238_595_022_365;

const IMPOSSIBLE: Failure = Failure::Because("the DSA key could not be generated");

/// A new key in OpenSSL's form: a sequence of a zero, `p`, `q`, `g`, `y` and the secret `x`.
pub(super) fn generate(meter: &mut Meter<'_>, random: &mut dyn CryptoRng) -> Result<Der, Failure> {
    let (modulus, order) = parameters(meter, random)?;
    meter.steps(2 * power(MODULUS))?;
    let generator = generator(&modulus, &order)?;
    let secret = loop {
        let secret = Zeroizing::new(BoxedUint::random_bits(&mut *random, SUBGROUP));
        if *secret < order && !bool::from(secret.is_zero()) {
            break secret;
        }
    };
    let public = generator.pow_bounded_exp(&secret, SUBGROUP).retrieve();
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
    meter: &mut Meter<'_>,
    random: &mut dyn CryptoRng,
) -> Result<(BoxedUint, BoxedUint), Failure> {
    loop {
        let q = BoxedUint::clone(&*random_prime(meter, random, SUBGROUP, SetBits::Msb)?);
        let wide = q.clone().resize(MODULUS);
        let double = wide.wrapping_add(&wide);
        let double = NonZero::new(double).into_option().ok_or(IMPOSSIBLE)?;
        for _ in 0..TRIES {
            meter.step()?;
            let mut start = BoxedUint::random_bits(&mut *random, MODULUS);
            start |= BoxedUint::one().resize(MODULUS) << (MODULUS - 1);
            let excess = start.rem(&double).wrapping_sub(BoxedUint::one());
            let p = start.wrapping_sub(&excess);
            let has_small_factor = share_factor(&p);
            if p.bit_width() == MODULUS && !has_small_factor && is_probable_prime(meter, &p)? {
                return Ok((p, q));
            }
        }
    }
}

/// A number of order `q`.
fn generator(p: &BoxedUint, q: &BoxedUint) -> Result<BoxedMontyForm, Failure> {
    let odd = Odd::new(p.clone()).into_option().ok_or(IMPOSSIBLE)?;
    let params = &BoxedMontyParams::new_vartime(odd);
    let q = NonZero::new(q.clone()).into_option().ok_or(IMPOSSIBLE)?;
    let exponent = p.wrapping_sub(BoxedUint::one()).wrapping_div(&q);
    let one = BoxedMontyForm::one(params);
    let bases = (2_u32..100).map(|base| BoxedUint::from(base).resize(MODULUS));
    let mut powers = bases.map(|base| BoxedMontyForm::new(base, params).pow(&exponent));
    powers.find(|power| *power != one).ok_or(IMPOSSIBLE)
}

/// Whether a small prime divides the number.
fn share_factor(number: &BoxedUint) -> bool {
    let modulus = BoxedUint::from(SMALL_PRIMES);
    let Some(modulus) = NonZero::new(modulus).into_option() else { return false };
    let remainder = number.rem_vartime(&modulus).to_be_bytes();
    let mut low = remainder.iter().fold(0_u64, |low, byte| low << 8 | u64::from(*byte));
    let mut high = SMALL_PRIMES;
    while low != 0 {
        (high, low) = (low, high % low);
    }
    high != 1
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::*;
    use crate::{der::Reader, testing::context};

    #[test]
    fn a_new_key_is_a_key() {
        context(1, |c| {
            let der = generate(&mut c.meter, c.random).expect("a key");
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
        });
    }

    #[test]
    fn small_factors_are_seen() {
        let product = (3..=53).filter(|n| (2..*n).all(|d| n % d != 0)).product::<u64>();
        assert_eq!(product, SMALL_PRIMES);
        assert!(share_factor(&BoxedUint::from(53_u64 * 65_537)));
        assert!(!share_factor(&BoxedUint::from(59_u64 * 65_537)));
    }
}
