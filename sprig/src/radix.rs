//! Base64 and base32 as in Go: line breaks are skipped, and an error contains its position.

use gotemplate::Buffer;

/// Decodes base64 (RFC 4648 §4) as Go does. `None` if the text is malformed.
pub fn decode_base64(text: &[u8]) -> Option<Buffer> {
    BASE64.decode(text).ok()
}

/// An encoding of groups of bytes as groups of digits.
pub(crate) struct Radix {
    name: &'static str,
    digits: &'static [u8],
    /// The number of bits per digit.
    bits: usize,
    /// The number of digits in a group of whole bytes.
    group: usize,
}

/// RFC 4648 §4.
pub(crate) const BASE64: Radix = Radix {
    name: "base64",
    digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};

/// RFC 4648 §6.
pub(crate) const BASE32: Radix =
    Radix { name: "base32", digits: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };

impl Radix {
    pub(crate) fn encode(&self, bytes: &[u8]) -> Buffer {
        let group_bytes = self.group * self.bits / 8;
        let mut text = Buffer::with_capacity(bytes.len().div_ceil(group_bytes) * self.group);
        for group in bytes.chunks(group_bytes) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let bits = bits << (8 * (group_bytes - group.len()));
            let digits = (8 * group.len()).div_ceil(self.bits);
            for index in 0..self.group {
                let shift = self.bits * (self.group - 1 - index);
                let digit = (bits >> shift) as usize & (self.digits.len() - 1);
                text.push_byte(if index < digits { self.digits[digit] } else { b'=' });
            }
        }
        text
    }

    /// The decoded bytes, or Go's error message as the result.
    pub(crate) fn decode_or_complain(&self, text: &[u8]) -> Buffer {
        self.decode(text).unwrap_or_else(|at| {
            let mut complaint = Buffer::default();
            complaint.push(format!("illegal {} data at input byte {at}", self.name));
            complaint
        })
    }

    /// The bytes, or the position of the first error.
    pub(crate) fn decode(&self, text: &[u8]) -> Result<Buffer, usize> {
        let mut bytes = Buffer::with_capacity(text.len() * self.bits / 8 + 8);
        // The position in an error counts line breaks in base64, but not in base32.
        let is_break = |c: &u8| matches!(c, b'\r' | b'\n');
        let kept = text.iter().copied().enumerate().filter(|(_, c)| !is_break(c)).enumerate();
        let counts_breaks = self.group == BASE64.group;
        let mut digits = kept.map(|(count, (at, c))| (if counts_breaks { at } else { count }, c));
        let breaks = if counts_breaks { 0 } else { text.iter().filter(|c| is_break(c)).count() };
        let len = text.len() - breaks;
        loop {
            let (mut bits, mut count) = (0_u64, 0);
            while count < self.group {
                let Some((at, c)) = digits.next() else {
                    return if count == 0 { Ok(bytes) } else { Err(len - count) };
                };
                if c == b'=' {
                    self.padding(at, count, &mut digits, len)?;
                    self.flush(&mut bytes, bits, count);
                    return Ok(bytes);
                }
                let digit = self.digits.iter().position(|digit| *digit == c).ok_or(at)?;
                bits = bits << self.bits | digit as u64;
                count += 1;
            }
            self.flush(&mut bytes, bits, count);
        }
    }

    /// Checks that only padding follows the padding character at `at`, which `count` digits precede.
    fn padding(
        &self,
        at: usize,
        count: usize,
        rest: &mut impl Iterator<Item = (usize, u8)>,
        len: usize,
    ) -> Result<(), usize> {
        // As many digits as whole bytes leave.
        let is_last_group = self.group == 4 || len - at <= self.group;
        if count * self.bits % 8 >= self.bits || count == 0 || !is_last_group {
            return Err(at);
        }
        for _ in count + 1..self.group {
            match rest.next() {
                Some((_, b'=')) => {}
                Some((at, _)) => return Err(at - 1),
                None => return Err(len),
            }
        }
        rest.next().map_or(Ok(()), |(at, _)| Err(at))
    }

    /// The whole bytes of `count` digits.
    fn flush(&self, bytes: &mut Buffer, bits: u64, count: usize) {
        let whole = count * self.bits / 8;
        let bits = bits >> (count * self.bits - 8 * whole);
        bytes.push(&bits.to_be_bytes()[8 - whole..]);
    }
}
