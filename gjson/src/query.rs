//! Queries: `#(name=="value")`.

use std::borrow::Cow;

use crate::{
    error::Error,
    limits::Work,
    number,
    scan::{closing_quote, trim},
    text,
    value::{Kind, RawValue},
    wildcard,
};

/// A condition on an array's elements.
#[derive(Default)]
pub(crate) struct Query<'p> {
    /// The path, within an element, of the value to compare.
    pub(crate) path: &'p [u8],
    operator: &'p [u8],
    value: Cow<'p, [u8]>,
    /// Whether all matching elements are wanted instead of the first.
    pub(crate) is_all: bool,
}

impl<'p> Query<'p> {
    /// The query that a path begins with, and its length without a trailing `#`. `None` if the
    /// query is not closed.
    pub(crate) fn read(path: &'p [u8]) -> Option<(Self, usize)> {
        let (mut depth, mut at) = (1_usize, 2);
        let (mut condition, mut is_escaped) = (None, false);
        let end = loop {
            match *path.get(at)? {
                b'!' | b'=' | b'<' | b'>' | b'%' if depth == 1 && condition.is_none() => {
                    condition = Some(at);
                }
                b'\\' => at += 1,
                b'[' | b'(' => depth += 1,
                b']' | b')' => depth -= 1,
                b'"' => {
                    let end = closing_quote(path, at);
                    is_escaped |= path[at..end].contains(&b'\\');
                    at = end;
                }
                _ => {}
            }
            if depth == 0 {
                break at;
            }
            at += 1;
        };
        let (operator, value) = operator(trim(&path[condition.unwrap_or(end)..end]));
        let query = Self {
            path: trim(&path[2..condition.unwrap_or(end)]),
            operator,
            value: text::query_value(trim(value), is_escaped),
            is_all: path.get(end + 1) == Some(&b'#'),
        };
        Some((query, end + 1))
    }

    /// Whether the value at the query's path meets the condition.
    pub(crate) fn matches(&self, found: RawValue<'_>, work: &Work) -> Result<bool, Error> {
        work.spend(self.value.len())?;
        if let Some(word) = self.value.strip_prefix(b"~") {
            let holds = match word {
                b"*" => found.exists(),
                b"null" => found.kind == Kind::Null,
                b"true" => is_true(found),
                b"false" => is_false(found),
                _ => return Ok(false),
            };
            return Ok(self.operator.is_empty() || self.compare_bool(holds, b"true"));
        }
        if !found.exists() {
            return Ok(false);
        }
        if self.operator.is_empty() {
            return Ok(true);
        }
        Ok(match found.kind {
            Kind::String => {
                let text = found.text();
                match self.operator {
                    b"%" => wildcard::matches(text.as_slice(), &self.value, work)?,
                    b"!%" => !wildcard::matches(text.as_slice(), &self.value, work)?,
                    _ => self.compare(&text.as_slice(), &&*self.value),
                }
            }
            Kind::Number => self.compare(&found.number(), &number::parse_float(&self.value)),
            Kind::True => self.compare_bool(true, &self.value),
            Kind::False => self.compare_bool(false, &self.value),
            Kind::Array | Kind::Null | Kind::Object => false,
        })
    }

    fn compare<T: PartialOrd>(&self, found: &T, value: &T) -> bool {
        match self.operator {
            b"=" => found == value,
            b"!=" => found != value,
            b"<" => found < value,
            b"<=" => found <= value,
            b">" => found > value,
            b">=" => found >= value,
            _ => false,
        }
    }

    /// Compares a boolean with the query's text, as gjson does: text that is neither `true` nor
    /// `false` is allowed.
    fn compare_bool(&self, found: bool, value: &[u8]) -> bool {
        let word = |word: bool| value == if word { &b"true"[..] } else { b"false" };
        match self.operator {
            b"=" => word(found),
            b"!=" => !word(found),
            b">" => found && word(false),
            b">=" => found,
            b"<" => !found && word(true),
            b"<=" => !found,
            _ => false,
        }
    }
}

/// The leading operator, with `==` read as `=`, and the value after it.
fn operator(condition: &[u8]) -> (&[u8], &[u8]) {
    let len = match condition {
        [b'=', b'=', ..] => return (&condition[1..2], &condition[2..]),
        [b'!', b'=' | b'%', ..] | [b'<' | b'>', b'=', ..] => 2,
        // A single `!` is an operator that nothing matches.
        [b'<' | b'>' | b'=' | b'%', ..] | [_] => 1,
        _ => 0,
    };
    condition.split_at(len)
}

fn is_true(found: RawValue<'_>) -> bool {
    match found.kind {
        Kind::True => true,
        Kind::String => found.as_bool() == Some(true),
        Kind::Number => found.number() != 0.0,
        _ => false,
    }
}

fn is_false(found: RawValue<'_>) -> bool {
    match found.kind {
        Kind::Null | Kind::False => true,
        Kind::String => found.as_bool() == Some(false),
        Kind::Number => found.number() == 0.0,
        _ => false,
    }
}
