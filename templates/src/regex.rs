//! Regular expressions: Go's syntax and semantics on the `regex` crate.

mod class;
mod replacement;
mod translate;

use regex::bytes::{Captures, Match, Regex, RegexBuilder};

pub(crate) use self::replacement::expand;
use self::translate::translate;
use crate::{
    error::Failure,
    limits::{Limit, Meter},
    rune,
    text::{Buffer, Text},
};

/// A compiled expression.
pub(crate) struct Pattern {
    regex: Regex,
    /// The names of groups, with the number of each.
    names: Vec<(String, usize)>,
    /// How much there is to do for each byte of a text.
    weight: u64,
    is_empty: bool,
}

/// The largest program that an expression may become, in bytes.
const SIZE_LIMIT: usize = 2 << 20;

impl Pattern {
    pub(crate) fn new(meter: &mut Meter<'_>, pattern: &[u8]) -> Result<Self, Failure> {
        meter.steps(pattern.len() as u64)?;
        let translated = translate(pattern).ok_or(MALFORMED)?;
        meter.steps(translated.weight)?;
        let regex = RegexBuilder::new(&translated.pattern)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|_| MALFORMED)?;
        let (names, weight) = (translated.names, translated.weight);
        Ok(Self { regex, names, weight, is_empty: pattern.is_empty() })
    }

    /// Whether the expression is the empty one.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub(crate) fn names(&self) -> &[(String, usize)] {
        &self.names
    }

    pub(crate) fn is_match(&self, meter: &mut Meter<'_>, text: &Haystack) -> Result<bool, Limit> {
        self.account(meter, text)?;
        Ok(self.regex.is_match(text.searched()))
    }

    /// Where the matches are, the first `limit` of them.
    pub(crate) fn find_all(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, Limit> {
        self.account(meter, text)?;
        let matches = self.regex.find_iter(text.searched());
        let on_boundary = |found: &Match<'_>| text.is_boundary(found.start());
        let most = meter.limits.items + 1;
        let places =
            matches.filter(on_boundary).take(limit.min(most)).map(|m| (m.start(), m.end()));
        let places: Vec<_> = places.collect();
        meter.items(places.len())?;
        Ok(places)
    }

    /// Calls `found` with each match and its groups.
    pub(crate) fn captures(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        mut found: impl FnMut(&mut Meter<'_>, &Captures<'_>) -> Result<(), Limit>,
    ) -> Result<(), Limit> {
        self.account(meter, text)?;
        for captures in self.regex.captures_iter(text.searched()) {
            meter.steps(1 + self.weight / 16)?;
            if captures.get(0).is_some_and(|whole| text.is_boundary(whole.start())) {
                found(meter, &captures)?;
            }
        }
        Ok(())
    }

    fn account(&self, meter: &mut Meter<'_>, text: &Haystack) -> Result<(), Limit> {
        let len = text.searched().len() as u64;
        meter.steps(1 + len.saturating_mul(self.weight) / 256)
    }
}

const MALFORMED: Failure = Failure::Because("the regular expression is malformed");

/// A text to search. To an expression, a byte that is no UTF-8 is U+FFFD.
pub(crate) struct Haystack {
    text: Text,
    /// With U+FFFD for what is invalid, and for each of its bytes where that stands in the text.
    replaced: Option<(Buffer, Vec<usize>)>,
}

impl Haystack {
    pub(crate) fn new(meter: &mut Meter<'_>, text: &Text) -> Result<Self, Limit> {
        if str::from_utf8(text).is_ok() {
            return Ok(Self { text: text.clone(), replaced: None });
        }
        meter.bytes(text.len().saturating_mul(3 + 3 * size_of::<usize>()))?;
        let (mut buffer, mut places) = (Buffer::default(), Vec::new());
        let mut at = 0;
        for (c, read) in rune::runes(text) {
            places.resize(places.len() + c.len_utf8(), at);
            buffer.push_char(c);
            at += read.len();
        }
        places.push(at);
        Ok(Self { text: text.clone(), replaced: Some((buffer, places)) })
    }

    /// The bytes between two places that a match told.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &[u8] {
        match &self.replaced {
            Some((_, places)) => &self.text[places[start]..places[end]],
            None => &self.text[start..end],
        }
    }

    /// The last place.
    pub(crate) fn len(&self) -> usize {
        self.searched().len()
    }

    fn searched(&self) -> &[u8] {
        self.replaced.as_ref().map_or(&self.text, |(buffer, _)| buffer)
    }

    /// Go never looks into the middle of a character; `\B` of the `regex` crate does.
    fn is_boundary(&self, at: usize) -> bool {
        self.searched().get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
    }
}
