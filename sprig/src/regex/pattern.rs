//! Compiled expressions.

use std::{collections::BTreeMap, rc::Rc};

use gotemplate::{Context, Failure, Limit, Meter, Text};
use regex::bytes::{Captures, Match, Regex, RegexBuilder};

use super::{haystack::Haystack, translate::translate};

/// A compiled expression.
pub struct Pattern {
    regex: Regex,
    /// The names of groups, with the number of each.
    names: Vec<(String, usize)>,
    /// The cost of searching one byte of a text.
    weight: u64,
    is_empty: bool,
}

/// The expressions of one rendering. Each is compiled once.
#[derive(Default)]
struct Cache(BTreeMap<Text, Rc<Pattern>>);

/// The largest program that an expression may become, in bytes.
const SIZE_LIMIT: usize = 2 << 20;

impl Pattern {
    /// A compiled expression, which is kept until the rendering ends.
    pub(crate) fn cached(context: &mut Context<'_>, text: &Text) -> Result<Rc<Self>, Failure> {
        if let Some(known) = context.extension::<Cache>().0.get(text) {
            return Ok(Rc::clone(known));
        }
        let pattern = Rc::new(Self::new(&mut context.meter, text)?);
        context.extension::<Cache>().0.insert(text.clone(), Rc::clone(&pattern));
        Ok(pattern)
    }

    /// Compiles an expression.
    pub fn new(meter: &mut Meter<'_>, pattern: &[u8]) -> Result<Self, Failure> {
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

    /// Whether the expression matches somewhere in the text.
    pub fn is_match(&self, meter: &mut Meter<'_>, text: &Haystack) -> Result<bool, Limit> {
        self.account(meter, text)?;
        Ok(self.regex.is_match(text.searched()))
    }

    /// The places of the first `limit` matches.
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
