//! Errors, and the budget of an operation.

/// Why an operation failed. It never contains a value or a part of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The input is malformed, inconsistent or unsupported.
    #[error("{0}")]
    Invalid(&'static str),
    /// The caller's budget is exhausted.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl From<&'static str> for Error {
    fn from(reason: &'static str) -> Self {
        Self::Invalid(reason)
    }
}

/// The exhausted part of the budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Exhausted {
    /// See [`Meter::steps`].
    #[error("too much computation")]
    Steps,
    /// See [`Meter::bytes`].
    #[error("too much memory")]
    Bytes,
    /// The caller's deadline has passed.
    #[error("too much time")]
    Time,
}

/// The budget of an operation on untrusted input. Work is charged before it is done.
pub trait Meter {
    /// Charges computation. [`MILLISECOND`] steps take about a millisecond on common hardware.
    fn steps(&mut self, count: u64) -> Result<(), Exhausted>;

    /// Charges memory.
    fn bytes(&mut self, count: usize) -> Result<(), Exhausted>;
}

/// The steps for a millisecond of computation. The charge depends on the work, not on the clock: an
/// input that fits the budget on one machine fits it on any.
pub const MILLISECOND: u64 = 100;

/// A budget without a limit, for trusted input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl Meter for Unlimited {
    fn steps(&mut self, _: u64) -> Result<(), Exhausted> {
        Ok(())
    }

    fn bytes(&mut self, _: usize) -> Result<(), Exhausted> {
        Ok(())
    }
}
