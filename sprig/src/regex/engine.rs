//! The automata of an expression, and their memory.

use gotemplate::{Limit, Meter};
use regex_automata::{
    MatchKind,
    hybrid::dfa::{self, DFA},
    nfa::thompson::{
        self, NFA, WhichCaptures,
        pikevm::{self, PikeVM},
    },
    util::{captures::Captures, syntax},
};

use super::translate::Translated;

/// The automata of an expression.
pub(super) struct Engine {
    /// Finds the end of a match.
    pub(super) forward: DFA,
    /// Finds the start of a match from its end.
    pub(super) reverse: DFA,
    /// Finds the groups of a match.
    pub(super) groups: PikeVM,
    /// The cost of searching one byte of a text.
    pub(super) weight: u64,
}

/// The states of the automata that searches have built.
pub(super) struct Caches {
    pub(super) forward: dfa::Cache,
    pub(super) reverse: dfa::Cache,
    pub(super) groups: Option<pikevm::Cache>,
    charged: usize,
}

/// The largest program that an expression may become, in bytes.
const SIZE_LIMIT: usize = 2 << 20;

/// The memory limit for the states of an automaton, in bytes, unless the program is larger.
const STATES_LIMIT: usize = 256 << 10;

/// The memory that the parser needs for a character at most, in bytes.
const CHARACTER_BYTES: usize = 512;

/// The memory that the compiler needs for any expression, in bytes: it caches UTF-8 sequences.
const COMPILER_BYTES: usize = 320 << 10;

/// The memory that the parser needs for a class such as `\pL` at most, in bytes.
const CLASS_BYTES: usize = 32 << 10;

impl Engine {
    /// Returns `None` if the expression is malformed or too large.
    pub(super) fn new(
        meter: &mut Meter<'_>,
        translated: &Translated,
    ) -> Result<Option<Self>, Limit> {
        let classes =
            translated.pattern.matches("\\p").count() + translated.pattern.matches("\\P").count();
        let scratch = COMPILER_BYTES
            + translated.pattern.len().saturating_mul(CHARACTER_BYTES)
            + classes.saturating_mul(CLASS_BYTES);
        // There are two programs, and each is copied when it is complete.
        let limit = SIZE_LIMIT.min(meter.remaining_bytes() / 4);
        let built = meter.scratch(scratch, || build(&translated.pattern, limit))?;
        let Some((program, forward, reverse)) = built else {
            return if limit < SIZE_LIMIT { Err(Limit::Bytes) } else { Ok(None) };
        };
        let programs = program.memory_usage() + reverse.get_nfa().memory_usage();
        meter.bytes(2 * programs)?;
        let weight = translated.weight.max(program.states().len() as u64 / 8);
        let Ok(groups) = PikeVM::new_from_nfa(program) else { return Ok(None) };
        Ok(Some(Self { forward, reverse, groups, weight }))
    }

    /// Room for the groups of a match.
    pub(super) fn captures(&self) -> Captures {
        self.groups.create_captures()
    }

    /// The memory that finding groups takes, in bytes: a place for each group in each state, twice.
    pub(super) fn groups_bytes(&self) -> usize {
        let program = self.groups.get_nfa();
        let places = 2 * program.group_info().all_group_len() + 4;
        program.states().len().saturating_mul(2 * size_of::<usize>() * places)
    }
}

fn build(pattern: &str, limit: usize) -> Option<(NFA, DFA, DFA)> {
    let program = |config: thompson::Config| {
        let config = config.utf8(false).nfa_size_limit(Some(limit));
        let syntax = syntax::Config::new().utf8(false);
        thompson::Compiler::new().syntax(syntax).configure(config).build(pattern).ok()
    };
    let automaton = |program: NFA, kind| {
        let config = DFA::config()
            .match_kind(kind)
            .cache_capacity(STATES_LIMIT)
            .skip_cache_capacity_check(true);
        DFA::builder().configure(config).build_from_nfa(program).ok()
    };
    let forward = program(thompson::Config::new().which_captures(WhichCaptures::All))?;
    let none = thompson::Config::new().which_captures(WhichCaptures::None);
    let reverse = program(none.reverse(true))?;
    let first = automaton(forward.clone(), MatchKind::LeftmostFirst)?;
    Some((forward, first, automaton(reverse, MatchKind::All)?))
}

impl Caches {
    pub(super) fn new(engine: &Engine) -> Self {
        let (forward, reverse) = (engine.forward.create_cache(), engine.reverse.create_cache());
        Self { forward, reverse, groups: None, charged: 0 }
    }

    /// Charges the meter for the growth of the states.
    pub(super) fn charge(&mut self, meter: &mut Meter<'_>) -> Result<(), Limit> {
        let used = self.forward.memory_usage() + self.reverse.memory_usage();
        let more = used.saturating_sub(self.charged);
        self.charged = self.charged.max(used);
        meter.bytes(more)
    }
}
