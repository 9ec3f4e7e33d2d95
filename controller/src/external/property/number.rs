//! Numbers as Go's `strconv` reads and writes them.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::limits::Found;

/// What a text is as a number; zero if it is none. Like Go's `ParseFloat`, it takes hexadecimal numbers,
/// underscores between digits, infinities, and NaN.
pub(super) fn parsed(text: &[u8]) -> f64 {
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
    // Rust's NaN may have a sign.
    if unsigned.len() < text.len() && unsigned.eq_ignore_ascii_case("nan") {
        return None;
    }
    text.parse().ok()
}

/// Whether each underscore is behind a digit, or a prefix like `0x`, and before a digit.
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

/// `1.8p-1`: digits, perhaps a point, and an exponent of two, which has to be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let unsigned = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Farther than any number reaches, and than the digits of a value could move it.
    let exponent: i64 = unsigned.parse().unwrap_or(i64::MAX).min(1 << 30)
        * if exponent.starts_with('-') { -1 } else { 1 };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    // 60 bits, in the last of them whether there was more.
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

/// `mantissa` × 2^`exponent`, rounded once, to even.
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
    // A number below 2^-1022 has fewer bits than 53.
    let kept = 53 - (-1022 - top).max(0);
    let dropped = (bits - kept).max(0);
    let mut rounded = mantissa;
    if dropped > 0 {
        let (high, low) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
        let half = 1 << (dropped - 1);
        rounded = high + u64::from(low > half || low == half && high & 1 == 1);
    }
    let exponent = exponent + dropped;
    // In two steps, each of them exact: 2^-1074 is no factor that a product of normal numbers has.
    let half = i32::try_from(exponent / 2).unwrap_or_default();
    let rest = i32::try_from(exponent - exponent / 2).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "it has 53 bits")]
    let rounded = rounded as f64;
    rounded * 2_f64.powi(half) * 2_f64.powi(rest)
}

/// A number with all its digits and no exponent.
pub(super) fn written(number: f64) -> Found {
    // Those near 2^-1022 are the longest, with some 330 letters. A text that grew would leave copies.
    let mut text = String::with_capacity(400);
    let is_written = match number {
        f64::INFINITY => text.write_str("+Inf"),
        f64::NEG_INFINITY => text.write_str("-Inf"),
        number => write!(text, "{number}"),
    };
    debug_assert!(is_written.is_ok(), "a string takes what is written");
    text.into_bytes().into()
}

/// What Go's `int64(number)` is, where gjson takes it for exact, or else what the digits are, modulo 2^64.
pub(super) fn whole(number: f64, text: &[u8]) -> i64 {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    if !(-EXACT..=EXACT).contains(&number)
        && let Some(whole) = digits(text)
    {
        return whole;
    }
    #[expect(clippy::cast_possible_truncation, reason = "that is what it does")]
    let whole = number as i64;
    // As on x86-64: out of range is the least.
    if whole == i64::MAX { i64::MIN } else { whole }
}

/// Digits, perhaps with a minus, modulo 2^64.
pub(super) fn digits(text: &[u8]) -> Option<i64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let whole = index(unsigned)?.cast_signed();
    Some(if unsigned.len() < text.len() { whole.wrapping_neg() } else { whole })
}

/// Digits, modulo 2^64.
pub(super) fn index(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append =
        |whole: u64, digit: &u8| whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
    Some(text.iter().fold(0, append))
}
