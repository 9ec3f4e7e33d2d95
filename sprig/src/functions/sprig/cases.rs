//! Upper and lower case, and connectors between words.

use gotemplate::{
    Buffer,
    rune::runes,
    unicode::{is_digit, is_letter, is_lower, is_space, is_upper, to_lower, to_title, to_upper},
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

/// The first letter after white space becomes lower case.
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

/// Reads each byte as a character: if there is space to remove, text that is not ASCII is garbled, as
/// in Sprig.
pub(super) fn without_space(buffer: &mut Buffer, text: &[u8]) {
    if !text.iter().any(|byte| is_space(char::from(*byte))) {
        return buffer.push(text);
    }
    for c in text.iter().map(|byte| char::from(*byte)).filter(|c| !is_space(*c)) {
        buffer.push_char(c);
    }
}

/// The first byte of each word, read as a character.
pub(super) fn initials(buffer: &mut Buffer, text: &[u8]) {
    let mut separated = true;
    for c in text.iter().map(|byte| char::from(*byte)) {
        if separated && !is_space(c) {
            buffer.push_char(c);
        }
        separated = is_space(c);
    }
}

pub(super) fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// `CamelCase`: a capital letter replaces a connector and the letter after it.
pub(super) fn camel(buffer: &mut Buffer, text: &[u8]) {
    let chars = || runes(text).map(|(c, _)| c);
    let leading = chars().take_while(|c| is_connector(*c)).count();
    chars().take(leading).for_each(|c| buffer.push_char(c));
    if chars().all(is_connector) {
        // A text of connectors repeats the last one.
        if let Some(c) = chars().last() {
            buffer.push_char(c);
        }
        return;
    }
    let mut rest = chars().skip(leading).peekable();
    let mut at_start = true;
    // Capitals at the start of a word become lower case after the first.
    let mut in_capitals = false;
    while let Some(c) = rest.next() {
        if is_connector(c) {
            match rest.peek() {
                // The last of a run is dropped, unless it ends the text.
                Some(next) if !is_connector(*next) => at_start = true,
                _ => buffer.push_char(c),
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
