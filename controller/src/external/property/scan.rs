//! Where a value of JSON ends, as gjson finds it: it reads no further than it must, checks nothing, and
//! takes `(` for a bracket of JSON too.

/// Behind the string whose opening quote is at a place; none if nothing closes it.
pub(super) fn string_end(json: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind what closes the bracket at a place (or whatever else is there). One more than all if the text
/// ends within a string: gjson's lists end otherwise then.
pub(super) fn bracket_end(json: &[u8], bracket: usize) -> usize {
    let (mut at, mut depth) = (bracket + 1, 1_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                let Some(end) = string_end(json, at) else { return json.len() + 1 };
                at = end;
                continue;
            }
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    json.len()
}

/// The string or what is in brackets at the start of a text that starts so.
pub(super) fn squashed(text: &[u8]) -> &[u8] {
    let end = match text.first() {
        Some(b'"') => string_end(text, 0).unwrap_or(text.len()),
        _ => bracket_end(text, 0).min(text.len()),
    };
    &text[..end]
}

/// Behind the number (or whatever else is there) at a place.
pub(super) fn number_end(json: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| *byte <= b' ' || b",]}".contains(byte);
    end_by(json, start, ends)
}

/// Behind the word (or whatever else is there) at a place.
pub(super) fn word_end(json: &[u8], start: usize) -> usize {
    end_by(json, start, |byte| !byte.is_ascii_lowercase())
}

fn end_by(json: &[u8], start: usize, ends: impl FnMut(&u8) -> bool) -> usize {
    let behind = json.get(start + 1..).unwrap_or_default();
    behind.iter().position(ends).map_or(json.len(), |len| start + 1 + len)
}

/// Without what is at most a space, on both sides.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let is_black = |byte: &u8| *byte > b' ';
    let start = text.iter().position(is_black).unwrap_or(text.len());
    let end = text.iter().rposition(is_black).map_or(start, |last| last + 1);
    &text[start..end]
}
