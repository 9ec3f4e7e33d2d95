//! Evaluates a path: Go's `gjson.Get`.

use crate::{
    error::Error,
    limits::{List, Work, deeper},
    modify::apply_modifier,
    path::Selector,
    scan::bracket_end,
    search::Search,
    text::{Text, quoted},
    valid::is_valid,
    value::Value,
};

/// The value at a path. Pipes and modifiers are evaluated in a loop, so a chain of them does not
/// nest.
pub(crate) fn get<'j>(
    json: &'j [u8],
    path: &[u8],
    depth: usize,
    work: &Work,
) -> Result<Value<'j>, Error> {
    let (mut json, mut path) = (json, path);
    let mut computed = loop {
        match step(json, path, depth, work)? {
            Step::Done(value) => return Ok(value),
            Step::Continue(Text::Borrowed(next), rest) => (json, path) = (next, rest),
            Step::Continue(Text::Owned(next), rest) => {
                path = rest;
                break next;
            }
        }
    };
    loop {
        let next = match step(&computed, path, depth, work)? {
            Step::Done(value) => return Ok(value.into_owned()),
            Step::Continue(next, rest) => {
                path = rest;
                next.into_owned()
            }
        };
        computed = next;
    }
}

enum Step<'j, 'p> {
    Done(Value<'j>),
    /// Continue with this path in this document.
    Continue(Text<'j>, &'p [u8]),
}

/// Evaluates the path up to the next pipe.
fn step<'j, 'p>(
    json: &'j [u8],
    path: &'p [u8],
    depth: usize,
    work: &Work,
) -> Result<Step<'j, 'p>, Error> {
    work.spend(json.len() + path.len())?;
    let computed = match path {
        [b'@', _, ..] => apply_modifier(json, path, depth, work)?,
        [b'!', _, ..] => literal(path),
        _ => None,
    };
    if let Some((text, rest)) = computed {
        return Ok(match rest {
            [b'.' | b'|', rest @ ..] => Step::Continue(text, rest),
            _ => Step::Done(Value::parse(text)),
        });
    }
    let mut path = path;
    if let [opening @ (b'{' | b'['), _, ..] = path {
        match Selector::read_all(path) {
            Some((selectors, rest @ ([] | [b'.' | b'|', ..]))) => {
                let json = multipath(json, *opening, &selectors, depth, work)?;
                return Ok(match rest {
                    [_, rest @ ..] => Step::Continue(json, rest),
                    [] => Step::Done(Value::parse(json)),
                });
            }
            // gjson continues like this.
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
        Some(pipe) => Step::Continue(search.value.into_raw(), pipe),
        None => Step::Done(search.value),
    })
}

/// `{a,"name":b}` or `[a,b]`: an object or array of the values at these paths. Missing values are
/// left out.
fn multipath(
    json: &[u8],
    opening: u8,
    selectors: &[Selector<'_>],
    depth: usize,
    work: &Work,
) -> Result<Text<'static>, Error> {
    let depth = deeper(depth)?;
    let mut list = List::new(&[opening]);
    for selector in selectors {
        let value = get(json, selector.path, depth, work)?;
        let raw = value.as_raw().raw;
        if raw.is_empty() {
            continue;
        }
        if opening == b'[' {
            list.push(&[raw]);
            continue;
        }
        let name = match selector.name {
            [] => quoted(Selector::default_name(selector.path))?,
            name @ [b'"', ..] if is_valid(name) => name.to_vec().into(),
            name => quoted(name)?,
        };
        list.push(&[&name, b":", raw]);
    }
    list.finish(&[opening + 2]).map(Text::Owned)
}

/// `!"text"` and other literals: the value, and the rest of the path.
fn literal(path: &[u8]) -> Option<(Text<'static>, &[u8])> {
    let text = &path[1..];
    let end = match text[0] {
        b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9' => bracket_end(text, 0).min(text.len()),
        _ => {
            let end = text.iter().position(|byte| b".|".contains(byte)).unwrap_or(text.len());
            let word = text[..end].to_ascii_lowercase();
            let is_keyword = [&b"true"[..], b"false", b"null", b"nan", b"inf"].contains(&&*word);
            is_keyword.then_some(end)?
        }
    };
    Some((Text::Owned(text[..end].to_vec().into()), &text[end..]))
}
