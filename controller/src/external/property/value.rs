//! A value as it is written in a document, and what can be asked of it.

use super::{
    number,
    scan::{bracket_end, number_end, string_end, word_end},
    text::{Text, unquoted},
};

/// What gjson takes a value for, by how it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Array,
    False,
    Null,
    Number,
    Object,
    String,
    True,
}

impl Kind {
    /// Of what is at a place, if a value begins there.
    pub(super) fn at(json: &[u8], at: usize) -> Option<Self> {
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

    pub(super) fn is_container(self) -> bool {
        matches!(self, Kind::Array | Kind::Object)
    }
}

/// A value, or none.
pub(super) struct Value<'j> {
    kind: Kind,
    raw: Text<'j>,
}

impl<'j> Value<'j> {
    pub(super) const MISSING: Value<'static> = Value { kind: Kind::Null, raw: Text::Borrowed(&[]) };

    /// One that was made.
    pub(super) fn made(kind: Kind, raw: Text<'j>) -> Self {
        Self { kind, raw }
    }

    /// The value that a text begins with. Of an object or array it is all that follows.
    pub(super) fn parse(text: Text<'j>) -> Self {
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
        Self { kind, raw: text.part(start, end) }
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part { kind: self.kind, raw: self.raw.as_slice() }
    }

    pub(super) fn into_raw(self) -> Text<'j> {
        self.raw
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        Value { kind: self.kind, raw: Text::Owned(self.raw.into_owned()) }
    }
}

/// A value in a document.
#[derive(Clone, Copy)]
pub(super) struct Part<'j> {
    pub(super) kind: Kind,
    /// How it is written; empty if there is no value.
    pub(super) raw: &'j [u8],
}

impl<'j> Part<'j> {
    /// See [`Value::parse`].
    pub(super) fn parse(json: &'j [u8]) -> Self {
        let Value { kind, raw: Text::Borrowed(raw) } = Value::parse(Text::Borrowed(json)) else {
            unreachable!("a part of what is borrowed is borrowed")
        };
        Self { kind, raw }
    }

    /// The value at a place, and the place behind it; none if it is a string that does not end.
    pub(super) fn read(json: &'j [u8], start: usize, kind: Kind) -> Option<(Self, usize)> {
        let end = end(json, start, kind)?;
        Some((Self { kind, raw: &json[start..end.min(json.len())] }, end))
    }

    /// The next value from a place on, whatever is before it, and the place behind it.
    pub(super) fn next(json: &'j [u8], from: usize) -> Option<(Self, usize)> {
        let at = |at| Some((at, Kind::at(json, at)?));
        let (start, kind) = (from..json.len()).find_map(at)?;
        Self::read(json, start, kind)
    }

    pub(super) fn value(self) -> Value<'j> {
        Value { kind: self.kind, raw: Text::Borrowed(self.raw) }
    }

    pub(super) fn exists(self) -> bool {
        !self.raw.is_empty()
    }

    /// What Go's `Result.String` gives.
    pub(super) fn text(self) -> Text<'j> {
        Text::Borrowed(match self.kind {
            Kind::Null => b"",
            Kind::False => b"false",
            Kind::True => b"true",
            Kind::Array | Kind::Object => self.raw,
            Kind::String => return unquoted(self.raw),
            Kind::Number => {
                let digits = self.raw.strip_prefix(b"-").unwrap_or(self.raw);
                if !digits.iter().all(u8::is_ascii_digit) {
                    return Text::Owned(number::written(self.number()));
                }
                self.raw
            }
        })
    }

    /// A number's, or zero.
    pub(super) fn number(self) -> f64 {
        if self.kind == Kind::Number { number::parsed(self.raw) } else { 0.0 }
    }

    /// What Go's `Result.Bool` gives.
    pub(super) fn bool(self) -> bool {
        match self.kind {
            Kind::True => true,
            Kind::Number => self.number() != 0.0,
            Kind::String => self.said() == Some(true),
            _ => false,
        }
    }

    /// What Go's `Result.Int` gives.
    pub(super) fn int(self) -> i64 {
        match self.kind {
            Kind::True => 1,
            Kind::Number => number::whole(self.number(), self.raw),
            Kind::String => number::digits(self.text().as_slice()).unwrap_or_default(),
            _ => 0,
        }
    }

    /// What a string says of true and false, if it does.
    pub(super) fn said(self) -> Option<bool> {
        let text = self.text();
        let is_one =
            |words: [&[u8]; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text.as_slice()));
        match () {
            () if is_one([b"1", b"t", b"true"]) => Some(true),
            () if is_one([b"0", b"f", b"false"]) => Some(false),
            () => None,
        }
    }

    /// The members of an object, with the names as they are written, or the elements of an array; of
    /// what is neither, itself.
    pub(super) fn entries(self) -> Entries<'j> {
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

/// See [`Part::entries`]. It goes on behind the bracket that closes it, as Go's `ForEach` does.
pub(super) struct Entries<'j> {
    whole: Part<'j>,
    at: usize,
}

impl<'j> Iterator for Entries<'j> {
    type Item = (Option<&'j [u8]>, Part<'j>);

    fn next(&mut self) -> Option<Self::Item> {
        let Part { kind, raw: json } = self.whole;
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
        let (value, end) = Part::next(json, self.at)?;
        // One letter that is not looked at: the comma.
        self.at = end + 1;
        Some((name, value))
    }
}
