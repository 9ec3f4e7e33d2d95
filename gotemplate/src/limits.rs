//! The limits of a rendering, and the meter that counts what it uses.

use crate::value::Value;

/// How much one rendering may use. An exhausted limit ends it with an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Nodes, values and function calls. A loop without a body counts its rounds.
    /// Functions that compute for long (keys, certificates, hashes of passwords) count 100 for each
    /// millisecond that they take on common hardware; with the default it is 20 seconds of theirs.
    pub steps: u64,
    /// Bytes of output.
    pub output: usize,
    /// Bytes of all strings that the rendering makes, the output included. It bounds memory.
    pub bytes: usize,
    /// Rounds of one `range`, and items of a list that a function makes.
    pub items: usize,
    /// Depth of templates that call templates.
    pub recursion: usize,
    /// Depth of nested lists and maps that functions and printing follow.
    pub depth: usize,
}

impl Default for Limits {
    /// Far above what manifests need: a Secret holds 1 MiB.
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            output: 4 << 20,
            bytes: 64 << 20,
            items: 100_000,
            recursion: 100,
            depth: 100,
        }
    }
}

/// Which of the [`Limits`] was exhausted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Limit {
    /// See [`Limits::steps`].
    #[error("too many steps")]
    Steps,
    /// See [`Limits::output`].
    #[error("too much output")]
    Output,
    /// See [`Limits::bytes`].
    #[error("too many bytes in strings")]
    Bytes,
    /// See [`Limits::items`].
    #[error("too many items")]
    Items,
    /// See [`Limits::recursion`].
    #[error("templates call each other too deeply")]
    Recursion,
    /// See [`Limits::depth`].
    #[error("a value is nested too deeply")]
    Depth,
    /// [`Environment::deadline_exceeded`](crate::Environment::deadline_exceeded) returned true.
    #[error("too much time")]
    Time,
}

/// Counts what a rendering uses, against its limits.
pub struct Meter<'e> {
    /// The limits.
    pub limits: Limits,
    steps: u64,
    bytes: usize,
    deadline_exceeded: &'e dyn Fn() -> bool,
}

/// The steps that a millisecond of computing counts. Functions are charged by what they do, not by
/// the clock: a template that fits the limit on one machine fits it on any.
pub const MILLISECOND: u64 = 100;

/// How often [`Environment::deadline_exceeded`](crate::Environment::deadline_exceeded) is called: a
/// power of two.
const STEPS_BETWEEN_DEADLINE_CHECKS: u64 = 1 << 10;

impl<'e> Meter<'e> {
    /// A meter from which nothing has been used.
    pub fn new(limits: Limits, deadline_exceeded: &'e dyn Fn() -> bool) -> Self {
        Self { limits, steps: limits.steps, bytes: limits.bytes, deadline_exceeded }
    }

    /// Accounts for one step.
    pub fn step(&mut self) -> Result<(), Limit> {
        self.steps(1)
    }

    /// Accounts for `count` steps.
    pub fn steps(&mut self, count: u64) -> Result<(), Limit> {
        let left = self.steps.checked_sub(count).ok_or(Limit::Steps)?;
        let is_check_due =
            left / STEPS_BETWEEN_DEADLINE_CHECKS != self.steps / STEPS_BETWEEN_DEADLINE_CHECKS;
        self.steps = left;
        if is_check_due && (self.deadline_exceeded)() { Err(Limit::Time) } else { Ok(()) }
    }

    /// Counts `count` bytes. Call it before you allocate them.
    pub fn bytes(&mut self, count: usize) -> Result<(), Limit> {
        self.bytes = self.bytes.checked_sub(count).ok_or(Limit::Bytes)?;
        // Bytes take time too: a KiB is a step.
        self.steps((count >> 10) as u64)
    }

    /// Counts `count` items. Call it before you create them.
    pub fn items(&mut self, count: usize) -> Result<(), Limit> {
        if count > self.limits.items {
            return Err(Limit::Items);
        }
        self.bytes(count.saturating_mul(size_of::<Value>()))?;
        self.steps(count as u64)
    }
}
