//! The limits of a rendering, and the meter that counts what it uses.

use crate::value::Value;

/// The limits of one rendering. If a limit is exhausted, the rendering fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Nodes, values and function calls. A loop without a body counts its rounds. Expensive
    /// functions (keys, certificates, hashes of passwords) count 100 steps for each millisecond
    /// that they take on common hardware. The default allows 20 seconds of them.
    pub steps: u64,
    /// Bytes of output.
    pub output: usize,
    /// Bytes of all strings that the rendering creates, including the output. It bounds memory.
    pub bytes: usize,
    /// Rounds of one `range`, and items of a list that a function creates.
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
    /// [`SharedMemory::take`] refused. The same rendering may succeed later.
    #[error("other renderings use the memory")]
    Memory,
}

/// Memory that several renderings share.
pub trait SharedMemory {
    /// Takes `bytes` of it. Returns false if fewer are left.
    fn take(&self, bytes: usize) -> bool;

    /// Returns bytes that were taken.
    fn give_back(&self, bytes: usize);
}

/// Counts what a rendering uses, against its limits.
pub struct Meter<'e> {
    /// The limits.
    pub limits: Limits,
    steps: u64,
    bytes: usize,
    deadline_exceeded: &'e dyn Fn() -> bool,
    memory: Option<&'e dyn SharedMemory>,
    /// The bytes taken from `memory`, and the unused part of them.
    taken: usize,
    spare: usize,
}

/// The steps for a millisecond of computation. The charge depends on the work and not on the clock,
/// so a template that fits the limit on one machine fits it on any.
pub const MILLISECOND: u64 = 100;

/// How often [`Environment::deadline_exceeded`](crate::Environment::deadline_exceeded) is called: a
/// power of two.
const STEPS_BETWEEN_DEADLINE_CHECKS: u64 = 1 << 10;

/// The shared memory that a meter takes at a time, in bytes.
const SHARE: usize = 64 << 10;

impl<'e> Meter<'e> {
    /// A meter without any use.
    pub fn new(limits: Limits, deadline_exceeded: &'e dyn Fn() -> bool) -> Self {
        let (steps, bytes) = (limits.steps, limits.bytes);
        Self { limits, steps, bytes, deadline_exceeded, memory: None, taken: 0, spare: 0 }
    }

    /// The meter, which also takes its bytes from `memory`, and returns them when it is dropped.
    #[must_use]
    pub fn with_memory(mut self, memory: Option<&'e dyn SharedMemory>) -> Self {
        self.memory = memory;
        self
    }

    /// Fails if the time is over.
    pub fn check_deadline(&self) -> Result<(), Limit> {
        if (self.deadline_exceeded)() { Err(Limit::Time) } else { Ok(()) }
    }

    /// The number of used steps.
    pub fn used_steps(&self) -> u64 {
        self.limits.steps - self.steps
    }

    /// The number of used bytes.
    pub fn used_bytes(&self) -> usize {
        self.limits.bytes - self.bytes
    }

    /// The number of remaining bytes.
    pub fn remaining_bytes(&self) -> usize {
        self.bytes
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
        if is_check_due { self.check_deadline() } else { Ok(()) }
    }

    /// Accounts for work on `count` bytes that exist already, such as reading them.
    pub fn read(&mut self, count: usize) -> Result<(), Limit> {
        self.steps((count >> 10) as u64)
    }

    /// Counts `count` bytes. Call it before you allocate them.
    pub fn bytes(&mut self, count: usize) -> Result<(), Limit> {
        let left = self.bytes.checked_sub(count).ok_or(Limit::Bytes)?;
        self.take(count)?;
        self.bytes = left;
        // Bytes also take time: a KiB counts as a step.
        self.read(count)
    }

    /// Runs `work`, which needs `count` bytes temporarily.
    pub fn scratch<T>(&mut self, count: usize, work: impl FnOnce() -> T) -> Result<T, Limit> {
        if count > self.bytes {
            return Err(Limit::Bytes);
        }
        self.take(count)?;
        let result = work();
        if self.memory.is_some() {
            self.spare += count;
        }
        Ok(result)
    }

    fn take(&mut self, count: usize) -> Result<(), Limit> {
        let Some(memory) = self.memory else { return Ok(()) };
        if count > self.spare {
            let share = (count - self.spare).next_multiple_of(SHARE);
            if !memory.take(share) {
                return Err(Limit::Memory);
            }
            self.taken += share;
            self.spare += share;
        }
        self.spare -= count;
        Ok(())
    }

    /// Counts a map without its entries, which count as items. Call it before you create the map.
    pub fn map(&mut self) -> Result<(), Limit> {
        /// A map allocates room for several entries at a time.
        const MAP_BYTES: usize = 512;
        self.bytes(MAP_BYTES)
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

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if let Some(memory) = self.memory {
            memory.give_back(self.taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Memory(Cell<usize>);

    impl SharedMemory for Memory {
        fn take(&self, bytes: usize) -> bool {
            let left = self.0.get().checked_sub(bytes);
            left.inspect(|left| self.0.set(*left)).is_some()
        }

        fn give_back(&self, bytes: usize) {
            self.0.set(self.0.get() + bytes);
        }
    }

    #[test]
    fn meter_holds_its_bytes_of_the_shared_memory_until_it_is_dropped() {
        let memory = Memory(Cell::new(4 * SHARE));
        let meter = || Meter::new(Limits::default(), &|| false).with_memory(Some(&memory));
        let (mut first, mut second) = (meter(), meter());
        assert_eq!(first.bytes(SHARE / 2), Ok(()));
        assert_eq!(first.bytes(SHARE / 2), Ok(()));
        assert_eq!(memory.0.get(), 3 * SHARE);
        assert_eq!(first.bytes(2 * SHARE), Ok(()));
        assert_eq!(second.bytes(SHARE + 1), Err(Limit::Memory));
        drop(first);
        assert_eq!(second.bytes(SHARE + 1), Ok(()));
        drop(second);
        assert_eq!(memory.0.get(), 4 * SHARE);
    }

    #[test]
    fn scratch_memory_is_free_again() {
        let memory = Memory(Cell::new(2 * SHARE));
        let limits = Limits { bytes: 3 * SHARE, ..Limits::default() };
        let mut meter = Meter::new(limits, &|| false).with_memory(Some(&memory));
        for _ in 0..9 {
            assert_eq!(meter.scratch(2 * SHARE, || memory.0.get()), Ok(0));
        }
        assert_eq!(meter.bytes(2 * SHARE), Ok(()));
        assert_eq!(meter.scratch(1, || ()), Err(Limit::Memory));
        assert_eq!(meter.scratch(2 * SHARE, || ()), Err(Limit::Bytes));
    }
}
