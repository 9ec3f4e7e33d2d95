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

use super::cost::exponentiation_steps;
use crate::error::{Error, Exhausted, Meter};

/// A prime of `bits` bits whose highest bits are set according to `set`. Each candidate is charged,
/// because their number is unknown beforehand.
pub(super) fn random_prime(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    bits: u32,
    set: SetBits,
) -> Result<Zeroizing<BoxedUint>, Error> {
    let size = NonZeroU32::new(bits).ok_or(NO_SIZE)?;
    loop {
        let start = random_odd_integer::<BoxedUint, _>(random, size, set).map_err(|_| NO_SIZE)?;
        let sieve = SmallFactorsSieve::new(start.get(), size, false).map_err(|_| NO_SIZE)?;
        // The sieve ends at the largest number of this size.
        for candidate in sieve {
            if is_probable_prime(meter, &candidate)? {
                return Ok(Zeroizing::new(candidate));
            }
        }
    }
}

/// Whether the candidate passes the tests of Miller-Rabin and Lucas.
pub(super) fn is_probable_prime(
    meter: &mut dyn Meter,
    candidate: &BoxedUint,
) -> Result<bool, Exhausted> {
    meter.steps(exponentiation_steps(candidate.bits_precision()))?;
    Ok(is_prime(Flavor::Any, candidate))
}

const NO_SIZE: Error = Error::Invalid("no primes of this size exist");
