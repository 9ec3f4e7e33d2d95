//! Integers in any base, and as characters.

use super::{printable::is_printable, printer::Printer, quote::quote_char, radix::Radix};
use crate::{limits::Limit, text::Buffer};

impl Printer<'_, '_> {
    pub(super) fn integer(&mut self, value: i128, radix: Radix) -> Result<(), Limit> {
        let flags = self.flags;
        let signed = value < 0 || flags.plus || flags.space;
        if flags.precision == Some(0) && value == 0 {
            // Nothing but padding.
            return self.pad_with_spaces(b"");
        }
        let min_digits = match (flags.precision, flags.zero_width()) {
            (Some(precision), _) => precision,
            (None, Some(width)) => width.saturating_sub(usize::from(signed)),
            (None, None) => 0,
        };
        self.meter.bytes(min_digits)?;
        let mut text = Buffer::with_capacity(min_digits + 70);
        match () {
            () if value < 0 => text.push("-"),
            () if flags.plus => text.push("+"),
            () if flags.space => text.push(" "),
            () => {}
        }
        let digits = digits(value.unsigned_abs(), radix);
        let zeros = min_digits.saturating_sub(digits.len());
        if flags.sharp {
            match radix.base {
                2 => text.push("0b"),
                8 if zeros == 0 && !digits.starts_with('0') => text.push("0"),
                16 => text.push(if radix.upper { "0X" } else { "0x" }),
                _ => {}
            }
        }
        if radix.octal_prefix {
            text.push("0o");
        }
        text.repeat(b'0', zeros);
        text.push(digits);
        self.pad_with_spaces(&text)
    }

    /// `%c`
    pub(super) fn character(&mut self, value: i128) -> Result<(), Limit> {
        self.pad(to_char(value).encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// `%q`
    pub(super) fn quoted_character(&mut self, value: i128) -> Result<(), Limit> {
        let quoted = quote_char(to_char(value), self.flags.plus);
        self.pad(quoted.as_bytes())
    }

    /// `%U`
    pub(super) fn unicode(&mut self, value: i128) -> Result<(), Limit> {
        let min_digits = self.flags.precision.unwrap_or(0).max(4);
        self.meter.bytes(min_digits)?;
        let code = value as u64;
        let mut text = format!("U+{code:0min_digits$X}");
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && is_printable(*c)) {
            text.extend([' ', '\'', c, '\'']);
        }
        self.pad_with_spaces(text.as_bytes())
    }
}

/// Numbers that are not characters become U+FFFD.
fn to_char(value: i128) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn digits(magnitude: u128, radix: Radix) -> String {
    match (radix.base, radix.upper) {
        (2, _) => format!("{magnitude:b}"),
        (8, _) => format!("{magnitude:o}"),
        (16, false) => format!("{magnitude:x}"),
        (16, true) => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    }
}
