//! Limits on depth, size and work. Go's gjson has none, but callers may pass untrusted paths and
//! documents.

use std::cell::Cell;

use zeroize::Zeroizing;

use crate::error::Error;

/// A found or computed value. It is wiped on drop, because it may be secret.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// The nesting limit for queries, multipaths, the objects and arrays that a path enters, and the
/// documents that modifiers walk. `serde_json` has the same limit.
pub(crate) const MAX_DEPTH: usize = 128;

/// The size limit for intermediate values and results. A Kubernetes Secret cannot hold more.
pub(crate) const MAX_VALUE_BYTES: usize = 1 << 20;

/// The approximate number of bytes that one evaluation may scan: 256 times those of a 64 KiB
/// document.
pub(crate) const MAX_STEPS: u64 = 1 << 24;

/// The remaining step budget.
pub(crate) struct Work(Cell<u64>);

impl Work {
    pub(crate) fn new() -> Self {
        Self(Cell::new(MAX_STEPS))
    }

    pub(crate) fn spend(&self, steps: usize) -> Result<(), Error> {
        let left = self.0.get().checked_sub(steps as u64).ok_or(Error::TooComplex)?;
        self.0.set(left);
        Ok(())
    }
}

/// The next nesting level.
pub(crate) fn deeper(depth: usize) -> Result<usize, Error> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Error::TooComplex) }
}

/// A value under construction. Growing leaves no copies of the bytes in freed memory. Once the
/// value is too large, further bytes are dropped and `finish` fails.
pub(crate) struct Output {
    bytes: Bytes,
    is_full: bool,
}

impl Output {
    pub(crate) fn new(start: &[u8]) -> Self {
        let mut output = Self { bytes: Bytes::default(), is_full: false };
        output.push(start);
        output
    }

    pub(crate) fn push(&mut self, more: &[u8]) {
        let len = self.bytes.len() + more.len();
        if self.is_full || len > MAX_VALUE_BYTES {
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

    pub(crate) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut u8> {
        self.bytes.last_mut()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_full { Err(Error::TooComplex) } else { Ok(()) }
    }

    pub(crate) fn finish(self) -> Result<Bytes, Error> {
        self.check()?;
        Ok(self.bytes)
    }
}

/// An array or object under construction: the opening bracket, comma-separated elements, the
/// closing bracket.
pub(crate) struct List {
    output: Output,
    len: usize,
}

impl List {
    pub(crate) fn new(opening: &[u8]) -> Self {
        Self { output: Output::new(opening), len: 0 }
    }

    /// Appends one element, given in pieces.
    pub(crate) fn push(&mut self, pieces: &[&[u8]]) {
        if self.len > 0 {
            self.output.push(b",");
        }
        self.len += 1;
        pieces.iter().for_each(|piece| self.output.push(piece));
    }

    pub(crate) fn finish(mut self, closing: &[u8]) -> Result<Bytes, Error> {
        self.output.push(closing);
        self.output.finish()
    }
}
