//! What a path may take. Go's gjson has no limits; paths and values here are anybody's.

use std::cell::Cell;

use zeroize::Zeroizing;

use super::PropertyError;

/// Bytes of a value that was found or made.
pub(super) type Found = Zeroizing<Vec<u8>>;

/// How deep queries, multipaths, and the objects that a path goes into may nest; and what modifiers
/// walk: as much as `serde_json` lets JSON nest.
pub(super) const DEPTH: usize = 128;

/// How large a value may become on the way: no Secret holds more.
pub(super) const SIZE: usize = 1 << 20;

/// How many bytes may be looked at, or thereabouts: those of a value of 64 KiB 256 times.
pub(super) const STEPS: u64 = 1 << 24;

/// What is left of the steps.
pub(super) struct Work(Cell<u64>);

impl Work {
    pub(super) fn new() -> Self {
        Self(Cell::new(STEPS))
    }

    pub(super) fn spend(&self, steps: usize) -> Result<(), PropertyError> {
        let left = self.0.get().checked_sub(steps as u64).ok_or(PropertyError::TooComplex)?;
        self.0.set(left);
        Ok(())
    }
}

/// One deeper.
pub(super) fn deeper(depth: usize) -> Result<usize, PropertyError> {
    if depth < DEPTH { Ok(depth + 1) } else { Err(PropertyError::TooComplex) }
}

/// A value that is made piece by piece. It leaves no copies behind when it grows, and takes nothing
/// any more once it is too large, which `finish` tells.
pub(super) struct Output {
    bytes: Found,
    is_full: bool,
}

impl Output {
    pub(super) fn new(start: &[u8]) -> Self {
        let mut output = Self { bytes: Found::default(), is_full: false };
        output.push(start);
        output
    }

    pub(super) fn push(&mut self, more: &[u8]) {
        let len = self.bytes.len() + more.len();
        if self.is_full || len > SIZE {
            self.is_full = true;
            return;
        }
        if len > self.bytes.capacity() {
            let mut grown = Zeroizing::new(Vec::with_capacity(len.max(64) * 2));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(more);
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut u8> {
        self.bytes.last_mut()
    }

    pub(super) fn check(&self) -> Result<(), PropertyError> {
        if self.is_full { Err(PropertyError::TooComplex) } else { Ok(()) }
    }

    pub(super) fn finish(self) -> Result<Found, PropertyError> {
        self.check()?;
        Ok(self.bytes)
    }
}

/// `[`, `{` or nothing, elements with commas between them, and what closes it.
pub(super) struct List {
    output: Output,
    len: usize,
}

impl List {
    pub(super) fn new(opening: &[u8]) -> Self {
        Self { output: Output::new(opening), len: 0 }
    }

    /// An element, in pieces.
    pub(super) fn push(&mut self, pieces: &[&[u8]]) {
        if self.len > 0 {
            self.output.push(b",");
        }
        self.len += 1;
        pieces.iter().for_each(|piece| self.output.push(piece));
    }

    pub(super) fn finish(mut self, closing: &[u8]) -> Result<Found, PropertyError> {
        self.output.push(closing);
        self.output.finish()
    }
}
