//! What one rendering may look at besides its values.

use rand::CryptoRng;

use crate::limits::{Limits, Meter};

/// What a rendering gets from outside. There is nothing else: no clock, no files, no network.
pub struct Environment<'e> {
    /// What random functions draw from.
    pub random: &'e mut dyn CryptoRng,
    /// What the rendering may use.
    pub limits: Limits,
    /// Asked now and then: whether to stop, since time is up.
    pub interrupted: &'e dyn Fn() -> bool,
}

/// What functions see of a rendering.
pub(crate) struct Context<'e> {
    pub(crate) meter: Meter<'e>,
    pub(crate) random: &'e mut dyn CryptoRng,
}

impl<'e> Context<'e> {
    pub(crate) fn new(environment: Environment<'e>) -> Self {
        let Environment { random, limits, interrupted } = environment;
        Self { meter: Meter::new(limits, interrupted), random }
    }
}
