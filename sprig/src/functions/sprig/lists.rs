//! Lists, of any type of item unless stated otherwise.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher as _},
};

use gotemplate::{
    Arguments, Buffer, Context, Element, Failure, Function, List, Map, MapKind,
    Parameter::{Any, Int, Text},
    Run, Value,
};

use super::{
    convert::{integer, text, texts},
    reflection::{equal, fingerprint},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("append", &[Any, Any], APPEND),
    Function::new("chunk", &[Int, Any], CHUNK),
    Function::new("compact", &[Any], COMPACT),
    Function::new("concat", &[], concat).rest(Any),
    Function::new("first", &[Any], FIRST),
    Function::new("has", &[Any, Any], HAS),
    Function::new("initial", &[Any], INITIAL),
    Function::new("join", &[Text, Any], join),
    Function::new("last", &[Any], LAST),
    Function::new("list", &[], LIST).rest(Any),
    Function::new("mustAppend", &[Any, Any], APPEND),
    Function::new("mustChunk", &[Int, Any], CHUNK),
    Function::new("mustCompact", &[Any], COMPACT),
    Function::new("mustFirst", &[Any], FIRST),
    Function::new("mustHas", &[Any, Any], HAS),
    Function::new("mustInitial", &[Any], INITIAL),
    Function::new("mustLast", &[Any], LAST),
    Function::new("mustPrepend", &[Any, Any], PREPEND),
    Function::new("mustPush", &[Any, Any], APPEND),
    Function::new("mustRest", &[Any], REST),
    Function::new("mustReverse", &[Any], REVERSE),
    Function::new("mustSlice", &[Any], slice).rest(Any),
    Function::new("mustUniq", &[Any], UNIQ),
    Function::new("mustWithout", &[Any], WITHOUT).rest(Any),
    Function::new("prepend", &[Any, Any], PREPEND),
    Function::new("push", &[Any, Any], APPEND),
    Function::new("rest", &[Any], REST),
    Function::new("reverse", &[Any], REVERSE),
    Function::new("slice", &[Any], slice).rest(Any),
    Function::new("sortAlpha", &[Any], sort_alpha),
    Function::new("split", &[Text, Text], |c, a| numbered(c, a.text(0)?, None, a.text(1)?)),
    Function::new("splitList", &[Text, Text], split_list),
    Function::new("splitn", &[Text, Int, Text], |c, a| {
        numbered(c, a.text(0)?, Some(integer(a.any(1)?)), a.text(2)?)
    }),
    Function::new("tuple", &[], LIST).rest(Any),
    Function::new("uniq", &[Any], UNIQ),
    Function::new("without", &[Any], WITHOUT).rest(Any),
];

const LIST: Run = |c, a| new(c, a.all().to_vec());

const FIRST: Run = |_, a| Ok(list(a.any(0)?)?.get(0).unwrap_or(Value::Nil));

const LAST: Run = |_, a| Ok(list(a.any(0)?)?.items().last().cloned().unwrap_or(Value::Nil));

const REST: Run = |c, a| match list(a.any(0)?)?.items().split_first() {
    Some((_, rest)) => new(c, rest.to_vec()),
    None => Ok(Value::List(List::nil(Element::Any))),
};

const INITIAL: Run = |c, a| match list(a.any(0)?)?.items().split_last() {
    Some((_, initial)) => new(c, initial.to_vec()),
    None => Ok(Value::List(List::nil(Element::Any))),
};

const APPEND: Run = |c, a| {
    let mut items = list(a.any(0)?)?.to_vec();
    items.push(a.any(1)?.clone());
    new(c, items)
};

const PREPEND: Run = |c, a| {
    let mut items = vec![a.any(1)?.clone()];
    items.extend(list(a.any(0)?)?.to_vec());
    new(c, items)
};

const REVERSE: Run = |c, a| {
    let mut items = list(a.any(0)?)?.to_vec();
    items.reverse();
    new(c, items)
};

const COMPACT: Run = |c, a| {
    let mut items = list(a.any(0)?)?.to_vec();
    items.retain(Value::is_true);
    new(c, items)
};

/// The memory that `uniq` needs for an item, in bytes.
const SEEN_BYTES: usize = 256;

const UNIQ: Run = |c, a| {
    let items = list(a.any(0)?)?.to_vec();
    c.meter.bytes(items.len().saturating_mul(SEEN_BYTES))?;
    let (mut uniq, mut seen) = (Vec::new(), HashMap::<u64, Vec<Value>>::new());
    for item in items {
        let mut hasher = DefaultHasher::new();
        fingerprint(c, &item, &mut hasher, 0)?;
        let similar = seen.entry(hasher.finish()).or_default();
        if !contains(c, similar, &item)? {
            similar.push(item.clone());
            uniq.push(item);
        }
    }
    new(c, uniq)
};

const WITHOUT: Run = |c, a| {
    let mut kept = Vec::new();
    for item in list(a.any(0)?)?.to_vec() {
        if !contains(c, a.rest(1), &item)? {
            kept.push(item);
        }
    }
    new(c, kept)
};

const HAS: Run = |c, a| {
    let (needle, haystack) = (a.any(0)?, a.any(1)?);
    let found = !haystack.is_nil() && contains(c, &list(haystack)?.to_vec(), needle)?;
    Ok(Value::Bool(found))
};

const CHUNK: Run = |c, a| {
    let items = list(a.any(1)?)?.to_vec();
    let size = integer(a.any(0)?);
    // Sprig divides to count the chunks, and gets 0 for some negative sizes.
    if size < 0 && items.len() > 1 && (items.len() as u64 - 1) <= size.unsigned_abs() {
        return Ok(Value::List(List::new(Element::List, Vec::new())));
    }
    let size = usize::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or("the size is not positive")?;
    c.meter.items(items.len())?;
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List::new(Element::List, chunks)))
};

fn list(value: &Value) -> Result<&List, Failure> {
    match value {
        Value::List(list) => Ok(list),
        _ => Err("the argument is not a list".into()),
    }
}

fn new(context: &mut Context<'_>, items: Vec<Value>) -> Result<Value, Failure> {
    context.meter.items(items.len())?;
    Ok(Value::list(items))
}

fn contains(context: &mut Context<'_>, items: &[Value], wanted: &Value) -> Result<bool, Failure> {
    for item in items {
        if equal(context, item, wanted, 0)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn concat(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut items = Vec::new();
    for argument in arguments.all() {
        let more = list(argument)?;
        if items.len() + more.len() > context.meter.limits.items {
            return Err(gotemplate::Limit::Items.into());
        }
        context.meter.items(more.len())?;
        items.extend(more.to_vec());
    }
    let is_empty = items.is_empty();
    let list = if is_empty { List::nil(Element::Any) } else { List::new(Element::Any, items) };
    Ok(Value::List(list))
}

/// Takes numbers of any type, unlike Go's own `slice`.
fn slice(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let list = list(arguments.any(0)?)?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |index: usize, default: usize| match arguments.rest(1).get(index) {
        Some(value) => usize::try_from(integer(value)).map_err(|_| OUT_OF_RANGE),
        None => Ok(default),
    };
    let (start, end) = (bound(0, 0)?, bound(1, list.len())?);
    list.slice(start, end, list.capacity()).map(Value::List).ok_or(OUT_OF_RANGE)
}

const OUT_OF_RANGE: Failure = Failure::Because("an index is out of range");

fn join(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let separator = arguments.text(0)?;
    let mut joined = Buffer::default();
    for (index, item) in texts(context, arguments.any(1)?)?.iter().enumerate() {
        let item = text(context, item)?;
        context.meter.bytes(separator.len() + item.len())?;
        if index > 0 {
            joined.push(separator);
        }
        joined.push(&item);
    }
    Ok(Value::text(joined))
}

/// Sorts a list of strings in place, and returns a sorted copy of any other.
fn sort_alpha(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let value = arguments.any(0)?;
    let sorted = match value {
        Value::List(list) if list.element() == Element::Text => list.clone(),
        Value::List(_) => List::new(Element::Text, texts(context, value)?),
        other => List::new(Element::Text, vec![Value::Text(text(context, other)?)]),
    };
    context.meter.items(sorted.len())?;
    sorted.sort_by_key(|item| match item {
        Value::Text(text) => text.clone(),
        _ => gotemplate::Text::default(),
    });
    Ok(Value::List(sorted))
}

fn split_list(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let parts = split(context, arguments.text(0)?, None, arguments.text(1)?)?;
    Ok(Value::List(List::new(Element::Text, parts)))
}

/// The parts by `_0`, `_1` and so on.
fn numbered(
    context: &mut Context<'_>,
    separator: &[u8],
    count: Option<i64>,
    text: &[u8],
) -> Result<Value, Failure> {
    let parts = split(context, separator, count, text)?;
    // A key and a node of the map.
    context.meter.bytes(parts.len() * 2 * TEXT_BYTES)?;
    let parts = parts.into_iter().enumerate();
    let entries = parts.map(|(index, part)| (format!("_{index}").into(), part)).collect();
    Ok(Value::Map(Map::new(MapKind::Strings, entries)))
}

/// At most `count` parts: none if it is 0, all if it is negative.
fn split(
    context: &mut Context<'_>,
    separator: &[u8],
    count: Option<i64>,
    text: &[u8],
) -> Result<Vec<Value>, Failure> {
    let limit = usize::try_from(count.unwrap_or(-1)).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    if limit == 0 {
        return Ok(parts);
    }
    context.meter.bytes(text.len())?;
    let mut rest = text;
    while parts.len() + 1 < limit && !(separator.is_empty() && rest.is_empty()) {
        let (at, width) = if separator.is_empty() {
            // The characters. The last part contains the rest.
            let width = gotemplate::rune::first(rest).1;
            if width == rest.len() {
                break;
            }
            (width, 0)
        } else {
            match find(rest, separator) {
                Some(at) => (at, separator.len()),
                None => break,
            }
        };
        context.meter.items(1)?;
        parts.push(Value::text(&rest[..at]));
        rest = &rest[at + width..];
    }
    if !(separator.is_empty() && text.is_empty()) {
        parts.push(Value::text(rest));
    }
    context.meter.bytes(parts.len() * TEXT_BYTES)?;
    if parts.len() > context.meter.limits.items {
        return Err(gotemplate::Limit::Items.into());
    }
    Ok(parts)
}

/// The memory that a string needs beside its bytes.
pub(super) const TEXT_BYTES: usize = 96;

/// The first position of `needle` in `text`.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}
