//! Modifiers: `@name` or `@name:argument` makes another document of one.

use super::{
    PropertyError,
    get::get,
    limits::{Found, List, Work, deeper},
    pretty,
    scan::{squashed, trimmed},
    text::{Text, quoted, unquoted, without_spaces},
    valid::is_valid,
    value::{Kind, Part},
};

/// What is known by a name.
#[derive(Clone, Copy)]
pub(super) enum Modifier {
    Dig,
    Flatten,
    Fromstr,
    Group,
    Join,
    Keys,
    Pretty,
    Reverse,
    This,
    Tostr,
    Ugly,
    Valid,
    Values,
}

impl Modifier {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"dig" => Self::Dig,
            b"flatten" => Self::Flatten,
            b"fromstr" => Self::Fromstr,
            b"group" => Self::Group,
            b"join" => Self::Join,
            b"keys" => Self::Keys,
            b"pretty" => Self::Pretty,
            b"reverse" => Self::Reverse,
            b"this" => Self::This,
            b"tostr" => Self::Tostr,
            b"ugly" => Self::Ugly,
            b"valid" => Self::Valid,
            b"values" => Self::Values,
            _ => return None,
        })
    }
}

/// The document that the modifier at the start of a path makes, and the path behind it; none if it has
/// no modifier's name.
pub(super) fn modified<'j, 'p>(
    json: &'j [u8],
    path: &'p [u8],
    depth: usize,
    work: &Work,
) -> Result<Option<(Text<'j>, &'p [u8])>, PropertyError> {
    let path = &path[1..];
    let end = path.iter().position(|byte| b":.|".contains(byte)).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let Some(modifier) = Modifier::named(name) else { return Ok(None) };
    let (argument, rest) = match rest {
        [b':', rest @ ..] => rest.split_at(argument_len(rest)),
        _ => (&b""[..], rest),
    };
    let text = match modifier {
        Modifier::Dig => Text::Owned(dig(json, argument, depth, work)?),
        Modifier::Flatten => flatten(json, is_set(argument, b"deep"), depth, work)?,
        Modifier::Fromstr | Modifier::Valid if !is_valid(json) => Text::Borrowed(b""),
        Modifier::Fromstr => Part::parse(json).text(),
        Modifier::Group => group(json)?,
        Modifier::Join => join(json, is_set(argument, b"preserve"))?,
        Modifier::Keys => Text::Owned(keys(json)?),
        Modifier::Pretty => Text::Owned(pretty::pretty(json, argument, depth, work)?),
        Modifier::Reverse => reverse(json)?,
        Modifier::Tostr => Text::Owned(quoted(json)?),
        Modifier::Ugly => Text::Owned(pretty::ugly(json)?),
        Modifier::This | Modifier::Valid => Text::Borrowed(json),
        Modifier::Values => values(json)?,
    };
    Ok(Some((text, rest)))
}

/// An argument is a value of JSON, or goes up to the next pipe.
fn argument_len(rest: &[u8]) -> usize {
    if let [b'{' | b'[' | b'"', ..] = rest {
        return squashed(rest).len();
    }
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'|' => break,
            b'{' | b'[' | b'"' | b'(' => squashed(&rest[at..]).len(),
            _ => 1,
        };
    }
    at
}

/// Whether an argument has a member that is true; the last of the name counts.
fn is_set(argument: &[u8], name: &[u8]) -> bool {
    let named = |(key, _): &(Option<&[u8]>, Part<'_>)| {
        key.is_some_and(|key| unquoted(key).as_slice() == name)
    };
    Part::parse(argument).entries().filter(named).last().is_some_and(|(_, value)| value.bool())
}

/// What is at a path, of the document and of all that is in it.
fn dig(json: &[u8], path: &[u8], depth: usize, work: &Work) -> Result<Found, PropertyError> {
    let depth = deeper(depth)?;
    let mut list = List::new(b"[");
    let mut left = vec![Part::parse(json)];
    while let Some(part) = left.pop() {
        let found = get(part.raw, path, depth, work)?;
        if found.part().exists() {
            list.push(&[found.part().raw]);
        }
        if part.kind.is_container() {
            let known = left.len();
            left.extend(part.entries().map(|(_, part)| part));
            left[known..].reverse();
        }
    }
    list.finish(b"]")
}

/// The elements of arrays in an array, in their place; `is_deep`, of those in these too.
fn flatten<'j>(
    json: &'j [u8],
    is_deep: bool,
    depth: usize,
    work: &Work,
) -> Result<Text<'j>, PropertyError> {
    work.spend(json.len())?;
    let whole = Part::parse(json);
    if whole.kind != Kind::Array {
        return Ok(Text::Borrowed(json));
    }
    let mut list = List::new(b"[");
    for (_, part) in whole.entries() {
        let mut text = Text::Borrowed(part.raw);
        let is_array = part.kind == Kind::Array;
        if is_array && is_deep {
            text = flatten(part.raw, true, deeper(depth)?, work)?;
        }
        let raw = if is_array { unwrapped(text.as_slice()) } else { text.as_slice() };
        let raw = without_spaces(raw);
        if !raw.is_empty() {
            list.push(&[raw]);
        }
    }
    list.finish(b"]").map(Text::Owned)
}

/// A row of the columns that an object has: one object for the first elements of all, and so on.
fn group(json: &[u8]) -> Result<Text<'static>, PropertyError> {
    let whole = Part::parse(json);
    if whole.kind != Kind::Object {
        return Ok(Text::Borrowed(b""));
    }
    let mut rows: Vec<Vec<_>> = Vec::new();
    for (name, column) in whole.entries() {
        if column.kind != Kind::Array {
            continue;
        }
        for (index, (_, part)) in column.entries().enumerate() {
            if index == rows.len() {
                rows.push(Vec::new());
            }
            rows[index].push((name.unwrap_or_default(), part.raw));
        }
    }
    let mut list = List::new(b"[");
    for row in rows {
        let mut object = List::new(b"{");
        row.iter().for_each(|(name, raw)| object.push(&[name, b":", raw]));
        list.push(&[&object.finish(b"}")?]);
    }
    list.finish(b"]").map(Text::Owned)
}

/// The members of the objects in an array, in one. Of a name that is there again, the last value
/// counts, unless `keeps_all`.
fn join(json: &[u8], keeps_all: bool) -> Result<Text<'_>, PropertyError> {
    let whole = Part::parse(json);
    if whole.kind != Kind::Array {
        return Ok(Text::Borrowed(json));
    }
    let objects = whole.entries().map(|(_, part)| part).filter(|part| part.kind == Kind::Object);
    let mut list = List::new(b"{");
    if keeps_all {
        objects.for_each(|object| list.push(&[unwrapped(object.raw)]));
        return list.finish(b"}").map(Text::Owned);
    }
    let members: Vec<_> = objects
        .flat_map(Part::entries)
        .map(|(name, part)| (name.unwrap_or_default(), part.raw))
        .collect();
    // By name, and those of one name in their order.
    let names: Vec<_> = members.iter().map(|(name, _)| unquoted(name)).collect();
    let mut order: Vec<_> = (0..members.len()).collect();
    order.sort_by_key(|index| names[*index].as_slice());
    let is_same = |a: &usize, b: &usize| names[*a].as_slice() == names[*b].as_slice();
    let mut joined: Vec<_> =
        order.chunk_by(is_same).filter_map(|same| Some((*same.first()?, *same.last()?))).collect();
    joined.sort_unstable();
    for (first, last) in joined {
        list.push(&[members[first].0, b":", members[last].1]);
    }
    list.finish(b"}").map(Text::Owned)
}

/// The names of an object; of an array, as many times null.
fn keys(json: &[u8]) -> Result<Found, PropertyError> {
    let mut list = List::new(b"[");
    for (name, _) in Part::parse(json).entries() {
        list.push(&[name.unwrap_or(b"null")]);
    }
    list.finish(b"]")
}

fn reverse(json: &[u8]) -> Result<Text<'_>, PropertyError> {
    let whole = Part::parse(json);
    let (opening, closing) = match whole.kind {
        Kind::Array => (b"[", b"]"),
        Kind::Object => (b"{", b"}"),
        _ => return Ok(Text::Borrowed(json)),
    };
    let entries: Vec<_> = whole.entries().collect();
    let mut list = List::new(opening);
    for (name, part) in entries.into_iter().rev() {
        match name {
            Some(name) => list.push(&[name, b":", part.raw]),
            None => list.push(&[part.raw]),
        }
    }
    list.finish(closing).map(Text::Owned)
}

fn values(json: &[u8]) -> Result<Text<'_>, PropertyError> {
    let whole = Part::parse(json);
    if whole.kind == Kind::Array {
        return Ok(Text::Borrowed(json));
    }
    let mut list = List::new(b"[");
    whole.entries().for_each(|(_, part)| list.push(&[part.raw]));
    list.finish(b"]").map(Text::Owned)
}

/// Without the brackets.
fn unwrapped(json: &[u8]) -> &[u8] {
    match trimmed(json) {
        [b'[' | b'{', inner @ .., _] => inner,
        json => json,
    }
}
