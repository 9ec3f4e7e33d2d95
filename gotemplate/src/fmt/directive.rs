//! The directives of a format string: `%`, flags, width, precision, argument indexes, verb.

use super::{flags::Flags, printer::Printer};
use crate::{
    limits::Limit,
    rune,
    value::{Kind, Value},
};

/// The largest width, precision or argument index.
const MAX_NUMBER: i64 = 1_000_000;

/// Prints `values` in this format. Mistakes in the format show in the output, as in Go.
pub(super) fn print(
    printer: &mut Printer<'_, '_>,
    format: &[u8],
    values: &[Value],
) -> Result<(), Limit> {
    let mut reader =
        Reader { rest: format, values, next: 0, index_is_good: true, reordered: false };
    while !reader.rest.is_empty() {
        let literal = reader.rest.iter().position(|byte| *byte == b'%');
        let (text, rest) = reader.rest.split_at(literal.unwrap_or(reader.rest.len()));
        printer.meter.step()?;
        printer.meter.bytes(text.len())?;
        printer.buffer.push(text);
        reader.rest = rest;
        if reader.take(b'%') {
            reader.directive(printer)?;
        }
    }
    if !reader.reordered && reader.next < values.len() {
        printer.flags = Flags::default();
        printer.buffer.push("%!(EXTRA ");
        for (index, value) in values[reader.next..].iter().enumerate() {
            if index > 0 {
                printer.buffer.push(", ");
            }
            printer.typed(value)?;
        }
        printer.buffer.push(")");
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
    values: &'a [Value],
    /// The argument to print next.
    next: usize,
    /// Whether all indexes of this directive were valid.
    index_is_good: bool,
    /// Whether any directive had an index.
    reordered: bool,
}

impl Reader<'_> {
    /// The percent sign has been read.
    fn directive(&mut self, printer: &mut Printer<'_, '_>) -> Result<(), Limit> {
        self.index_is_good = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.take(b'*') {
            match self.number_argument() {
                Some(width) => {
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                    if width < 0 {
                        (flags.minus, flags.zero) = (true, false);
                    }
                }
                None => printer.buffer.push("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.index_is_good = false;
            }
        }
        if self.take(b'.') {
            if after_index {
                self.index_is_good = false;
            }
            after_index = self.index();
            if self.take(b'*') {
                // A negative precision counts as none.
                flags.precision = self.number_argument().and_then(|n| usize::try_from(n).ok());
                if flags.precision.is_none() {
                    printer.buffer.push("%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let (verb, width) = rune::first(self.rest);
        if width == 0 {
            printer.buffer.push("%!(NOVERB)");
            return Ok(());
        }
        self.rest = &self.rest[width..];
        if verb == '%' {
            printer.buffer.push("%");
        } else if !self.index_is_good {
            printer.complain(verb, "BADINDEX");
        } else if let Some(value) = self.values.get(self.next) {
            if matches!(verb, 'v' | 'w') {
                flags.go_syntax = std::mem::take(&mut flags.sharp);
                flags.field_names = std::mem::take(&mut flags.plus);
            }
            printer.flags = flags;
            self.next += 1;
            printer.argument(value, verb)?;
        } else {
            printer.complain(verb, "MISSING");
        }
        Ok(())
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.rest.first() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        flags
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.rest.first() == Some(&byte);
        self.rest = &self.rest[usize::from(taken)..];
        taken
    }

    fn number(&mut self) -> Option<usize> {
        let len = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 {
            return None;
        }
        let (digits, rest) = self.rest.split_at(len);
        let number = str::from_utf8(digits).ok()?.parse::<i64>().ok();
        let number = number.filter(|number| *number <= MAX_NUMBER);
        // Go does not parse the rest of the format after a number that is too large.
        self.rest = if number.is_some() { rest } else { &[] };
        number.and_then(|number| usize::try_from(number).ok())
    }

    /// Reads an index like `[2]`, which selects the next argument. Returns whether it was valid.
    fn index(&mut self) -> bool {
        if self.rest.first() != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let Some(close) = self.rest.iter().position(|byte| *byte == b']') else {
            self.index_is_good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let digits = &self.rest[1..close];
        self.rest = &self.rest[close + 1..];
        let number = str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let number = number.and_then(|text| text.parse::<i64>().ok()).filter(|n| *n <= MAX_NUMBER);
        let index = number.and_then(|n| usize::try_from(n - 1).ok());
        match index.filter(|index| *index < self.values.len()) {
            Some(index) => self.next = index,
            None => self.index_is_good = false,
        }
        number.is_some()
    }

    /// The argument that a `*` refers to.
    fn number_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(value) | Value::Int64(value) => *value,
            Value::Uint8(value) => i64::from(*value),
            Value::Uint64(value) => i64::try_from(*value).ok()?,
            Value::Object(object) => match object.kind() {
                Kind::Integer(value) => value,
                Kind::Structure | Kind::Pointer => return None,
            },
            _ => return None,
        };
        (-MAX_NUMBER..=MAX_NUMBER).contains(&number).then_some(number)
    }
}
