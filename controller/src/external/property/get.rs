//! What is at a path: Go's `gjson.Get`.

use super::{
    PropertyError,
    limits::{List, Work, deeper},
    modify,
    path::Selector,
    scan::bracket_end,
    search::Search,
    text::{Text, quoted},
    valid::is_valid,
    value::Value,
};

/// What is at a path of a document. Pipes and modifiers follow each other without nesting.
pub(super) fn get<'j>(
    json: &'j [u8],
    path: &[u8],
    depth: usize,
    work: &Work,
) -> Result<Value<'j>, PropertyError> {
    let (mut json, mut path) = (json, path);
    let mut made = loop {
        match step(json, path, depth, work)? {
            Step::Done(value) => return Ok(value),
            Step::Of(Text::Borrowed(next), rest) => (json, path) = (next, rest),
            Step::Of(Text::Owned(next), rest) => {
                path = rest;
                break next;
            }
        }
    };
    loop {
        let next = match step(&made, path, depth, work)? {
            Step::Done(value) => return Ok(value.into_owned()),
            Step::Of(next, rest) => {
                path = rest;
                next.into_owned()
            }
        };
        made = next;
    }
}

enum Step<'j, 'p> {
    Done(Value<'j>),
    /// A path in another document.
    Of(Text<'j>, &'p [u8]),
}

/// The path up to the next pipe.
fn step<'j, 'p>(
    json: &'j [u8],
    path: &'p [u8],
    depth: usize,
    work: &Work,
) -> Result<Step<'j, 'p>, PropertyError> {
    work.spend(json.len() + path.len())?;
    let made = match path {
        [b'@', _, ..] => modify::modified(json, path, depth, work)?,
        [b'!', _, ..] => literal(path),
        _ => None,
    };
    if let Some((text, rest)) = made {
        return Ok(match rest {
            [b'.' | b'|', rest @ ..] => Step::Of(text, rest),
            _ => Step::Done(Value::parse(text)),
        });
    }
    let mut path = path;
    if let [opening @ (b'{' | b'['), _, ..] = path {
        match Selector::read(path) {
            Some((selectors, rest @ ([] | [b'.' | b'|', ..]))) => {
                let json = multipath(json, *opening, &selectors, depth, work)?;
                return Ok(match rest {
                    [_, rest @ ..] => Step::Of(json, rest),
                    [] => Step::Done(Value::parse(json)),
                });
            }
            // As gjson goes on.
            Some((_, rest)) => path = rest,
            None => path = b"",
        }
    }
    let mut search = Search::new(json, work);
    match path {
        [b'.', b'.', path @ ..] => search.lines(path, depth)?,
        _ => search.document(path, depth)?,
    }
    Ok(match search.pipe {
        Some(pipe) => Step::Of(search.value.into_raw(), pipe),
        None => Step::Done(search.value),
    })
}

/// `{a,"name":b}` or `[a,b]`: a value of what is at each path, if it is there.
fn multipath(
    json: &[u8],
    opening: u8,
    selectors: &[Selector<'_>],
    depth: usize,
    work: &Work,
) -> Result<Text<'static>, PropertyError> {
    let depth = deeper(depth)?;
    let mut list = List::new(&[opening]);
    for selector in selectors {
        let value = get(json, selector.path, depth, work)?;
        let raw = value.part().raw;
        if raw.is_empty() {
            continue;
        }
        if opening == b'[' {
            list.push(&[raw]);
            continue;
        }
        let name = match selector.name {
            [] => quoted(Selector::last(selector.path))?,
            name @ [b'"', ..] if is_valid(name) => name.to_vec().into(),
            name => quoted(name)?,
        };
        list.push(&[&name, b":", raw]);
    }
    list.finish(&[opening + 2]).map(Text::Owned)
}

/// `!"text"` and the like: a value that the path itself has, and what is behind it.
fn literal(path: &[u8]) -> Option<(Text<'static>, &[u8])> {
    let text = &path[1..];
    let end = match text[0] {
        b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9' => bracket_end(text, 0).min(text.len()),
        _ => {
            let end = text.iter().position(|byte| b".|".contains(byte)).unwrap_or(text.len());
            let word = text[..end].to_ascii_lowercase();
            let is_known = [&b"true"[..], b"false", b"null", b"nan", b"inf"].contains(&&*word);
            is_known.then_some(end)?
        }
    };
    Some((Text::Owned(text[..end].to_vec().into()), &text[end..]))
}
