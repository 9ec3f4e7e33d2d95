//! Secret numbers.

use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use crate::der::Der;

/// A big-endian number that has at most `len` bytes, with that precision.
pub(super) fn number(bytes: &[u8], len: usize) -> Option<Zeroizing<BoxedUint>> {
    let bits = u32::try_from(len * 8).ok()?;
    BoxedUint::from_be_slice(bytes, bits).ok().map(Zeroizing::new)
}

/// Big-endian without leading zeros.
pub(super) fn to_bytes(number: &BoxedUint) -> Der {
    let padded = Zeroizing::new(number.to_be_bytes().into_vec());
    let zeros = padded.iter().take_while(|byte| **byte == 0).count();
    copy(&padded[zeros..])
}

pub(super) fn less_one(number: &BoxedUint) -> Zeroizing<BoxedUint> {
    Zeroizing::new(number.wrapping_sub(BoxedUint::one()))
}

pub(super) fn copy(bytes: &[u8]) -> Der {
    Zeroizing::new(bytes.to_vec())
}
