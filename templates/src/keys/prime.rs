//! Random primes.

use std::num::NonZeroU32;

use crypto_bigint::BoxedUint;
use crypto_primes::{
    Flavor,
    hazmat::{SetBits, SmallFactorsSieve, random_odd_integer},
    is_prime,
};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    error::Failure,
    limits::{Limit, MILLISECOND, Meter},
};

/// A prime of `bits` bits with the highest `set` of them set. Each number that is looked at is
/// charged: how many there will be, nobody knows.
pub(super) fn random_prime(
    meter: &mut Meter<'_>,
    random: &mut dyn CryptoRng,
    bits: u32,
    set: SetBits,
) -> Result<Zeroizing<BoxedUint>, Failure> {
    let size = NonZeroU32::new(bits).ok_or(NO_SIZE)?;
    loop {
        let start = random_odd_integer::<BoxedUint, _>(random, size, set).map_err(|_| NO_SIZE)?;
        let sieve = SmallFactorsSieve::new(start.get(), size, false).map_err(|_| NO_SIZE)?;
        // A sieve ends where numbers of this size do.
        for candidate in sieve {
            if is_probable_prime(meter, &candidate)? {
                return Ok(Zeroizing::new(candidate));
            }
        }
    }
}

/// Whether the tests of Miller-Rabin and Lucas find nothing against it.
pub(super) fn is_probable_prime(
    meter: &mut Meter<'_>,
    candidate: &BoxedUint,
) -> Result<bool, Limit> {
    meter.steps(power(candidate.bits_precision()))?;
    Ok(is_prime(Flavor::Any, candidate))
}

/// Steps of one exponentiation with numbers of `bits` bits.
pub(super) fn power(bits: u32) -> u64 {
    let kilobits = u64::from(bits.div_ceil(1024));
    kilobits * kilobits * kilobits * MILLISECOND
}

const NO_SIZE: Failure = Failure::Because("there are no primes of this size");
