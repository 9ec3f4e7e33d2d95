//! Helpers of the unit tests.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::error::{Exhausted, MILLISECOND, Meter};

/// Randomness from a seed.
pub(crate) fn random(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A budget of this many milliseconds of computation.
pub(crate) struct Milliseconds(u64);

impl Milliseconds {
    pub(crate) fn new(count: u64) -> Self {
        Self(count * MILLISECOND)
    }
}

impl Meter for Milliseconds {
    fn steps(&mut self, count: u64) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(count).ok_or(Exhausted::Steps)?;
        Ok(())
    }

    fn bytes(&mut self, _: usize) -> Result<(), Exhausted> {
        Ok(())
    }
}
