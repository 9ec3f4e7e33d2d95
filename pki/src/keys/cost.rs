//! Costs of operations, in steps of [`Meter`](crate::Meter).

use crate::error::MILLISECOND;

/// An operation on an elliptic curve: up to 2 ms.
pub(super) const CURVE_OPERATION_STEPS: u64 = 2 * MILLISECOND;
/// Reading a key and checking that its numbers are consistent.
pub(super) const READ_KEY_STEPS: u64 = 5 * MILLISECOND;

/// One exponentiation of numbers with this many bits.
pub(super) fn exponentiation_steps(bits: u32) -> u64 {
    let kilobits = u64::from(bits.div_ceil(1024));
    kilobits * kilobits * kilobits * MILLISECOND
}
