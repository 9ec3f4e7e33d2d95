//! Lines of a text, by byte offset.

/// The start of the line of this offset.
pub(crate) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line of this offset, before its line break.
pub(crate) fn end(text: &str, at: usize) -> usize {
    let end = next(text, at);
    let line = &text[at..end];
    at + line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)).len()
}

/// The start of the next line, or the end of the text.
pub(crate) fn next(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The line break of the text: that of the line of this offset, or else of the first line.
pub(crate) fn line_break(text: &str, at: usize) -> &'static str {
    let is_crlf = |at: usize| text[end(text, at)..].starts_with("\r\n");
    let has_break = text[at..].contains('\n');
    if is_crlf(if has_break { at } else { 0 }) { "\r\n" } else { "\n" }
}

/// The number of blanks at the start of the line, and whether anything follows them.
pub(crate) fn indentation(line: &str) -> (usize, bool) {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len(), !rest.trim().is_empty())
}

/// Whether the line has only blanks before this offset.
pub(crate) fn is_first(text: &str, at: usize) -> bool {
    text[start(text, at)..at].trim().is_empty()
}

/// The column of an offset, in bytes.
pub(crate) fn column(text: &str, at: usize) -> usize {
    at - start(text, at)
}
