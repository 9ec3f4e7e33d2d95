//! Floats and complex numbers, with the flags of a directive.

use super::{
    float::{FloatFormat, format_float},
    printer::Printer,
};
use crate::limits::Limit;

impl Printer<'_, '_> {
    /// A float; `upper` for the verbs in capitals.
    pub(super) fn float(
        &mut self,
        value: f64,
        format: FloatFormat,
        precision: Option<usize>,
        upper: bool,
    ) -> Result<(), Limit> {
        let flags = self.flags;
        let precision = flags.precision.or(precision);
        self.meter.bytes(precision.unwrap_or(0) + 400)?;
        let mut text = format_float(value, format, precision);
        if upper {
            let upper = text.to_uppercase();
            text = if value.is_finite() { upper } else { text };
        }
        if !text.starts_with(['+', '-']) {
            text.insert(0, '+');
        }
        if flags.space && text.starts_with('+') && !flags.plus {
            text.replace_range(..1, " ");
        }
        if !value.is_finite() {
            if value.is_nan() && !flags.space && !flags.plus {
                text.remove(0);
            }
            return self.pad_with_spaces(text.as_bytes());
        }
        if flags.sharp && format != FloatFormat::Binary {
            text = with_all_digits(&text, format, precision);
        }
        if !flags.plus && text.starts_with('+') {
            return self.pad(&text.as_bytes()[1..]);
        }
        if let Some(width) = flags.zero_width().filter(|width| *width > text.len()) {
            // The sign goes before the zeros.
            let zeros = width - text.len();
            self.meter.bytes(width)?;
            self.buffer.push(&text[..1]);
            self.buffer.repeat(b'0', zeros);
            self.buffer.push(&text[1..]);
            return Ok(());
        }
        self.pad(text.as_bytes())
    }

    /// A complex number. Its imaginary part always has a sign.
    pub(super) fn complex(
        &mut self,
        parts: (f64, f64),
        format: FloatFormat,
        precision: Option<usize>,
        upper: bool,
    ) -> Result<(), Limit> {
        self.buffer.push("(");
        self.float(parts.0, format, precision, upper)?;
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(parts.1, format, precision, upper)?;
        self.flags.plus = plus;
        self.buffer.push("i)");
        Ok(())
    }
}

/// The flag `#`: always a point, and for `%g` no zero is left out.
fn with_all_digits(text: &str, format: FloatFormat, precision: Option<usize>) -> String {
    let is_hexadecimal = format == FloatFormat::Hexadecimal;
    let tail =
        text.find(|c: char| matches!(c, 'p' | 'P') || (!is_hexadecimal && matches!(c, 'e' | 'E')));
    let (number, tail) = text.split_at(tail.unwrap_or(text.len()));
    // Only `%#g` and `%#x` pad with zeros, `%#X` does not. The `x` counts as a digit.
    let keeps_digits = format == FloatFormat::General || number.contains('x');
    let wanted = if keeps_digits { precision.unwrap_or(6) } else { 0 };
    let digits = number[1..].trim_start_matches(['0', '.']);
    let mut significant = digits.chars().filter(|c| *c != '.').count();
    let mut number = number.to_owned();
    if !number.contains('.') {
        // A zero before the point is a digit too.
        significant += usize::from(number.len() == 2 && number.ends_with('0'));
        number.push('.');
    }
    number.push_str(&"0".repeat(wanted.saturating_sub(significant)));
    number + tail
}
