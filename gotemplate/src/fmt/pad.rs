//! Padding to a width, which counts characters.

use super::{flags::Flags, printer::Printer};
use crate::{limits::Limit, rune};

impl Printer<'_, '_> {
    /// Writes `text`, padded according to the flags.
    pub(super) fn pad(&mut self, text: &[u8]) -> Result<(), Limit> {
        let missing = self.missing(rune::count(text));
        self.meter.bytes(text.len() + missing)?;
        if self.flags.minus {
            self.buffer.push(text);
            self.buffer.repeat(b' ', missing);
        } else {
            self.buffer.repeat(if self.flags.zero { b'0' } else { b' ' }, missing);
            self.buffer.push(text);
        }
        Ok(())
    }

    /// Writes `text`, padded with spaces only.
    pub(super) fn pad_with_spaces(&mut self, text: &[u8]) -> Result<(), Limit> {
        let zero = std::mem::take(&mut self.flags.zero);
        let result = self.pad(text);
        self.flags.zero = zero;
        result
    }

    /// The number of missing characters.
    pub(super) fn missing(&self, len: usize) -> usize {
        self.flags.width.unwrap_or(0).saturating_sub(len)
    }
}

impl Flags {
    /// The width, if zeros fill it.
    pub(super) fn zero_width(&self) -> Option<usize> {
        self.width.filter(|_| self.zero && !self.minus)
    }
}
