//! Numeric constants, in Go's syntax.

use std::str::FromStr as _;

/// An untyped constant, as in Go. It gets the type that its context requires, if it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    /// The value, if it is a whole number of 64 bits.
    pub(crate) int: Option<i64>,
    /// The value, if it is a whole number of 64 bits without a sign.
    pub(crate) unsigned: Option<u64>,
    /// The value, if it is real.
    pub(crate) float: Option<f64>,
    /// The value where any type is accepted.
    pub(crate) ideal: Ideal,
}

/// The type that a constant has by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ideal {
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    /// A whole number of 64 bits without a sign, too large for an `int`.
    Overflow,
}

impl Number {
    /// The character constant `c`.
    pub(crate) fn character(c: char) -> Self {
        Self::whole(i64::from(u32::from(c)))
    }

    /// A number like `12`, `0x1p-2` or `3i`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(imaginary) = text.strip_suffix('i') {
            return Some(Self::complex(0.0, parse_float(imaginary)?));
        }
        if let Some(int) = parse_integer(text) {
            return match i64::try_from(int) {
                Ok(int) => {
                    let number = Self::whole(int);
                    // Go accepts a plus as a sign, except before a zero.
                    let unsigned = number.unsigned.filter(|_| int == 0 || !text.starts_with('+'));
                    Some(Self { unsigned, ..Self::written(text, Some(int), number.float?) })
                }
                Err(_) => unsigned(text).map(|value| {
                    let (unsigned, float) = (Some(value), Some(value as f64));
                    Self { int: None, unsigned, float, ideal: Ideal::Overflow }
                }),
            };
        }
        // Without any of these it is an integer that Go cannot read, or one too large.
        let float = parse_float(text).filter(|_| text.contains(['.', 'e', 'E', 'p', 'P']))?;
        Some(Self::written(text, whole(float), float))
    }

    /// A number like `1+2i`.
    pub(crate) fn parse_complex(text: &str) -> Option<Self> {
        let text = text.strip_suffix('i')?;
        // The sign of the imaginary part is the last that is not an exponent's.
        let split = text.rmatch_indices(['+', '-']).map(|(at, _)| at).find(|at| {
            let before = text[..*at].chars().next_back();
            before.is_some() && !matches!(before, Some('e' | 'E' | 'p' | 'P'))
        })?;
        Some(Self::complex(parse_float(&text[..split])?, parse_float(&text[split..])?))
    }

    fn whole(int: i64) -> Self {
        let (unsigned, float) = (u64::try_from(int).ok(), Some(int as f64));
        Self { int: Some(int), unsigned, float, ideal: Ideal::Int(int) }
    }

    fn written(text: &str, int: Option<i64>, float: f64) -> Self {
        let hexadecimal = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X"));
        let is_hexadecimal_integer = hexadecimal && !text.contains(['p', 'P']);
        let ideal = match int {
            Some(int) if is_hexadecimal_integer || !text.contains(['.', 'e', 'E', 'p', 'P']) => {
                Ideal::Int(int)
            }
            _ => Ideal::Float(float),
        };
        Self { int, unsigned: whole_unsigned(float), float: Some(float), ideal }
    }

    fn complex(real: f64, imaginary: f64) -> Self {
        let float = (imaginary == 0.0).then_some(real);
        let (int, unsigned) = (float.and_then(whole), float.and_then(whole_unsigned));
        Self { int, unsigned, float, ideal: Ideal::Complex(real, imaginary) }
    }
}

/// The integer that equals a float.
fn whole(float: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (float.fract() == 0.0 && (-LIMIT..LIMIT).contains(&float)).then_some(float as i64)
}

/// The unsigned integer that equals a float.
fn whole_unsigned(float: f64) -> Option<u64> {
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    (float.fract() == 0.0 && (0.0..LIMIT).contains(&float)).then_some(float as u64)
}

fn unsigned(text: &str) -> Option<u64> {
    u64::try_from(parse_integer(text)?).ok().filter(|_| !text.starts_with('+'))
}

/// Parses an integer with any of Go's prefixes, within the range of `i64` and `u64`.
pub fn parse_integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let body = without_underscores(body, radix != 10)?;
    if !body.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(&body, radix).ok()?;
    Some(if negative { -value } else { value })
        .filter(|value| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value))
}

/// Parses a float in Go's syntax, hexadecimal included. Returns `None` on overflow.
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let magnitude = if let Some("0x" | "0X") = unsigned.get(..2) {
        hexadecimal_float(&unsigned[2..])?
    } else {
        f64::from_str(&without_underscores(unsigned, false)?).ok()?
    };
    let value = if text.starts_with('-') { -magnitude } else { magnitude };
    // Rust also reads words such as `inf`; they are refused like an overflow.
    value.is_finite().then_some(value)
}

/// Underscores are valid between digits and after a prefix.
fn without_underscores(digits: &str, prefixed: bool) -> Option<String> {
    if !digits.contains('_') {
        return Some(digits.to_owned());
    }
    let bytes = digits.as_bytes();
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
    for (at, _) in digits.match_indices('_') {
        let after_digit = if at == 0 { prefixed } else { is_digit(bytes.get(at - 1)) };
        if !after_digit || !is_digit(bytes.get(at + 1)) {
            return None;
        }
    }
    Some(digits.replace('_', ""))
}

/// The part after `0x`. It has an exponent.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let mantissa = without_underscores(mantissa, true)?;
    let mut exponent = i64::from_str(exponent.strip_prefix('+').unwrap_or(exponent)).ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Digits beyond those of a double only affect rounding. The last bit records them.
    let mut bits = 0_u64;
    for (at, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        if at >= whole.len() {
            exponent = exponent.checked_sub(4)?;
        }
        if bits >> 58 == 0 {
            bits = bits << 4 | digit;
        } else {
            bits |= u64::from(digit != 0);
            exponent = exponent.checked_add(4)?;
        }
    }
    scale(bits, exponent)
}

/// `bits × 2^exponent`, rounded once.
fn scale(mut bits: u64, exponent: i64) -> Option<f64> {
    if bits == 0 {
        return Some(0.0);
    }
    let mut exponent = exponent;
    let zeros = bits.leading_zeros();
    bits <<= zeros;
    exponent = exponent.checked_sub(i64::from(zeros))?;
    // Now the value is bits × 2^exponent with 64 bits; a normal double has 53.
    let lowest = (exponent + 11).max(-1074);
    let shift = u32::try_from(lowest.checked_sub(exponent)?).ok().filter(|shift| *shift < 66);
    let Some(shift) = shift else { return Some(0.0) };
    let wide = u128::from(bits);
    let (kept, lost) = (wide >> shift, wide & ((1 << shift) - 1));
    let half = 1_u128 << (shift - 1);
    let round_up = lost > half || (lost == half && kept & 1 == 1);
    let kept = u64::try_from(kept).ok()? + u64::from(round_up);
    // Both factors are exact, and so is the product, or it overflows.
    let step = if lowest < -1022 {
        f64::from_bits(1_u64 << (lowest + 1074))
    } else {
        if lowest > 1023 {
            return None;
        }
        f64::from_bits(u64::try_from(lowest + 1023).ok()? << 52)
    };
    Some(kept as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_floats_are_exact() {
        for (text, value) in [
            ("0x1p0", 1.0),
            ("0x1.8p1", 3.0),
            ("-0x.8p0", -0.5),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000081p0", 1.000_000_000_000_000_2),
        ] {
            assert_eq!(parse_float(text), Some(value), "{text}");
        }
        assert_eq!(parse_float("0x1p1024"), None);
        assert_eq!(parse_float("0x1"), None);
    }
}
