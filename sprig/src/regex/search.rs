//! Searches of one text.
//!
//! After a match, an automaton continues to read, because a longer match may have precedence. If none
//! follows, the next search begins at the end of the match and reads the same bytes again. So a search
//! for all matches would take quadratic time. To prevent that, a search records the positions and
//! states from which the automaton continued without success, and stops there.

use std::collections::HashSet;

use gotemplate::{Limit, Meter};
use regex_automata::{
    Anchored, Input,
    hybrid::{LazyStateID, dfa},
    util::captures::Captures,
};

use super::engine::{Caches, Engine};

/// A search for the matches of an expression in a text, one after the other.
pub(super) struct Search<'s> {
    engine: &'s Engine,
    caches: &'s mut Caches,
    text: &'s [u8],
    /// The start of the search for the next match.
    next: usize,
    /// The end of the last match.
    last_end: Option<usize>,
    futile: Futile,
}

/// The states and positions from which no match follows.
#[derive(Default)]
struct Futile {
    known: HashSet<(LazyStateID, usize)>,
    /// Those since the last match. They are futile if no other match follows.
    recent: Vec<(LazyStateID, usize)>,
    /// How often the automaton has cleared its states. After that, their numbers mean other states.
    generation: usize,
}

/// The distance in bytes between two recorded states.
const STRIDE: usize = 64;

/// The memory of a recorded state, in bytes.
const REMEMBERED_BYTES: usize = 64;

/// The number of bytes that are charged at a time.
const CHARGED_AT_ONCE: usize = 1 << 10;

/// An automaton fails only if it is configured to. Ours are not.
const INFALLIBLE: &str = "the automaton has no byte to quit at and never gives up";

impl<'s> Search<'s> {
    pub(super) fn new(engine: &'s Engine, caches: &'s mut Caches, text: &'s [u8]) -> Self {
        let generation = caches.forward.clear_count();
        let futile = Futile { generation, ..Futile::default() };
        Self { engine, caches, text, next: 0, last_end: None, futile }
    }

    /// The start and the end of the next match.
    pub(super) fn next(&mut self, meter: &mut Meter<'_>) -> Result<Option<(usize, usize)>, Limit> {
        while self.next <= self.text.len() {
            let Some(end) = self.end_of_match(meter, false)? else { break };
            self.charge(meter, end - self.next)?;
            let input = Input::new(self.text).span(self.next..end).anchored(Anchored::Yes);
            let found = self.engine.reverse.try_search_rev(&mut self.caches.reverse, &input);
            let start = found.expect(INFALLIBLE).map_or(end, |start| start.offset());
            // As in Go, an empty match right after another one does not count.
            if start == end && self.last_end == Some(end) {
                self.next += 1;
                continue;
            }
            (self.next, self.last_end) = (end, Some(end));
            return Ok(Some((start, end)));
        }
        self.next = self.text.len() + 1;
        Ok(None)
    }

    /// Finds the groups of a match.
    pub(super) fn groups(
        &mut self,
        meter: &mut Meter<'_>,
        (start, end): (usize, usize),
        captures: &mut Captures,
    ) -> Result<(), Limit> {
        let cost = (end - start + 1) as u64;
        meter.steps(cost.saturating_mul(self.engine.weight) / 16)?;
        if self.caches.groups.is_none() {
            meter.bytes(self.engine.groups_bytes())?;
        }
        let groups = &self.engine.groups;
        let cache = self.caches.groups.get_or_insert_with(|| groups.create_cache());
        let input = Input::new(self.text).span(start..end).anchored(Anchored::Yes);
        groups.search(cache, &input, captures);
        Ok(())
    }

    fn charge(&self, meter: &mut Meter<'_>, bytes: usize) -> Result<(), Limit> {
        meter.steps((bytes as u64).saturating_mul(self.engine.weight) / 256)
    }

    /// The end of the next match, or of any of its prefixes that matches.
    pub(super) fn end_of_match(
        &mut self,
        meter: &mut Meter<'_>,
        earliest: bool,
    ) -> Result<Option<usize>, Limit> {
        let automaton = &self.engine.forward;
        let input = Input::new(self.text).range(self.next..);
        let start = automaton.start_state_forward(&mut self.caches.forward, &input);
        let mut state = start.expect(INFALLIBLE);
        let mut found = None;
        let mut uncharged = 0;
        self.futile.recent.clear();
        for (at, byte) in self.text.iter().enumerate().skip(self.next) {
            if uncharged == CHARGED_AT_ONCE {
                self.charge(meter, std::mem::take(&mut uncharged))?;
            }
            uncharged += 1;
            if found.is_some()
                && at % STRIDE == 0
                && self.futile.contains_or_remembers(&self.caches.forward, state, at)
            {
                self.charge(meter, uncharged)?;
                self.futile.confirm(&self.caches.forward, meter)?;
                return Ok(found);
            }
            state = automaton.next_state(&mut self.caches.forward, state, *byte).expect(INFALLIBLE);
            if state.is_match() {
                // Automata report a match a byte late.
                found = Some(at);
                self.futile.recent.clear();
                if earliest {
                    break;
                }
            } else if state.is_dead() {
                break;
            }
        }
        self.charge(meter, uncharged)?;
        let is_known = state.is_dead() || (earliest && found.is_some());
        if !is_known {
            let end = automaton.next_eoi_state(&mut self.caches.forward, state).expect(INFALLIBLE);
            if end.is_match() {
                return Ok(Some(self.text.len()));
            }
        }
        if found.is_some() {
            self.futile.confirm(&self.caches.forward, meter)?;
        }
        Ok(found)
    }
}

impl Futile {
    /// Whether no match follows. If that is unknown, the position is recorded until it is known.
    fn contains_or_remembers(&mut self, cache: &dfa::Cache, state: LazyStateID, at: usize) -> bool {
        self.forget_old(cache);
        if self.known.contains(&(state, at)) {
            return true;
        }
        self.recent.push((state, at));
        false
    }

    /// No match has followed.
    fn confirm(&mut self, cache: &dfa::Cache, meter: &mut Meter<'_>) -> Result<(), Limit> {
        self.forget_old(cache);
        meter.bytes(self.recent.len() * REMEMBERED_BYTES)?;
        self.known.extend(self.recent.drain(..));
        Ok(())
    }

    fn forget_old(&mut self, cache: &dfa::Cache) {
        if cache.clear_count() != self.generation {
            self.generation = cache.clear_count();
            self.known.clear();
            self.recent.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use gotemplate::{Limits, Meter, Text};

    use crate::regex::{Haystack, Pattern};

    /// The matches, and the steps that they cost.
    fn found(pattern: &str, text: &str) -> (Vec<(usize, usize)>, u64) {
        let limits = Limits { items: usize::MAX, ..Limits::default() };
        let mut meter = Meter::new(limits, &|| false);
        let pattern = Pattern::new(&mut meter, pattern.as_bytes()).unwrap();
        let text = Haystack::new(&mut meter, &Text::from(text)).unwrap();
        let used = meter.used_steps();
        (pattern.find_all(&mut meter, &text, usize::MAX).unwrap(), meter.used_steps() - used)
    }

    /// Each match of the second alternative comes after a search to the end for the first.
    #[test]
    fn search_for_all_matches_takes_linear_time() {
        for pattern in [".*[^A-Z]|[A-Z]", "(?s).*!|.", "[A-Z]*?[^A-Z]|[A-Z]|$", "A*B|A*C|A"] {
            let cost = |len| {
                let (matches, steps) = found(pattern, &"A".repeat(len));
                assert!(matches.len() >= len, "{pattern}");
                steps
            };
            let (once, twice) = (cost(10_000), cost(20_000));
            assert!(twice < 5 * once / 2, "{pattern}: {once} steps, then {twice}");
        }
    }

    /// As found by the `regex` crate, which keeps no such record.
    #[test]
    fn places_of_matches_are_those_of_the_regex_crate() {
        let long = "ab cd\nAAA 12 é€ ".repeat(40);
        let texts = ["", "a", "aaa", "ab ab", "AAAAx", "é€😀", &long, &"A".repeat(300)];
        for pattern in [
            "",
            "a*",
            "a|ab",
            "ab|a",
            "a*?",
            "(a|b)+",
            "^",
            "$",
            "(?m)^",
            "(?m)$",
            r"\b",
            ".",
            ".*",
            "(?s).*?",
            ".*[^A-Z]|[A-Z]",
            "A*B|A",
            "[^a]",
            "é|",
            "a{2,3}",
            "x*$",
            "(?i)AB",
        ] {
            // Our translation only knows boundaries of ASCII words, as in Go.
            let expected = pattern.replace(r"\b", r"(?-u:\b)");
            let expected = regex::bytes::Regex::new(&expected).unwrap();
            for text in texts {
                let is_boundary = |at: &usize| text.is_char_boundary(*at);
                let matches = expected.find_iter(text.as_bytes());
                let places = matches.map(|found| (found.start(), found.end()));
                let places: Vec<_> = places.filter(|(start, _)| is_boundary(start)).collect();
                assert_eq!(found(pattern, text).0, places, "{pattern} in {text}");
            }
        }
    }
}
