//! What templates get from outside: the time, randomness, and half a minute.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use templates::{Environment, Limits};

const TIME: Duration = Duration::from_secs(30);

/// Hands an environment to `render`. Its limits are the controller's defaults.
pub(crate) fn with_environment<T>(render: impl FnOnce(Environment<'_>) -> T) -> T {
    let end = Instant::now() + TIME;
    render(Environment {
        now: Timestamp::now(),
        random: &mut rand::rng(),
        limits: Limits::default(),
        interrupted: &|| Instant::now() >= end,
    })
}
