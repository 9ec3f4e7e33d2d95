//! `snake_case` and `kebab-case`: words in lower case with a connector between them.

use gotemplate::{
    Buffer, Failure, Meter, Value,
    rune::runes,
    unicode::{is_letter, is_number, is_punctuation, is_upper, to_lower},
};

use super::cases::is_connector;

/// A run of characters of one class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    /// Capitals, or one capital and small letters.
    Upper,
    Lower,
    Number,
    Connector,
    Punctuation,
    /// Invalid UTF-8 up to the end.
    Invalid,
    Other,
}

/// A number belongs to the word before it, unless small letters follow: then it begins a word.
pub(super) fn separated(
    meter: &mut Meter<'_>,
    text: &[u8],
    connector: char,
) -> Result<Value, Failure> {
    let count = words(text).count();
    meter.bytes(2 * text.len() + count * (size_of::<(Word, &[u8])>() + connector.len_utf8()))?;
    let mut found = Vec::with_capacity(count);
    found.extend(words(text));
    let mut buffer = Buffer::with_capacity(text.len() + count);
    join(&mut buffer, &found, connector);
    Ok(Value::text(buffer))
}

fn join(buffer: &mut Buffer, words: &[(Word, &[u8])], connector: char) {
    let kind = |index: usize| words.get(index).map(|(kind, _)| *kind);
    let write = |buffer: &mut Buffer, index: usize| {
        if let Some((kind, bytes)) = words.get(index) {
            write(buffer, *kind, bytes, connector);
        }
    };
    let is_apart = |index| !matches!(kind(index), Some(Word::Connector | Word::Punctuation));
    // Numbers and small letters, which are one word, and a connector after it.
    let number = |buffer: &mut Buffer, mut index: usize| {
        while matches!(kind(index), Some(Word::Lower | Word::Number)) {
            write(buffer, index);
            index += 1;
        }
        if is_apart(index) && !matches!(kind(index), None | Some(Word::Invalid)) {
            buffer.push_char(connector);
        }
        index
    };
    let mut index = 0;
    while index + 1 < words.len() {
        write(buffer, index);
        let before = kind(index);
        index += 1;
        match (before, kind(index)) {
            (Some(Word::Connector | Word::Punctuation), _) => {}
            (Some(Word::Number), _) => index = number(buffer, index),
            (_, Some(Word::Number)) if index + 1 == words.len() => {}
            (_, Some(Word::Number)) if kind(index + 1) == Some(Word::Lower) => {
                buffer.push_char(connector);
                index = number(buffer, index);
            }
            (_, Some(Word::Number)) => {
                write(buffer, index);
                index += 1;
                if is_apart(index) {
                    buffer.push_char(connector);
                }
            }
            _ if is_apart(index) => buffer.push_char(connector),
            _ => {}
        }
    }
    write(buffer, index);
}

fn write(buffer: &mut Buffer, kind: Word, bytes: &[u8], connector: char) {
    match kind {
        Word::Connector => {
            for (c, _) in runes(bytes) {
                buffer.push_char(if is_connector(c) { connector } else { c });
            }
        }
        Word::Upper => {
            runes(bytes)
                .for_each(|(c, _)| buffer.push_char(if is_upper(c) { to_lower(c) } else { c }));
        }
        _ => buffer.push(bytes),
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = (Word, &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (kind, len) = (!rest.is_empty()).then(|| word(rest))?;
        let (word, behind) = rest.split_at(len);
        rest = behind;
        Some((kind, word))
    })
}

/// The class and the length of the first word.
fn word(text: &[u8]) -> (Word, usize) {
    let (first, len) = valid(text, char::REPLACEMENT_CHARACTER);
    let run = |goes_on: fn(char) -> bool| run(text, (first, len), goes_on).end;
    match first {
        char::REPLACEMENT_CHARACTER => (Word::Invalid, len),
        c if is_connector(c) => (Word::Connector, run(is_connector)),
        c if is_punctuation(c) => (Word::Punctuation, run(is_punctuation)),
        c if is_upper(c) => (Word::Upper, capitalized(text, (first, len))),
        c if is_alphabetic(c) => (Word::Lower, run(is_small)),
        c if is_number(c) => (Word::Number, run(is_number)),
        _ => (Word::Other, run(is_other)),
    }
}

/// The length of a word that begins with a capital.
fn capitalized(text: &[u8], first: (char, usize)) -> usize {
    let (second, _) = valid(&text[first.1..], first.0);
    if first.1 < text.len() && is_upper(second) {
        let run = run(text, first, is_upper);
        // The last capital begins a word with the lower-case letters after it.
        return if is_alphabetic(run.behind) { run.last } else { run.end };
    }
    run(text, first, is_small).end
}

/// Characters of one class.
struct Run {
    /// The start of the last of them, or of the invalid bytes before it.
    last: usize,
    end: usize,
    /// The next character; not a letter at the end.
    behind: char,
}

fn run(text: &[u8], (first, len): (char, usize), goes_on: fn(char) -> bool) -> Run {
    let mut run = Run { last: 0, end: len, behind: '\0' };
    let mut before = first;
    while run.end < text.len() {
        let (c, len) = valid(&text[run.end..], before);
        if !goes_on(c) {
            run.behind = c;
            break;
        }
        (run.last, run.end, before) = (run.end, run.end + len, c);
    }
    run
}

/// The next valid character, and the length up to its end. Invalid bytes before it count as part of it.
/// At the end of the text it is `before` again.
fn valid(text: &[u8], before: char) -> (char, usize) {
    let mut runes = runes(text);
    let found = runes.find(|(c, _)| *c != char::REPLACEMENT_CHARACTER);
    (found.map_or(before, |(c, _)| c), text.len() - runes.rest().len())
}

/// A letter, except Chinese characters, which form separate words.
fn is_alphabetic(c: char) -> bool {
    let is_ideograph =
        matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}');
    is_letter(c) && !is_ideograph
}

fn is_small(c: char) -> bool {
    is_alphabetic(c) && !is_upper(c)
}

fn is_other(c: char) -> bool {
    !is_connector(c) && !is_alphabetic(c) && !is_number(c) && !is_punctuation(c)
}
