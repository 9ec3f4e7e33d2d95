//! The base of an integer.

/// The notation of an integer.
#[derive(Clone, Copy)]
pub(super) struct Radix {
    pub(super) base: u32,
    pub(super) upper: bool,
    /// `%O`: with `0o`.
    pub(super) octal_prefix: bool,
}

impl Radix {
    pub(super) const DECIMAL: Self = Self::new(10);

    pub(super) const fn new(base: u32) -> Self {
        Self { base, upper: false, octal_prefix: false }
    }
}
