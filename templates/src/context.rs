//! What one rendering may look at besides its values.

use std::{collections::BTreeMap, rc::Rc};

use rand::CryptoRng;

use crate::{
    error::Failure,
    limits::{Limits, Meter},
    regex::Pattern,
    text::Text,
    value::Map,
};

/// What a rendering gets from outside. There is nothing else: no clock, no files, no network.
pub struct Environment<'e> {
    /// What time it is.
    pub now: jiff::Timestamp,
    /// What random functions draw from.
    pub random: &'e mut dyn CryptoRng,
    /// What the rendering may use.
    pub limits: Limits,
    /// Asked now and then: whether to stop, since time is up.
    pub interrupted: &'e dyn Fn() -> bool,
}

/// What functions see of a rendering.
pub(crate) struct Context<'e> {
    pub(crate) meter: Meter<'e>,
    pub(crate) random: &'e mut dyn CryptoRng,
    pub(crate) now: jiff::Timestamp,
    /// Whether something was used that is different each time.
    pub(crate) non_deterministic: bool,
    changed: Vec<Map>,
    patterns: BTreeMap<Text, Rc<Pattern>>,
}

impl<'e> Context<'e> {
    pub(crate) fn new(environment: Environment<'e>) -> Self {
        let Environment { now, random, limits, interrupted } = environment;
        Self {
            meter: Meter::new(limits, interrupted),
            random,
            now,
            non_deterministic: false,
            changed: Vec::new(),
            patterns: BTreeMap::new(),
        }
    }

    /// A regular expression. Each is compiled once.
    pub(crate) fn pattern(&mut self, text: &Text) -> Result<Rc<Pattern>, Failure> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(Rc::clone(known));
        }
        let pattern = Rc::new(Pattern::new(&mut self.meter, text)?);
        self.patterns.insert(text.clone(), Rc::clone(&pattern));
        Ok(pattern)
    }

    /// To be said before a map is changed: it might come to hold itself.
    pub(crate) fn changes(&mut self, map: &Map) {
        self.changed.push(map.clone());
    }
}

impl Drop for Context<'_> {
    /// A map that holds itself would never be freed, nor the secrets in it wiped.
    fn drop(&mut self) {
        for map in &self.changed {
            map.clear();
        }
    }
}
