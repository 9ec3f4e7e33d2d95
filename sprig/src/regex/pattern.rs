//! Compiled expressions.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::{Mutex, PoisonError},
};

use gotemplate::{Context, Failure, Limit, Meter, Text};
use regex_automata::util::captures::Captures;

use super::{
    engine::{Caches, Engine},
    haystack::Haystack,
    search::Search,
    translate::translate,
};

/// A compiled expression.
pub struct Pattern {
    engine: Engine,
    caches: Mutex<Caches>,
    /// The names of groups, with the number of each.
    names: Vec<(String, usize)>,
    is_empty: bool,
}

/// The expressions of one rendering.
#[derive(Default)]
struct Cache(BTreeMap<Text, Rc<Pattern>>);

/// The number of expressions that a rendering caches.
const MAX_CACHED: usize = 64;

impl Pattern {
    /// A compiled expression. The rendering caches it while it uses few others.
    pub(crate) fn cached(context: &mut Context<'_>, text: &Text) -> Result<Rc<Self>, Failure> {
        if let Some(known) = context.extension::<Cache>().0.get(text) {
            return Ok(Rc::clone(known));
        }
        let pattern = Rc::new(Self::new(&mut context.meter, text)?);
        let cache = &mut context.extension::<Cache>().0;
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(text.clone(), Rc::clone(&pattern));
        Ok(pattern)
    }

    /// Compiles an expression.
    pub fn new(meter: &mut Meter<'_>, pattern: &[u8]) -> Result<Self, Failure> {
        meter.steps(pattern.len() as u64)?;
        // The translation escapes characters.
        meter.bytes(pattern.len().saturating_mul(4))?;
        let translated = translate(pattern).ok_or(MALFORMED)?;
        meter.steps(translated.weight)?;
        let engine = Engine::new(meter, &translated)?.ok_or(MALFORMED)?;
        let caches = Mutex::new(Caches::new(&engine));
        Ok(Self { engine, caches, names: translated.names, is_empty: pattern.is_empty() })
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
        self.search(meter, text, |search, meter| Ok(search.end_of_match(meter, true)?.is_some()))
    }

    /// The positions of the first `limit` matches.
    pub(crate) fn find_all(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, Limit> {
        self.search(meter, text, |search, meter| {
            let mut places = Vec::new();
            while places.len() < limit
                && let Some((start, end)) = search.next(meter)?
            {
                if text.is_boundary(start) {
                    if places.len() == meter.limits.items {
                        return Err(Limit::Items);
                    }
                    meter.items(1)?;
                    places.push((start, end));
                }
            }
            Ok(places)
        })
    }

    /// Calls `found` with the position of each match and, if `with_groups`, its groups.
    pub(crate) fn captures(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        with_groups: bool,
        mut found: impl FnMut(&mut Meter<'_>, (usize, usize), &Captures) -> Result<(), Limit>,
    ) -> Result<(), Limit> {
        let mut captures = self.engine.captures();
        self.search(meter, text, |search, meter| {
            while let Some(place) = search.next(meter)? {
                meter.step()?;
                if !text.is_boundary(place.0) {
                    continue;
                }
                if with_groups {
                    search.groups(meter, place, &mut captures)?;
                }
                found(meter, place, &captures)?;
            }
            Ok(())
        })
    }

    fn search<T>(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        search: impl FnOnce(&mut Search<'_>, &mut Meter<'_>) -> Result<T, Limit>,
    ) -> Result<T, Limit> {
        meter.step()?;
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let result = search(&mut Search::new(&self.engine, &mut caches, text.searched()), meter)?;
        caches.charge(meter)?;
        Ok(result)
    }
}

const MALFORMED: Failure = Failure::Because("the regular expression is malformed");
