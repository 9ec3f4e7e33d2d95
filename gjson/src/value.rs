//! Values of a document, in their raw form, and their conversions.

use crate::{
    number,
    scan::{bracket_end, number_end, string_end, word_end},
    text::{Text, unquoted},
};

/// The kind of a value. Like gjson, it is decided by the first characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Array,
    False,
    Null,
    Number,
    Object,
    String,
    True,
}

impl Kind {
    /// The kind of the value that begins at `at`, if one does.
    pub(crate) fn at(json: &[u8], at: usize) -> Option<Self> {
        Some(match json.get(at)? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b't' => Kind::True,
            b'f' => Kind::False,
            b'n' if json.get(at + 1).is_none_or(|second| *second == b'u') => Kind::Null,
            b'n' | b'N' | b'i' | b'I' | b'+' | b'-' | b'0'..=b'9' => Kind::Number,
            _ => return None,
        })
    }

    pub(crate) fn is_container(self) -> bool {
        matches!(self, Kind::Array | Kind::Object)
    }
}

/// A value, or [`Value::MISSING`].
pub(crate) struct Value<'j> {
    kind: Kind,
    raw: Text<'j>,
}

impl<'j> Value<'j> {
    pub(crate) const MISSING: Value<'static> = Value { kind: Kind::Null, raw: Text::Borrowed(&[]) };

    pub(crate) fn new(kind: Kind, raw: Text<'j>) -> Self {
        Self { kind, raw }
    }

    /// The value that a text begins with. For an object or array, this is the whole rest of the
    /// text.
    pub(crate) fn parse(text: Text<'j>) -> Self {
        let json = text.as_slice();
        let Some((start, kind)) = json
            .iter()
            .position(|byte| *byte > b' ')
            .and_then(|start| Some((start, Kind::at(json, start)?)))
        else {
            return Self::MISSING;
        };
        let end = if kind.is_container() { None } else { end(json, start, kind) };
        let end = end.unwrap_or(json.len());
        Self { kind, raw: text.slice(start, end) }
    }

    pub(crate) fn as_raw(&self) -> RawValue<'_> {
        RawValue { kind: self.kind, raw: self.raw.as_slice() }
    }

    pub(crate) fn into_raw(self) -> Text<'j> {
        self.raw
    }

    pub(crate) fn into_owned(self) -> Value<'static> {
        Value { kind: self.kind, raw: Text::Owned(self.raw.into_owned()) }
    }
}

/// A value that is part of a document.
#[derive(Clone, Copy)]
pub(crate) struct RawValue<'j> {
    pub(crate) kind: Kind,
    /// Its text in the document, or empty if there is no value.
    pub(crate) raw: &'j [u8],
}

impl<'j> RawValue<'j> {
    /// See [`Value::parse`].
    pub(crate) fn parse(json: &'j [u8]) -> Self {
        let Value { kind, raw: Text::Borrowed(raw) } = Value::parse(Text::Borrowed(json)) else {
            unreachable!("a slice of borrowed text is borrowed")
        };
        Self { kind, raw }
    }

    /// The value at `start`, and its end. `None` if it is an unterminated string.
    pub(crate) fn read(json: &'j [u8], start: usize, kind: Kind) -> Option<(Self, usize)> {
        let end = end(json, start, kind)?;
        Some((Self { kind, raw: &json[start..end.min(json.len())] }, end))
    }

    /// The next value at or after `from`, and its end. Bytes before the value are skipped.
    pub(crate) fn next(json: &'j [u8], from: usize) -> Option<(Self, usize)> {
        let at = |at| Some((at, Kind::at(json, at)?));
        let (start, kind) = (from..json.len()).find_map(at)?;
        Self::read(json, start, kind)
    }

    pub(crate) fn value(self) -> Value<'j> {
        Value { kind: self.kind, raw: Text::Borrowed(self.raw) }
    }

    pub(crate) fn exists(self) -> bool {
        !self.raw.is_empty()
    }

    /// Go's `Result.String`.
    pub(crate) fn text(self) -> Text<'j> {
        Text::Borrowed(match self.kind {
            Kind::Null => b"",
            Kind::False => b"false",
            Kind::True => b"true",
            Kind::Array | Kind::Object => self.raw,
            Kind::String => return unquoted(self.raw),
            Kind::Number => {
                let digits = self.raw.strip_prefix(b"-").unwrap_or(self.raw);
                if !digits.iter().all(u8::is_ascii_digit) {
                    return Text::Owned(number::format_float(self.number()));
                }
                self.raw
            }
        })
    }

    /// The number, or zero for other kinds.
    pub(crate) fn number(self) -> f64 {
        if self.kind == Kind::Number { number::parse_float(self.raw) } else { 0.0 }
    }

    /// Go's `Result.Bool`.
    pub(crate) fn bool(self) -> bool {
        match self.kind {
            Kind::True => true,
            Kind::Number => self.number() != 0.0,
            Kind::String => self.as_bool() == Some(true),
            _ => false,
        }
    }

    /// Go's `Result.Int`.
    pub(crate) fn int(self) -> i64 {
        match self.kind {
            Kind::True => 1,
            Kind::Number => number::to_int(self.number(), self.raw),
            Kind::String => number::parse_int(self.text().as_slice()).unwrap_or_default(),
            _ => 0,
        }
    }

    /// The boolean that a string spells, if any.
    pub(crate) fn as_bool(self) -> Option<bool> {
        let text = self.text();
        let is_one =
            |words: [&[u8]; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text.as_slice()));
        match () {
            () if is_one([b"1", b"t", b"true"]) => Some(true),
            () if is_one([b"0", b"f", b"false"]) => Some(false),
            () => None,
        }
    }

    /// The members of an object, with raw names, or the elements of an array. A scalar is its own
    /// only entry.
    pub(crate) fn entries(self) -> Entries<'j> {
        Entries { whole: self, at: usize::from(self.kind.is_container()) }
    }
}

fn end(json: &[u8], start: usize, kind: Kind) -> Option<usize> {
    match kind {
        Kind::Array | Kind::Object => Some(bracket_end(json, start)),
        Kind::String => string_end(json, start),
        Kind::Number => Some(number_end(json, start)),
        Kind::Null | Kind::False | Kind::True => Some(word_end(json, start)),
    }
}

/// See [`RawValue::entries`]. It continues after the closing bracket, as Go's `ForEach` does.
pub(crate) struct Entries<'j> {
    whole: RawValue<'j>,
    at: usize,
}

impl<'j> Iterator for Entries<'j> {
    type Item = (Option<&'j [u8]>, RawValue<'j>);

    fn next(&mut self) -> Option<Self::Item> {
        let RawValue { kind, raw: json } = self.whole;
        if self.at >= json.len() {
            return None;
        }
        if !kind.is_container() {
            self.at = json.len();
            return Some((None, self.whole));
        }
        let mut name = None;
        if kind == Kind::Object {
            let quote = self.at + json[self.at..].iter().position(|byte| *byte == b'"')?;
            self.at = string_end(json, quote)?;
            name = Some(&json[quote..self.at]);
        }
        let (value, end) = RawValue::next(json, self.at)?;
        // Skip one character without looking at it, normally the comma.
        self.at = end + 1;
        Some((name, value))
    }
}
