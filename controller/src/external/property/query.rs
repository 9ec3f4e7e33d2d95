//! Queries: `#(name=="value")`.

use std::borrow::Cow;

use super::{
    PropertyError,
    limits::Work,
    number,
    path::string_end,
    scan::trimmed,
    text,
    value::{Kind, Part},
    wild,
};

/// What is asked of an element.
#[derive(Default)]
pub(super) struct Query<'p> {
    /// What of it is compared.
    pub(super) path: &'p [u8],
    operator: &'p [u8],
    value: Cow<'p, [u8]>,
    /// Whether all elements are wanted, and not the first.
    pub(super) is_all: bool,
}

impl<'p> Query<'p> {
    /// The query that a path begins with, and its length without the `#` behind; none if nothing
    /// closes it.
    pub(super) fn read(path: &'p [u8]) -> Option<(Self, usize)> {
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
                    let end = string_end(path, at);
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
        let (operator, value) = operator(trimmed(&path[condition.unwrap_or(end)..end]));
        let query = Self {
            path: trimmed(&path[2..condition.unwrap_or(end)]),
            operator,
            value: text::plain(trimmed(value), is_escaped),
            is_all: path.get(end + 1) == Some(&b'#'),
        };
        Some((query, end + 1))
    }

    /// Whether what was found at the query's path is as the query says.
    pub(super) fn fits(&self, found: Part<'_>, work: &Work) -> Result<bool, PropertyError> {
        work.spend(self.value.len())?;
        if let Some(word) = self.value.strip_prefix(b"~") {
            let is_so = match word {
                b"*" => found.exists(),
                b"null" => found.kind == Kind::Null,
                b"true" => is_true(found),
                b"false" => is_false(found),
                _ => return Ok(false),
            };
            return Ok(self.operator.is_empty() || self.fits_bool(is_so, b"true"));
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
                    b"%" => wild::fits(text.as_slice(), &self.value, work)?,
                    b"!%" => !wild::fits(text.as_slice(), &self.value, work)?,
                    _ => self.compares(&text.as_slice(), &&*self.value),
                }
            }
            Kind::Number => self.compares(&found.number(), &number::parsed(&self.value)),
            Kind::True => self.fits_bool(true, &self.value),
            Kind::False => self.fits_bool(false, &self.value),
            Kind::Array | Kind::Null | Kind::Object => false,
        })
    }

    fn compares<T: PartialOrd>(&self, found: &T, value: &T) -> bool {
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

    /// As gjson compares true and false: with words, not all of which are.
    fn fits_bool(&self, found: bool, value: &[u8]) -> bool {
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

/// The operator at the start, `=` for `==`, and the value behind it.
fn operator(condition: &[u8]) -> (&[u8], &[u8]) {
    let len = match condition {
        [b'=', b'=', ..] => return (&condition[1..2], &condition[2..]),
        [b'!', b'=' | b'%', ..] | [b'<' | b'>', b'=', ..] => 2,
        // A lone `!` is one that nothing fits.
        [b'<' | b'>' | b'=' | b'%', ..] | [_] => 1,
        _ => 0,
    };
    condition.split_at(len)
}

fn is_true(found: Part<'_>) -> bool {
    match found.kind {
        Kind::True => true,
        Kind::String => found.said() == Some(true),
        Kind::Number => found.number() != 0.0,
        _ => false,
    }
}

fn is_false(found: Part<'_>) -> bool {
    match found.kind {
        Kind::Null | Kind::False => true,
        Kind::String => found.said() == Some(false),
        Kind::Number => found.number() == 0.0,
        _ => false,
    }
}
