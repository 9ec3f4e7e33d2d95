//! Finds the end of a JSON value as gjson does: without validating, and with `(` counting as a
//! bracket.

/// The end of the string that opens at `quote`, or `None` if it is not closed.
pub(crate) fn string_end(json: &[u8], quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The quote that closes the one at `quote`, or the end of the path.
pub(crate) fn closing_quote(path: &[u8], quote: usize) -> usize {
    string_end(path, quote).map_or(path.len(), |end| end - 1)
}

/// The end of the value whose bracket, or any other character, is at `bracket`. If the text ends
/// inside a string, it is one more than the length, because gjson ends its arrays differently then.
pub(crate) fn bracket_end(json: &[u8], bracket: usize) -> usize {
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

/// The leading string or bracketed value of a text that begins with a quote or bracket.
pub(crate) fn squash(text: &[u8]) -> &[u8] {
    let end = match text.first() {
        Some(b'"') => string_end(text, 0).unwrap_or(text.len()),
        _ => bracket_end(text, 0).min(text.len()),
    };
    &text[..end]
}

/// The end of the number, or of any other token, at `start`.
pub(crate) fn number_end(json: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| *byte <= b' ' || b",]}".contains(byte);
    end_at(json, start, ends)
}

/// The end of the keyword, or of any other token, at `start`.
pub(crate) fn word_end(json: &[u8], start: usize) -> usize {
    end_at(json, start, |byte| !byte.is_ascii_lowercase())
}

fn end_at(json: &[u8], start: usize, ends: impl FnMut(&u8) -> bool) -> usize {
    let rest = json.get(start + 1..).unwrap_or_default();
    rest.iter().position(ends).map_or(json.len(), |len| start + 1 + len)
}

/// Trims spaces and control characters from both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let is_visible = |byte: &u8| *byte > b' ';
    let start = text.iter().position(is_visible).unwrap_or(text.len());
    let end = text.iter().rposition(is_visible).map_or(start, |last| last + 1);
    &text[start..end]
}
