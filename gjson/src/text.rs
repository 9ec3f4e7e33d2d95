//! Quotes and unquotes JSON strings.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::{
    error::Error,
    limits::{Bytes, Output},
    scan,
};

/// Bytes of a document, or computed ones.
pub(crate) enum Text<'j> {
    Borrowed(&'j [u8]),
    Owned(Bytes),
}

impl Text<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Text::Borrowed(bytes) => bytes,
            Text::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn into_owned(self) -> Bytes {
        match self {
            Text::Borrowed(bytes) => Zeroizing::new(bytes.to_vec()),
            Text::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn slice(self, start: usize, end: usize) -> Self {
        match self {
            Text::Borrowed(bytes) => Text::Borrowed(&bytes[start..end]),
            Text::Owned(bytes) if start == 0 && end == bytes.len() => Text::Owned(bytes),
            Text::Owned(bytes) => Text::Owned(Zeroizing::new(bytes[start..end].to_vec())),
        }
    }
}

/// The content of a string. `raw` begins with a quote; the closing one may be missing.
pub(crate) fn unquoted(raw: &[u8]) -> Text<'_> {
    let end = scan::string_end(raw, 0).map_or(raw.len(), |end| end - 1);
    let inner = &raw[1..end];
    if inner.contains(&b'\\') { Text::Owned(unescaped(inner)) } else { Text::Borrowed(inner) }
}

/// Replaces escapes. The result ends silently at an invalid escape or a control character, as in
/// gjson.
pub(crate) fn unescaped(text: &[u8]) -> Bytes {
    // No escape is shorter than the character it stands for, so the buffer never grows.
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            0..b' ' => break,
            b'\\' => {}
            _ => {
                plain.push(*byte);
                continue;
            }
        }
        at += 1;
        match text.get(at - 1) {
            Some(byte @ (b'\\' | b'/' | b'"')) => plain.push(*byte),
            Some(b'b') => plain.push(8),
            Some(b'f') => plain.push(12),
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(b't') => plain.push(b'\t'),
            Some(b'u') if text.len() >= at + 4 => {
                let (c, len) = unicode_escape(&text[at..]);
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
            }
            _ => break,
        }
    }
    plain
}

/// The character of a `\u` escape, and the length of its digits. After a surrogate, this includes
/// the next `\u` escape, even one that is not a surrogate.
fn unicode_escape(digits: &[u8]) -> (char, usize) {
    let first = unit(digits);
    if (0xd800..0xe000).contains(&first)
        && let Some(second) = digits[4..].strip_prefix(b"\\u")
        && second.len() >= 4
    {
        return (surrogate_pair(first, unit(second)), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

/// Parses four hexadecimal digits; anything else is zero.
fn unit(digits: &[u8]) -> u32 {
    let mut unit = 0;
    for byte in &digits[..4] {
        let Some(digit) = char::from(*byte).to_digit(16) else { return 0 };
        unit = unit * 16 + digit;
    }
    unit
}

/// The character of two UTF-16 surrogates.
pub(crate) fn surrogate_pair(first: u32, second: u32) -> char {
    let halves = match (first, second) {
        (0xd800..0xdc00, 0xdc00..0xe000) => {
            Some(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        }
        _ => None,
    };
    halves.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Quotes a text as a JSON string. Like Go, it escapes `<`, `>` and `&`, and replaces invalid
/// UTF-8.
pub(crate) fn quoted(text: &[u8]) -> Result<Bytes, Error> {
    let mut output = Output::new(b"\"");
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            8 => output.push(b"\\b"),
            12 => output.push(b"\\f"),
            b'\n' => output.push(b"\\n"),
            b'\r' => output.push(b"\\r"),
            b'\t' => output.push(b"\\t"),
            b'\\' | b'"' => output.push(&[b'\\', *byte]),
            0..b' ' | b'<' | b'>' | b'&' => output.push(format!("\\u{byte:04x}").as_bytes()),
            b' '..0x80 => output.push(&[*byte]),
            _ => {
                let (c, len) = rune(&text[at - 1..]);
                match c {
                    '\u{2028}' => output.push(b"\\u2028"),
                    '\u{2029}' => output.push(b"\\u2029"),
                    char::REPLACEMENT_CHARACTER if len == 1 => output.push(b"\\ufffd"),
                    _ => output.push_char(c),
                }
                at += len - 1;
            }
        }
    }
    output.push(b"\"");
    output.finish()
}

/// The first character and its length, or U+FFFD and 1 for an invalid byte, like Go's
/// `utf8.DecodeRune`.
pub(crate) fn rune(text: &[u8]) -> (char, usize) {
    let head = &text[..text.len().min(4)];
    let head = match str::from_utf8(head) {
        Ok(head) => head,
        Err(error) => str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    head.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8()))
}

/// The characters of a text, with U+FFFD for each invalid byte.
pub(crate) fn runes(mut text: &[u8]) -> impl Iterator<Item = char> + '_ {
    std::iter::from_fn(move || {
        let (c, len) = (!text.is_empty()).then(|| rune(text))?;
        text = &text[len..];
        Some(c)
    })
}

/// Trims Unicode white space from both ends, like Go's `TrimSpace`.
pub(crate) fn trim_space(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    loop {
        let (first, len) = rune(text);
        if !first.is_whitespace() {
            break;
        }
        text = &text[len..];
    }
    let ends = |text: &[u8], len: usize| {
        let tail = str::from_utf8(&text[text.len().checked_sub(len)?..]).ok()?;
        let mut chars = tail.chars();
        (chars.next()?.is_whitespace() && chars.next().is_none()).then_some(len)
    };
    while let Some(len) = (1..=3).find_map(|len| ends(text, len)) {
        text = &text[..text.len() - len];
    }
    text
}

/// A query's value without its quotes, if it has any.
pub(crate) fn query_value(value: &[u8], is_escaped: bool) -> Cow<'_, [u8]> {
    match value {
        [b'"', inner @ .., b'"'] if is_escaped => Cow::Owned(unescaped(inner).to_vec()),
        [b'"', inner @ .., b'"'] => Cow::Borrowed(inner),
        _ => Cow::Borrowed(value),
    }
}
