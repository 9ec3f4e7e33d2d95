//! Strings of JSON: without their quotes and escapes, and with them.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::{
    PropertyError,
    limits::{Found, Output},
    scan,
};

/// Bytes of a document, or some that were made.
pub(super) enum Text<'j> {
    Borrowed(&'j [u8]),
    Owned(Found),
}

impl Text<'_> {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Text::Borrowed(bytes) => bytes,
            Text::Owned(bytes) => bytes,
        }
    }

    pub(super) fn into_owned(self) -> Found {
        match self {
            Text::Borrowed(bytes) => Zeroizing::new(bytes.to_vec()),
            Text::Owned(bytes) => bytes,
        }
    }

    /// A part of it.
    pub(super) fn part(self, start: usize, end: usize) -> Self {
        match self {
            Text::Borrowed(bytes) => Text::Borrowed(&bytes[start..end]),
            Text::Owned(bytes) if start == 0 && end == bytes.len() => Text::Owned(bytes),
            Text::Owned(bytes) => Text::Owned(Zeroizing::new(bytes[start..end].to_vec())),
        }
    }
}

/// What a string of a document says. `raw` begins with a quote, and may lack the other.
pub(super) fn unquoted(raw: &[u8]) -> Text<'_> {
    let end = scan::string_end(raw, 0).map_or(raw.len(), |end| end - 1);
    let inner = &raw[1..end];
    if inner.contains(&b'\\') { Text::Owned(unescaped(inner)) } else { Text::Borrowed(inner) }
}

/// A text without escapes. It ends where an escape is none, or a control character follows one: gjson
/// does not tell either.
pub(super) fn unescaped(text: &[u8]) -> Found {
    // No escape is shorter than what it stands for.
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
                let (c, len) = code(&text[at..]);
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += len;
            }
            _ => break,
        }
    }
    plain
}

/// The character behind `\u`, and the length of its digits: those of the second half too, and that
/// whatever it is.
fn code(digits: &[u8]) -> (char, usize) {
    let first = unit(digits);
    if (0xd800..0xe000).contains(&first)
        && let Some(second) = digits[4..].strip_prefix(b"\\u")
        && second.len() >= 4
    {
        return (pair(first, unit(second)), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

/// What four letters are as digits; zero if they are none.
fn unit(digits: &[u8]) -> u32 {
    let mut unit = 0;
    for byte in &digits[..4] {
        let Some(digit) = char::from(*byte).to_digit(16) else { return 0 };
        unit = unit * 16 + digit;
    }
    unit
}

/// A character of two halves of UTF-16.
pub(super) fn pair(first: u32, second: u32) -> char {
    let halves = match (first, second) {
        (0xd800..0xdc00, 0xdc00..0xe000) => {
            Some(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        }
        _ => None,
    };
    halves.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A text as a string of JSON. Like Go's, it has no `<`, `>` or `&`, and no byte that is not UTF-8.
pub(super) fn quoted(text: &[u8]) -> Result<Found, PropertyError> {
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

/// The first character, and its length: U+FFFD and 1 if it is none, as Go's `utf8.DecodeRune` has it.
pub(super) fn rune(text: &[u8]) -> (char, usize) {
    let head = &text[..text.len().min(4)];
    let head = match str::from_utf8(head) {
        Ok(head) => head,
        Err(error) => str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    head.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8()))
}

/// Each character, and U+FFFD for each byte that is none.
pub(super) fn runes(mut text: &[u8]) -> impl Iterator<Item = char> + '_ {
    std::iter::from_fn(move || {
        let (c, len) = (!text.is_empty()).then(|| rune(text))?;
        text = &text[len..];
        Some(c)
    })
}

/// Without the spaces of Unicode on both sides, as Go's `TrimSpace`.
pub(super) fn without_spaces(text: &[u8]) -> &[u8] {
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

/// A path's name without its quotes, if it has any.
pub(super) fn plain(value: &[u8], is_escaped: bool) -> Cow<'_, [u8]> {
    match value {
        [b'"', inner @ .., b'"'] if is_escaped => Cow::Owned(unescaped(inner).to_vec()),
        [b'"', inner @ .., b'"'] => Cow::Borrowed(inner),
        _ => Cow::Borrowed(value),
    }
}
