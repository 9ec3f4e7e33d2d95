//! Upper and lower case, and how words are joined.

use crate::{
    rune::{self, runes},
    text::Buffer,
    unicode::{
        is_digit, is_letter, is_lower, is_number, is_punctuation, is_space, is_upper, to_lower,
        to_title, to_upper,
    },
};

fn map(buffer: &mut Buffer, text: &[u8], change: impl FnMut(char) -> char) {
    let mut change = change;
    for (c, _) in runes(text) {
        buffer.push_char(change(c));
    }
}

pub(super) fn upper(buffer: &mut Buffer, text: &[u8]) {
    map(buffer, text, to_upper);
}

pub(super) fn lower(buffer: &mut Buffer, text: &[u8]) {
    map(buffer, text, to_lower);
}

/// The first letter of each word in title case.
pub(super) fn title(buffer: &mut Buffer, text: &[u8]) {
    let mut before = ' ';
    map(buffer, text, |c| {
        let separated = if before.is_ascii() {
            !before.is_ascii_alphanumeric() && before != '_'
        } else {
            !is_letter(before) && !is_digit(before) && is_space(before)
        };
        before = c;
        if separated { to_title(c) } else { c }
    });
}

/// The first letter behind white space in lower case.
pub(super) fn untitle(buffer: &mut Buffer, text: &[u8]) {
    let mut separated = true;
    map(buffer, text, |c| {
        let change = separated && !is_space(c);
        separated = is_space(c);
        if change { to_lower(c) } else { c }
    });
}

pub(super) fn swap(buffer: &mut Buffer, text: &[u8]) {
    let mut separated = true;
    map(buffer, text, |c| {
        let swapped = match c {
            _ if is_lower(c) && separated => to_title(c),
            _ if is_lower(c) => to_upper(c),
            _ => to_lower(c),
        };
        separated = is_space(c);
        swapped
    });
}

/// Byte by byte, each taken for a character: where there is space to take away, what is not ASCII
/// comes out garbled, as in Sprig.
pub(super) fn without_space(buffer: &mut Buffer, text: &[u8]) {
    if !text.iter().any(|byte| is_space(char::from(*byte))) {
        return buffer.push(text);
    }
    for c in text.iter().map(|byte| char::from(*byte)).filter(|c| !is_space(*c)) {
        buffer.push_char(c);
    }
}

/// The first byte of each word, taken for a character.
pub(super) fn initials(buffer: &mut Buffer, text: &[u8]) {
    let mut separated = true;
    for c in text.iter().map(|byte| char::from(*byte)) {
        if separated && !is_space(c) {
            buffer.push_char(c);
        }
        separated = is_space(c);
    }
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// `CamelCase`: the letter behind a connector is a capital and takes the place of the connector.
pub(super) fn camel(buffer: &mut Buffer, text: &[u8]) {
    let chars: Vec<char> = runes(text).map(|(c, _)| c).collect();
    let leading = chars.iter().take_while(|c| is_connector(**c)).count();
    for c in &chars[..leading] {
        buffer.push_char(*c);
    }
    if leading == chars.len() {
        // Of connectors alone the last comes twice.
        if let Some(c) = chars.last() {
            buffer.push_char(*c);
        }
        return;
    }
    let mut rest = chars[leading..].iter().copied().peekable();
    let mut at_start = true;
    // Capitals at the start of a word become small behind the first one.
    let mut in_capitals = false;
    while let Some(c) = rest.next() {
        if is_connector(c) {
            match rest.peek() {
                // The last of a run is dropped, unless it ends the text.
                Some(next) if !is_connector(*next) => at_start = true,
                _ => {
                    buffer.push_char(c);
                    if rest.clone().all(is_connector) {
                        rest.by_ref().for_each(|c| buffer.push_char(c));
                    }
                }
            }
        } else if at_start {
            buffer.push_char(to_upper(c));
            (at_start, in_capitals) = (false, is_upper(c));
        } else if in_capitals && is_upper(c) {
            buffer.push_char(to_lower(c));
        } else {
            buffer.push_char(c);
            in_capitals = false;
        }
    }
}

/// A stretch of characters of one sort.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    Upper,
    Lower,
    Number,
    Connector,
    Punctuation,
    Other,
}

/// `snake_case` or `kebab-case`: words in lower case with a connector between them.
///
/// A number belongs to the word before it, unless small letters follow: then it begins a word.
pub(super) fn separated(buffer: &mut Buffer, text: &[u8], connector: char) {
    let words = words(text);
    let kind = |index: usize| words.get(index).map(|(kind, _)| *kind);
    let mut index = 0;
    while let Some((word, bytes)) = words.get(index) {
        match word {
            Word::Connector => runes(bytes).for_each(|_| buffer.push_char(connector)),
            Word::Punctuation => buffer.push(bytes),
            _ => {
                // The words that are written together.
                let mut end = index + 1;
                if *word == Word::Number {
                    while matches!(kind(end), Some(Word::Lower | Word::Number)) {
                        end += 1;
                    }
                } else if kind(end) == Some(Word::Number) && kind(end + 1) != Some(Word::Lower) {
                    end += 1;
                }
                for (kind, bytes) in &words[index..end] {
                    if *kind == Word::Upper {
                        lower(buffer, bytes);
                    } else {
                        buffer.push(bytes);
                    }
                }
                if !matches!(kind(end), None | Some(Word::Connector | Word::Punctuation)) {
                    buffer.push_char(connector);
                }
                index = end;
                continue;
            }
        }
        index += 1;
    }
}

/// A character of Chinese, which forms words of its own.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}')
}

fn words(text: &[u8]) -> Vec<(Word, &[u8])> {
    let sort = |c| match c {
        _ if is_connector(c) => Word::Connector,
        _ if is_upper(c) => Word::Upper,
        _ if is_number(c) => Word::Number,
        _ if is_punctuation(c) => Word::Punctuation,
        _ if is_letter(c) && !is_ideograph(c) => Word::Lower,
        _ => Word::Other,
    };
    let mut words: Vec<(Word, &[u8])> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (first, width) = rune::first(rest);
        let kind = sort(first);
        let mut len = width;
        // Where the last character of a run of capitals begins.
        let mut last = 0;
        // Small letters stand behind a capital.
        let mut capitalized = false;
        for (c, read) in runes(&rest[width..]) {
            let next = sort(c);
            if kind == Word::Upper && next == Word::Lower && !capitalized && last > 0 {
                // The last capital begins a word with the small letters behind it.
                len = last;
                break;
            }
            let small = kind == Word::Upper && next == Word::Lower;
            if kind == Word::Connector || (capitalized && !small) || (next != kind && !small) {
                break;
            }
            capitalized = small;
            last = len;
            len += read.len();
        }
        let (word, behind) = rest.split_at(len);
        words.push((kind, word));
        rest = behind;
    }
    words
}
