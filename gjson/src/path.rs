//! Parses a path from its start: one segment, and the rest after it.

use std::borrow::Cow;

use crate::{
    error::Error,
    limits::Work,
    modifier::Modifier,
    query::Query,
    scan::{closing_quote, squash},
    wildcard,
};

/// The path after a segment.
#[derive(Clone, Copy)]
pub(crate) enum Rest<'p> {
    End,
    /// This path applies to the segment's value.
    Dot(&'p [u8]),
    /// This path applies to the whole result.
    Pipe(&'p [u8]),
}

impl<'p> Rest<'p> {
    /// The rest after the separator at `at`.
    fn after(path: &'p [u8], at: usize, is_dot_a_pipe: bool) -> Self {
        let rest = &path[at + 1..];
        let is_pipe = path[at] == b'|' || is_dot_a_pipe && starts_expression(rest);
        if is_pipe { Rest::Pipe(rest) } else { Rest::Dot(rest) }
    }
}

/// Whether a path begins with a multipath or a modifier. A dot before these acts as a pipe.
fn starts_expression(path: &[u8]) -> bool {
    match path {
        [b'[' | b'{', ..] => true,
        [b'@', rest @ ..] => {
            let end = rest.iter().position(|byte| b".|:".contains(byte)).unwrap_or(rest.len());
            Modifier::by_name(&rest[..end]).is_some()
        }
        _ => false,
    }
}

/// A path segment, applied to an object.
pub(crate) struct KeySegment<'p> {
    /// Unescaped. gjson unescapes patterns too, so `\*` in a pattern is a wildcard.
    text: Cow<'p, [u8]>,
    is_pattern: bool,
    pub(crate) next: Rest<'p>,
}

impl<'p> KeySegment<'p> {
    pub(crate) fn read(path: &'p [u8]) -> Self {
        let mut text = Cow::Borrowed(path);
        let mut is_pattern = false;
        let mut next = Rest::End;
        let mut at = 0;
        let mut unescaped: Option<Vec<u8>> = None;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    text = Cow::Borrowed(&path[..at]);
                    next = Rest::after(path, at, true);
                    break;
                }
                b'\\' => {
                    let unescaped = unescaped.get_or_insert_with(|| path[..at].to_vec());
                    unescaped.extend(path.get(at + 1));
                    at += 2;
                    continue;
                }
                b'*' | b'?' => is_pattern = true,
                _ => {}
            }
            if let Some(unescaped) = &mut unescaped {
                unescaped.push(*byte);
            }
            at += 1;
        }
        if let Some(unescaped) = unescaped {
            text = Cow::Owned(unescaped);
        }
        Self { text, is_pattern, next }
    }

    pub(crate) fn matches(&self, name: &[u8], work: &Work) -> Result<bool, Error> {
        if self.is_pattern {
            wildcard::matches(name, &self.text, work)
        } else {
            Ok(*self.text == *name)
        }
    }
}

/// A path segment, applied to an array.
pub(crate) struct ArraySegment<'p> {
    /// Not unescaped.
    pub(crate) name: &'p [u8],
    /// Whether it contains `#`. It is not an index then.
    pub(crate) has_hash: bool,
    /// For a leading `#.`: the path to apply to each element.
    pub(crate) each: Option<&'p [u8]>,
    pub(crate) query: Option<Query<'p>>,
    pub(crate) next: Rest<'p>,
}

impl<'p> ArraySegment<'p> {
    pub(crate) fn read(path: &'p [u8]) -> Self {
        let mut place =
            Self { name: path, has_hash: false, each: None, query: None, next: Rest::End };
        let mut at = 0;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    place.name = &path[..at];
                    place.next = Rest::after(path, at, !place.has_hash);
                    break;
                }
                b'#' => {
                    place.has_hash = true;
                    match path.get(1) {
                        Some(b'.') if at == 0 => place.each = Some(&path[2..]),
                        Some(b'[' | b'(') if at == 0 => {
                            let Some((query, len)) = Query::read(path) else {
                                // An unterminated query matches any element.
                                place.query = Some(Query::default());
                                break;
                            };
                            place.query = Some(query);
                            at = len;
                            continue;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
            at += 1;
        }
        place
    }
}

/// Splits at the first `|`: the path to apply to each element, and the path to apply to the
/// collected result.
pub(crate) fn split_at_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.first() == Some(&b'{') && path.contains(&b'|') {
        let len = squash(&path[1..]).len() + 1;
        let rest = path[len..].strip_prefix(b"|")?;
        return Some((&path[..len], rest));
    }
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match byte {
            b'|' => return Some((&path[..at], &path[at + 1..])),
            b'\\' => at += 1,
            b'.' if at + 1 == path.len() => return None,
            b'.' if path[at + 1] == b'#' => {
                at += 2;
                at = match path.get(at)? {
                    b'[' => closing_bracket(path, at, b'[', b']'),
                    b'(' => closing_bracket(path, at, b'(', b')'),
                    _ => at,
                };
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of the bracket of this kind that closes the one at `bracket`.
fn closing_bracket(path: &[u8], bracket: usize, opening: u8, closing: u8) -> usize {
    let (mut at, mut depth) = (bracket + 1, 1_usize);
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => at = closing_quote(path, at),
            byte if *byte == opening => depth += 1,
            byte if *byte == closing => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// One path of a multipath, and its explicit name, if any.
pub(crate) struct Selector<'p> {
    pub(crate) name: &'p [u8],
    pub(crate) path: &'p [u8],
}

impl<'p> Selector<'p> {
    /// All selectors of the multipath that a path begins with, and the rest of the path. `None` if
    /// the multipath is not closed.
    pub(crate) fn read_all(path: &'p [u8]) -> Option<(Vec<Self>, &'p [u8])> {
        let mut selectors = Vec::new();
        let (mut depth, mut start, mut at) = (1_usize, 1, 1);
        // In a modifier, the colon precedes the argument instead of following a name.
        let (mut is_modifier, mut colon) = (false, None);
        while let Some(byte) = path.get(at) {
            match byte {
                b'\\' => at += 1,
                b'@' if matches!(path[at - 1], b'.' | b'|') => is_modifier = true,
                b':' if !is_modifier && colon.is_none() && depth == 1 => colon = Some(at),
                b'"' => at = closing_quote(path, at),
                b'[' | b'(' | b'{' => depth += 1,
                b']' | b')' | b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || *byte == b',' && depth == 1 {
                let (name, path) = match colon {
                    Some(colon) => (&path[start..colon], &path[colon + 1..at]),
                    None => (&b""[..], &path[start..at]),
                };
                selectors.push(Self { name, path });
                (is_modifier, colon, start) = (false, None, at + 1);
            }
            if depth == 0 {
                return Some((selectors, &path[at + 1..]));
            }
            at += 1;
        }
        None
    }

    /// The default name of a path: its last segment, if that is a simple one.
    pub(crate) fn default_name(path: &[u8]) -> &[u8] {
        let is_end =
            |at: &usize| matches!(path[*at], b'|' | b'.') && (*at == 0 || path[at - 1] != b'\\');
        let last = (0..path.len()).rev().find(is_end).map_or(path, |at| &path[at + 1..]);
        let is_simple = |byte: &u8| *byte >= b' ' && !b"[]{}()#|!".contains(byte);
        if last.iter().all(is_simple) { last } else { b"_" }
    }
}
