//! The meaning of a scalar without quotes (go-yaml 2, `resolve`).

use gotemplate::{parse_float, parse_integer};

use crate::time;

/// A scalar's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    /// Of 64 bits, with or without a sign.
    Int(i128),
    Float(f64),
    /// A date. All later readers treat it as a string.
    Timestamp,
    Text(&'a str),
}

pub(super) fn resolve(text: &str) -> Scalar<'_> {
    if let Some(word) = word(text) {
        return word;
    }
    match text.as_bytes().first() {
        Some(b'.') => float(text).map_or(Scalar::Text(text), Scalar::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(text),
        _ => Scalar::Text(text),
    }
}

fn word(text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Scalar<'_> {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    let is_whole = |number: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(number);
    // A number beyond `i64` is unsigned, and then may not have a `+`.
    let is_signed = |number: &i128| *number <= i128::from(i64::MAX) || !plain.starts_with('+');
    if let Some(number) = parse_integer(&plain).filter(is_whole).filter(is_signed) {
        return Scalar::Int(number);
    }
    float(&plain).map_or(Scalar::Text(text), Scalar::Float)
}

/// A float of decimal digits.
fn float(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    let mut fraction = 0;
    if let Some(behind) = rest.strip_prefix('.') {
        fraction = digits(behind);
        rest = &behind[fraction..];
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        rest = &exponent[digits(exponent)..];
        if exponent.is_empty() {
            return None;
        }
    }
    rest.is_empty().then(|| parse_float(text)).flatten()
}

/// `2006-1-2`, with or without a time.
fn is_timestamp(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    if digits(text) != 4 || text.as_bytes().get(4) != Some(&b'-') {
        return false;
    }
    let layouts = [
        "2006-1-2T15:4:5.999999999Z07:00",
        "2006-1-2t15:4:5.999999999Z07:00",
        "2006-1-2 15:4:5.999999999",
        "2006-1-2",
    ];
    layouts.iter().any(|layout| time::parse(layout, text).is_some())
}

/// Digits of base 60, as in `12:30:45`: an older YAML reads them as a number, so they are quoted.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_first = first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let is_part =
        |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let mut count = 0;
    let are_parts = parts.inspect(|_| count += 1).all(is_part);
    let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    is_first && are_parts && count > 0 && is_fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_resolve_as_in_go() {
        assert_eq!(resolve("yes"), Scalar::Bool(true));
        assert_eq!(resolve("NO"), Scalar::Bool(false));
        assert_eq!(resolve(""), Scalar::Null);
        assert_eq!(resolve("0x1F"), Scalar::Int(31));
        assert_eq!(resolve("010"), Scalar::Int(8));
        assert_eq!(resolve("0b11"), Scalar::Int(3));
        assert_eq!(resolve("-0b11"), Scalar::Int(-3));
        assert_eq!(resolve("1_000"), Scalar::Int(1000));
        assert_eq!(resolve("18446744073709551615"), Scalar::Int(u64::MAX.into()));
        assert_eq!(resolve("18446744073709551616"), Scalar::Float(18_446_744_073_709_551_616.0));
        assert_eq!(resolve("1."), Scalar::Float(1.0));
        assert_eq!(resolve(".5e1"), Scalar::Float(5.0));
        assert_eq!(resolve("2026-1-2"), Scalar::Timestamp);
        for text in [".", "1e", "1x", "-", "+", "1:20", "a", "2026-13-2", ".e1", "--1"] {
            assert_eq!(resolve(text), Scalar::Text(text));
        }
        assert!(is_sexagesimal("1:20") && is_sexagesimal("-1_0:09:59.5"));
        assert!(!is_sexagesimal("1:60") && !is_sexagesimal("1.5") && !is_sexagesimal("a:1"));
    }
}
