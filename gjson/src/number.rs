//! Parses and formats numbers as Go's `strconv` does.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::limits::Bytes;

/// Parses a number; anything else is zero. Like Go's `ParseFloat`, it accepts hexadecimal numbers,
/// underscores between digits, infinities, and NaN.
pub(crate) fn parse_float(text: &[u8]) -> f64 {
    let Ok(text) = str::from_utf8(text) else { return 0.0 };
    number(text).unwrap_or_default()
}

fn number(text: &str) -> Option<f64> {
    let stripped;
    let text = if text.contains('_') {
        are_underscores_between_digits(text).then_some(())?;
        stripped = Zeroizing::new(text.replace('_', ""));
        &stripped
    } else {
        text
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let number = hexadecimal(digits)?;
        return Some(if text.starts_with('-') { -number } else { number });
    }
    // Rust accepts a sign before NaN, Go does not.
    if unsigned.len() < text.len() && unsigned.eq_ignore_ascii_case("nan") {
        return None;
    }
    text.parse().ok()
}

/// Whether each underscore follows a digit or a prefix such as `0x`, and precedes a digit.
fn are_underscores_between_digits(text: &str) -> bool {
    let (mut is_hexadecimal, mut last) = (false, b'!');
    let mut text = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    if let [b'0', base, rest @ ..] = text
        && b"box".contains(&base.to_ascii_lowercase())
    {
        (is_hexadecimal, last, text) = (base.eq_ignore_ascii_case(&b'x'), b'0', rest);
    }
    for byte in text {
        let is_digit = byte.is_ascii_digit() || is_hexadecimal && byte.is_ascii_hexdigit();
        match (is_digit, *byte, last) {
            (true, ..) => last = b'0',
            (_, b'_', b'0') => last = b'_',
            (_, b'_', _) | (.., b'_') => return false,
            _ => last = b'!',
        }
    }
    last != b'_'
}

/// Parses the part after `0x` of a number such as `0x1.8p-1`. The exponent of two is mandatory.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The cap exceeds every finite exponent, plus any shift that the digits of a document can
    // cause.
    let exponent: i64 = unsigned.parse().unwrap_or(i64::MAX).min(1 << 30)
        * if exponent.starts_with('-') { -1 } else { 1 };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    // Keep 60 bits. The last one also records whether any dropped digit was not zero.
    let (mut mantissa, mut shift) = (0_u64, 0_i64);
    for (index, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16)?);
        let is_fraction = index >= whole.len();
        if mantissa >> 56 == 0 {
            mantissa = mantissa << 4 | digit;
            shift -= 4 * i64::from(is_fraction);
        } else {
            mantissa |= u64::from(digit > 0);
            shift += 4 * i64::from(!is_fraction);
        }
    }
    Some(scaled(mantissa, exponent + shift))
}

/// `mantissa` × 2^`exponent`, rounded once, half to even.
fn scaled(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let bits = i64::from(64 - mantissa.leading_zeros());
    let top = exponent + bits - 1;
    if top > 1023 {
        return f64::INFINITY;
    }
    if top < -1075 {
        return 0.0;
    }
    // Subnormal numbers, below 2^-1022, have fewer than 53 bits.
    let kept = 53 - (-1022 - top).max(0);
    let dropped = (bits - kept).max(0);
    let mut rounded = mantissa;
    if dropped > 0 {
        let (high, low) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
        let half = 1 << (dropped - 1);
        rounded = high + u64::from(low > half || low == half && high & 1 == 1);
    }
    let exponent = exponent + dropped;
    // Scale in two exact steps, because 2^-1074 itself is not a normal number.
    let half = i32::try_from(exponent / 2).unwrap_or_default();
    let rest = i32::try_from(exponent - exponent / 2).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "it has at most 53 bits")]
    let rounded = rounded as f64;
    rounded * 2_f64.powi(half) * 2_f64.powi(rest)
}

/// Formats a number with all its digits and no exponent.
pub(crate) fn format_float(number: f64) -> Bytes {
    // Numbers near 2^-1022 are the longest, with about 330 characters. A string that grows would
    // leave copies of the value in freed memory.
    let mut text = String::with_capacity(400);
    let is_written = match number {
        f64::INFINITY => text.write_str("+Inf"),
        f64::NEG_INFINITY => text.write_str("-Inf"),
        number => write!(text, "{number}"),
    };
    debug_assert!(is_written.is_ok(), "writing to a string cannot fail");
    text.into_bytes().into()
}

/// Go's `int64(number)` where gjson considers it exact, otherwise the digits modulo 2^64.
pub(crate) fn to_int(number: f64, text: &[u8]) -> i64 {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    if !(-EXACT..=EXACT).contains(&number)
        && let Some(whole) = parse_int(text)
    {
        return whole;
    }
    #[expect(clippy::cast_possible_truncation, reason = "Go truncates too")]
    let whole = number as i64;
    // On x86-64, Go converts numbers out of range to the smallest integer.
    if whole == i64::MAX { i64::MIN } else { whole }
}

/// Parses digits with an optional minus sign, modulo 2^64.
pub(crate) fn parse_int(text: &[u8]) -> Option<i64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let whole = parse_index(unsigned)?.cast_signed();
    Some(if unsigned.len() < text.len() { whole.wrapping_neg() } else { whole })
}

/// Parses digits, modulo 2^64.
pub(crate) fn parse_index(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append =
        |whole: u64, digit: &u8| whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    Some(text.iter().fold(0, append))
}
