//! Go's classes and case mappings of characters: Unicode 15.0, one character to one.

use std::sync::LazyLock;

use regex_syntax::hir::{self, Hir, HirKind};

use crate::fmt::is_printable;

/// A letter, of any script.
pub fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { LETTERS.contains(c) }
}

/// A decimal digit, of any script.
pub fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { DIGITS.contains(c) }
}

/// A number of any sort.
pub fn is_number(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { NUMBERS.contains(c) }
}

/// A letter in upper case.
pub fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { UPPER.contains(c) }
}

/// A letter in lower case.
pub fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { LOWER.contains(c) }
}

/// Punctuation. Symbols such as `+` do not count.
pub fn is_punctuation(c: char) -> bool {
    PUNCTUATION.contains(c)
}

/// White space. Rust and Go have the same definition.
pub fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// The character in upper case, if that is one character.
pub fn to_upper(c: char) -> char {
    match c {
        // Their capitals are title case, which Rust spells out in two characters.
        '\u{1f80}'..='\u{1faf}' if u32::from(c) & 8 == 0 => offset(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => offset(c, 9),
        _ => single(c, c.to_uppercase()),
    }
}

/// The character in lower case, if that is one character.
pub fn to_lower(c: char) -> char {
    if c == 'İ' { 'i' } else { single(c, c.to_lowercase()) }
}

/// The character in title case, which differs from upper case only for digraphs and Georgian.
pub fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        _ => to_upper(c),
    }
}

/// Mappings to several characters, and those newer than Unicode 15.0, are ignored.
fn single(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    match (mapped.len(), mapped.next()) {
        (1, Some(other)) if other != c && is_printable(other) && is_printable(c) => other,
        _ => c,
    }
}

fn offset(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

static LETTERS: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{L}"));
static DIGITS: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{Nd}"));
static NUMBERS: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{N}"));
static UPPER: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{Lu}"));
static LOWER: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{Ll}"));
static PUNCTUATION: LazyLock<Class> = LazyLock::new(|| Class::new(r"\p{P}"));

/// A set of characters, as ranges in order.
struct Class(Vec<(char, char)>);

impl Class {
    fn new(pattern: &str) -> Self {
        let kind = regex_syntax::parse(pattern).map(Hir::into_kind);
        let Ok(HirKind::Class(hir::Class::Unicode(class))) = kind else {
            unreachable!("a class of the regex crate's own tables")
        };
        Self(class.iter().map(|range| (range.start(), range.end())).collect())
    }

    fn contains(&self, c: char) -> bool {
        let index = self.0.partition_point(|(_, last)| *last < c);
        self.0.get(index).is_some_and(|(first, _)| *first <= c) && is_printable(c)
    }
}
