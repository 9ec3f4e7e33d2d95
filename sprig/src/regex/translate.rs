//! Translates Go's syntax, which is RE2's, into that of the `regex` crate.
//!
//! It rejects the expressions that Go rejects. It rewrites all others so that the `regex` crate
//! reads them as Go does: classes like `\d` are ASCII, and only Go's special characters are special.

use std::collections::HashSet;

use super::class::{self, Perl};

/// An expression for the `regex` crate.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<(String, usize)>,
    /// The number of its characters, including repetitions.
    pub(super) weight: u64,
}

/// The most repetitions of anything, nested ones multiplied.
const MAX_REPEAT: u64 = 1000;

/// How deep groups may be nested.
const MAX_DEPTH: usize = 100;

/// Returns `None` if Go rejects the expression.
pub(super) fn translate(pattern: &[u8]) -> Option<Translated> {
    let pattern = str::from_utf8(pattern).ok()?;
    let mut translator = Translator {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        names: Vec::new(),
        known_names: HashSet::new(),
        groups: 0,
        sequence: Sequence::default(),
        open: Vec::new(),
    };
    while !translator.rest.is_empty() {
        translator.next()?;
    }
    if !translator.open.is_empty() {
        return None;
    }
    let weight = translator.sequence.weight + 1;
    Some(Translated { pattern: translator.out, names: translator.names, weight })
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    names: Vec<(String, usize)>,
    known_names: HashSet<&'p str>,
    groups: usize,
    /// The current group and its parents.
    sequence: Sequence,
    open: Vec<Sequence>,
}

/// The read part of a group.
#[derive(Default)]
struct Sequence {
    weight: u64,
    /// The most repetitions of anything in it.
    repeats: u64,
    last: Last,
}

/// The item that a repetition at this place would repeat.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Last {
    /// No item, which is an error.
    #[default]
    Nothing,
    /// An item of this weight, with this maximum number of repetitions inside.
    Atom { weight: u64, repeats: u64 },
    /// A repetition, which is an error too.
    Repetition,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<()> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        let whole = self.rest;
        self.rest = chars.as_str();
        match c {
            '(' => self.group()?,
            ')' => {
                let inner = std::mem::replace(&mut self.sequence, self.open.pop()?);
                self.out.push(')');
                self.atom(inner.weight.max(1), inner.repeats);
            }
            '|' => {
                self.out.push('|');
                self.sequence.last = Last::Nothing;
            }
            '^' | '$' | '.' => {
                self.out.push(c);
                self.atom(1, 0);
            }
            '*' | '+' | '?' => {
                self.out.push(c);
                self.repeat(1)?;
            }
            '{' => match bounds(self.rest) {
                Some((least, most, rest)) => {
                    self.rest = rest;
                    let times = most.unwrap_or(least);
                    if least > MAX_REPEAT || times > MAX_REPEAT || times < least {
                        return None;
                    }
                    // The character has the same meaning in both syntaxes.
                    self.out.push_str(&whole[..whole.len() - rest.len()]);
                    self.repeat(times)?;
                }
                None => self.literal(c),
            },
            '[' => {
                self.rest = class::translate(&mut self.out, self.rest)?;
                self.atom(4, 0);
            }
            '\\' => self.escape()?,
            c => self.literal(c),
        }
        Some(())
    }

    fn atom(&mut self, weight: u64, repeats: u64) {
        let sequence = &mut self.sequence;
        sequence.weight = sequence.weight.saturating_add(weight);
        sequence.repeats = sequence.repeats.max(repeats);
        sequence.last = Last::Atom { weight, repeats };
    }

    fn literal(&mut self, c: char) {
        class::push_literal(&mut self.out, c);
        self.atom(1, 0);
    }

    /// An operator that repeats what is before it has been read.
    fn repeat(&mut self, times: u64) -> Option<()> {
        let Last::Atom { weight, repeats } = self.sequence.last else { return None };
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        let sequence = &mut self.sequence;
        if times > 1 {
            let repeats = times * repeats.max(1);
            if repeats > MAX_REPEAT {
                return None;
            }
            sequence.repeats = sequence.repeats.max(repeats);
            sequence.weight = sequence.weight.saturating_add(weight.saturating_mul(times - 1));
        }
        sequence.last = Last::Repetition;
        Some(())
    }

    /// An opening parenthesis has been read.
    fn group(&mut self) -> Option<()> {
        let named = self.rest.strip_prefix("?P<").or_else(|| self.rest.strip_prefix("?<"));
        if let Some(named) = named {
            let (name, rest) = named.split_once('>')?;
            let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if name.is_empty() || !is_word || !self.known_names.insert(name) {
                return None;
            }
            self.names.push((name.to_owned(), self.groups + 1));
            self.rest = rest;
            self.groups += 1;
            return self.enter("(");
        }
        let Some(flags) = self.rest.strip_prefix('?') else {
            self.groups += 1;
            return self.enter("(");
        };
        let end = flags.find([':', ')'])?;
        let letters = &flags[..end];
        let (on, off) = letters.split_once('-').unwrap_or((letters, "i"));
        if off.is_empty() || !on.chars().chain(off.chars()).all(|c| "imsU".contains(c)) {
            return None;
        }
        self.rest = &flags[end + 1..];
        if flags[end..].starts_with(':') {
            return self.enter(&format!("(?{letters}:"));
        }
        if letters.is_empty() {
            return None;
        }
        self.out.extend(["(?", letters, ")"]);
        Some(())
    }

    fn enter(&mut self, open: &str) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        self.out.push_str(open);
        self.open.push(std::mem::take(&mut self.sequence));
        Some(())
    }

    /// A backslash has been read.
    fn escape(&mut self) -> Option<()> {
        let c = self.rest.chars().next()?;
        let assertion = match c {
            'A' => "\\A",
            'z' => "\\z",
            'b' => "(?-u:\\b)",
            'B' => "(?-u:\\B)",
            'Q' => {
                let quoted = &self.rest[1..];
                let end = quoted.find("\\E");
                quoted[..end.unwrap_or(quoted.len())].chars().for_each(|c| self.literal(c));
                self.rest = end.map_or("", |end| &quoted[end + 2..]);
                return Some(());
            }
            // The end of a quotation without a beginning.
            'E' => {
                self.rest = &self.rest[1..];
                return Some(());
            }
            _ => {
                self.rest = match class::push_perl(&mut self.out, self.rest) {
                    Perl::Class(rest) => rest,
                    Perl::Unknown => return None,
                    Perl::Other => {
                        let (c, rest) = class::escaped(self.rest)?;
                        class::push_literal(&mut self.out, c);
                        rest
                    }
                };
                self.atom(4, 0);
                return Some(());
            }
        };
        self.rest = &self.rest[1..];
        self.out.push_str(assertion);
        self.atom(1, 0);
        Some(())
    }
}

/// The bounds of `{n}`, `{n,}` or `{n,m}`, and the text after them. Anything else is literal text.
fn bounds(text: &str) -> Option<(u64, Option<u64>, &str)> {
    // A search for `}` would read the text to its end for each brace.
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',')?;
    let (inner, rest) = (&text[..end], text[end..].strip_prefix('}')?);
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = digits.len() == 1 || !digits.starts_with('0');
        (is_number && is_plain).then(|| digits.parse().unwrap_or(u64::MAX))
    };
    match inner.split_once(',') {
        None => Some((number(inner)?, None, rest)),
        Some((least, "")) => Some((number(least)?, None, rest)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), rest)),
    }
}
