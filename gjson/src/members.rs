//! The members of an object, as Go's `encoding/json` decodes them. gjson has no part in this.

use zeroize::Zeroizing;

use crate::{
    limits::Bytes,
    text::{rune, surrogate_pair},
    valid::is_valid,
    value::{Kind, RawValue},
};

/// See [`crate::members`].
pub(crate) fn members(json: &[u8]) -> Option<Vec<(String, Bytes)>> {
    let whole = RawValue::parse(json);
    if !is_valid(json) {
        return None;
    }
    match whole.kind {
        Kind::Object => {}
        Kind::Null => return Some(Vec::new()),
        _ => return None,
    }
    let member = |(name, part): (Option<&[u8]>, RawValue<'_>)| {
        let name = unquoted(name.unwrap_or_default());
        // Decoding null into a Go string leaves it empty.
        let value = match part.kind {
            Kind::Null => Bytes::default(),
            Kind::String => unquoted(part.raw),
            _ => Zeroizing::new(part.raw.to_vec()),
        };
        (String::from_utf8_lossy(&name).into_owned(), value)
    };
    Some(whole.entries().map(member).collect())
}

/// The content of a JSON string, or `None` if it is not valid JSON.
pub(crate) fn string(raw: &[u8]) -> Option<Bytes> {
    is_valid(raw).then(|| unquoted(raw))
}

/// A valid string without quotes and escapes. Invalid UTF-8 and lone surrogates become U+FFFD.
fn unquoted(raw: &[u8]) -> Bytes {
    let text = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    // U+FFFD, which replaces an invalid byte, takes three bytes.
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    let mut at = 0;
    while at < text.len() {
        let (mut c, mut len) = rune(&text[at..]);
        if c == '\\' {
            (c, len) = escaped(&text[at + 1..]);
            len += 1;
        }
        plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        at += len;
    }
    plain
}

/// The character that an escape stands for, and the length of the escape after the `\`.
fn escaped(text: &[u8]) -> (char, usize) {
    let plain = match text.first() {
        Some(b'u') => return code(&text[1..]),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(byte) => char::from(*byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (plain, 1)
}

/// The character that a `\u` escape stands for, and the length of the escape including the `u`.
fn code(digits: &[u8]) -> (char, usize) {
    let unit = |digits: &[u8]| u32::from_str_radix(str::from_utf8(digits.get(..4)?).ok()?, 16).ok();
    let first = unit(digits).unwrap_or_default();
    let second = digits.get(4..).and_then(|rest| unit(rest.strip_prefix(b"\\u")?));
    if let (Some(c), _) = (char::from_u32(first), second) {
        return (c, 5);
    }
    let c = second.map_or(char::REPLACEMENT_CHARACTER, |second| surrogate_pair(first, second));
    (c, if c == char::REPLACEMENT_CHARACTER { 5 } else { 11 })
}
