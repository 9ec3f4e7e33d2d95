//! A path, read from its start: one name, and what is behind it.

use std::borrow::Cow;

use super::{PropertyError, limits::Work, modify::Modifier, query::Query, scan::squashed, wild};

/// What is behind a name.
#[derive(Clone, Copy)]
pub(super) enum Next<'p> {
    Nothing,
    /// Of what the name is of, this.
    More(&'p [u8]),
    /// Of all that was found, this.
    Pipe(&'p [u8]),
}

impl<'p> Next<'p> {
    /// By the separator at a place.
    fn behind(path: &'p [u8], at: usize, is_dot_a_pipe: bool) -> Self {
        let rest = &path[at + 1..];
        let is_pipe = path[at] == b'|' || is_dot_a_pipe && starts_anew(rest);
        if is_pipe { Next::Pipe(rest) } else { Next::More(rest) }
    }
}

/// Whether a path begins with a multipath or a modifier, which a dot is a pipe for.
fn starts_anew(path: &[u8]) -> bool {
    match path {
        [b'[' | b'{', ..] => true,
        [b'@', rest @ ..] => {
            let end = rest.iter().position(|byte| b".|:".contains(byte)).unwrap_or(rest.len());
            Modifier::named(&rest[..end]).is_some()
        }
        _ => false,
    }
}

/// A name, for the members of an object.
pub(super) struct Name<'p> {
    /// Without the escapes; a pattern has none either, so that its `\*` is a `*`.
    text: Cow<'p, [u8]>,
    is_pattern: bool,
    pub(super) next: Next<'p>,
}

impl<'p> Name<'p> {
    pub(super) fn read(path: &'p [u8]) -> Self {
        let mut text = Cow::Borrowed(path);
        let mut is_pattern = false;
        let mut next = Next::Nothing;
        let mut at = 0;
        let mut unescaped: Option<Vec<u8>> = None;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    text = Cow::Borrowed(&path[..at]);
                    next = Next::behind(path, at, true);
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

    pub(super) fn fits(&self, name: &[u8], work: &Work) -> Result<bool, PropertyError> {
        if self.is_pattern { wild::fits(name, &self.text, work) } else { Ok(*self.text == *name) }
    }
}

/// A name, for the elements of an array.
pub(super) struct Place<'p> {
    /// As it is written.
    pub(super) name: &'p [u8],
    /// Whether a `#` is in it: then it is no index.
    pub(super) is_hash: bool,
    /// Behind `#.` at the start: what is wanted of each element.
    pub(super) each: Option<&'p [u8]>,
    pub(super) query: Option<Query<'p>>,
    pub(super) next: Next<'p>,
}

impl<'p> Place<'p> {
    pub(super) fn read(path: &'p [u8]) -> Self {
        let mut place =
            Self { name: path, is_hash: false, each: None, query: None, next: Next::Nothing };
        let mut at = 0;
        while let Some(byte) = path.get(at) {
            match byte {
                b'.' | b'|' => {
                    place.name = &path[..at];
                    place.next = Next::behind(path, at, !place.is_hash);
                    break;
                }
                b'#' => {
                    place.is_hash = true;
                    match path.get(1) {
                        Some(b'.') if at == 0 => place.each = Some(&path[2..]),
                        Some(b'[' | b'(') if at == 0 => {
                            let Some((query, len)) = Query::read(path) else {
                                // A query that is none: any element will do.
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

/// A path for each element, and what is for all that comes out: the parts before and behind the first
/// `|`.
pub(super) fn split_at_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.first() == Some(&b'{') && path.contains(&b'|') {
        let len = squashed(&path[1..]).len() + 1;
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
                    b'[' => selector_end(path, at, b'[', b']'),
                    b'(' => selector_end(path, at, b'(', b')'),
                    _ => at,
                };
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// At the bracket that closes the one at a place, of the same kind.
fn selector_end(path: &[u8], bracket: usize, opening: u8, closing: u8) -> usize {
    let (mut at, mut depth) = (bracket + 1, 1_usize);
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => at = string_end(path, at),
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

/// At the quote that closes the one at a place, or where the path ends.
pub(super) fn string_end(path: &[u8], quote: usize) -> usize {
    super::scan::string_end(path, quote).map_or(path.len(), |end| end - 1)
}

/// A path in a multipath, and the name it is given.
pub(super) struct Selector<'p> {
    pub(super) name: &'p [u8],
    pub(super) path: &'p [u8],
}

impl<'p> Selector<'p> {
    /// All of a multipath at the start of a path, and what is behind it; none if nothing closes it.
    pub(super) fn read(path: &'p [u8]) -> Option<(Vec<Self>, &'p [u8])> {
        let mut selectors = Vec::new();
        let (mut depth, mut start, mut at) = (1_usize, 1, 1);
        // A modifier's colon is before its argument, and not behind a name.
        let (mut is_modifier, mut colon) = (false, None);
        while let Some(byte) = path.get(at) {
            match byte {
                b'\\' => at += 1,
                b'@' if matches!(path[at - 1], b'.' | b'|') => is_modifier = true,
                b':' if !is_modifier && colon.is_none() && depth == 1 => colon = Some(at),
                b'"' => at = string_end(path, at),
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

    /// The name that a path has of itself: its last part, if it is simple.
    pub(super) fn last(path: &[u8]) -> &[u8] {
        let is_end =
            |at: &usize| matches!(path[*at], b'|' | b'.') && (*at == 0 || path[at - 1] != b'\\');
        let last = (0..path.len()).rev().find(is_end).map_or(path, |at| &path[at + 1..]);
        let is_simple = |byte: &u8| *byte >= b' ' && !b"[]{}()#|!".contains(byte);
        if last.iter().all(is_simple) { last } else { b"_" }
    }
}
