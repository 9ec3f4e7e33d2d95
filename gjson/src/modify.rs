//! Applies modifiers: `@name` or `@name:argument` computes a document from a document.

use crate::{
    error::Error,
    get::get,
    limits::{Bytes, List, Work, deeper},
    modifier::Modifier,
    pretty,
    scan::{squash, trim},
    text::{Text, quoted, trim_space, unquoted},
    valid::is_valid,
    value::{Kind, RawValue},
};

/// The result of the modifier at the start of a path, and the rest of the path. `None` if no
/// modifier has that name.
pub(crate) fn apply_modifier<'j, 'p>(
    json: &'j [u8],
    path: &'p [u8],
    depth: usize,
    work: &Work,
) -> Result<Option<(Text<'j>, &'p [u8])>, Error> {
    let path = &path[1..];
    let end = path.iter().position(|byte| b":.|".contains(byte)).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let Some(modifier) = Modifier::by_name(name) else { return Ok(None) };
    let (argument, rest) = match rest {
        [b':', rest @ ..] => rest.split_at(argument_len(rest)),
        _ => (&b""[..], rest),
    };
    let text = match modifier {
        Modifier::Dig => Text::Owned(dig(json, argument, depth, work)?),
        Modifier::Flatten => flatten(json, is_set(argument, b"deep"), depth, work)?,
        Modifier::Fromstr | Modifier::Valid if !is_valid(json) => Text::Borrowed(b""),
        Modifier::Fromstr => RawValue::parse(json).text(),
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

/// The length of an argument. It is one JSON value, or extends to the next pipe.
fn argument_len(rest: &[u8]) -> usize {
    if let [b'{' | b'[' | b'"', ..] = rest {
        return squash(rest).len();
    }
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'|' => break,
            b'{' | b'[' | b'"' | b'(' => squash(&rest[at..]).len(),
            _ => 1,
        };
    }
    at
}

/// Whether an argument has a true member of this name. The last one of the name counts.
fn is_set(argument: &[u8], name: &[u8]) -> bool {
    let named = |(key, _): &(Option<&[u8]>, RawValue<'_>)| {
        key.is_some_and(|key| unquoted(key).as_slice() == name)
    };
    RawValue::parse(argument).entries().filter(named).last().is_some_and(|(_, value)| value.bool())
}

/// `@dig`: the values at a path, relative to the document and to every value in it.
fn dig(json: &[u8], path: &[u8], depth: usize, work: &Work) -> Result<Bytes, Error> {
    let depth = deeper(depth)?;
    let mut list = List::new(b"[");
    let mut left = vec![RawValue::parse(json)];
    while let Some(part) = left.pop() {
        let found = get(part.raw, path, depth, work)?;
        if found.as_raw().exists() {
            list.push(&[found.as_raw().raw]);
        }
        if part.kind.is_container() {
            let known = left.len();
            left.extend(part.entries().map(|(_, part)| part));
            left[known..].reverse();
        }
    }
    list.finish(b"]")
}

/// `@flatten`: replaces arrays in an array by their elements. `is_deep` does so at every level.
fn flatten<'j>(
    json: &'j [u8],
    is_deep: bool,
    depth: usize,
    work: &Work,
) -> Result<Text<'j>, Error> {
    work.spend(json.len())?;
    let whole = RawValue::parse(json);
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
        let raw = trim_space(raw);
        if !raw.is_empty() {
            list.push(&[raw]);
        }
    }
    list.finish(b"]").map(Text::Owned)
}

/// `@group`: turns an object of arrays into an array of objects, one for each index.
fn group(json: &[u8]) -> Result<Text<'static>, Error> {
    let whole = RawValue::parse(json);
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

/// `@join`: merges the objects in an array. The last value of a repeated name wins, unless
/// `keeps_all`.
fn join(json: &[u8], keeps_all: bool) -> Result<Text<'_>, Error> {
    let whole = RawValue::parse(json);
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
        .flat_map(RawValue::entries)
        .map(|(name, part)| (name.unwrap_or_default(), part.raw))
        .collect();
    // Sort stably by name, so that the members of one name keep their order.
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

/// `@keys`: the names of an object's members. For an array, one null per element.
fn keys(json: &[u8]) -> Result<Bytes, Error> {
    let mut list = List::new(b"[");
    for (name, _) in RawValue::parse(json).entries() {
        list.push(&[name.unwrap_or(b"null")]);
    }
    list.finish(b"]")
}

fn reverse(json: &[u8]) -> Result<Text<'_>, Error> {
    let whole = RawValue::parse(json);
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

fn values(json: &[u8]) -> Result<Text<'_>, Error> {
    let whole = RawValue::parse(json);
    if whole.kind == Kind::Array {
        return Ok(Text::Borrowed(json));
    }
    let mut list = List::new(b"[");
    whole.entries().for_each(|(_, part)| list.push(&[part.raw]));
    list.finish(b"]").map(Text::Owned)
}

/// The content between the brackets.
fn unwrapped(json: &[u8]) -> &[u8] {
    match trim(json) {
        [b'[' | b'{', inner @ .., _] => inner,
        json => json,
    }
}
