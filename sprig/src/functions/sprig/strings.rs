//! Strings.

use gotemplate::{
    Arguments, Buffer, Context, Failure, Function,
    Parameter::{Any, Int, Text},
    Value, fmt, rune,
    unicode::is_space,
};

use super::{
    cases,
    convert::{integer, new_text, text as to_text},
    lists::find,
    words, wrap,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("abbrev", &[Int, Text], wrap::abbrev),
    Function::new("abbrevboth", &[Int, Int, Text], wrap::abbrev_both),
    Function::new("camelcase", &[Text], |c, a| of(c, a, 2, cases::camel)),
    Function::new("cat", &[], cat).rest(Any),
    Function::new("contains", &[Text, Text], |_, a| {
        Ok(Value::Bool(find(a.text(1)?, a.text(0)?).is_some()))
    }),
    Function::new("hasPrefix", &[Text, Text], |_, a| {
        Ok(Value::Bool(a.text(1)?.starts_with(a.text(0)?)))
    }),
    Function::new("hasSuffix", &[Text, Text], |_, a| {
        Ok(Value::Bool(a.text(1)?.ends_with(a.text(0)?)))
    }),
    Function::new("indent", &[Int, Text], |c, a| indent(c, a, "")),
    Function::new("initials", &[Text], |c, a| of(c, a, 2, cases::initials)),
    Function::new("kebabcase", &[Text], |c, a| words::separated(&mut c.meter, a.text(0)?, '-')),
    Function::new("lower", &[Text], |c, a| of(c, a, 3, cases::lower)),
    Function::new("nindent", &[Int, Text], |c, a| indent(c, a, "\n")),
    Function::new("nospace", &[Text], |c, a| of(c, a, 2, cases::without_space)),
    Function::new("plural", &[Text, Text, Int], |_, a| {
        let is_one = matches!(a.any(2)?, Value::Int(1));
        Ok(a.any(usize::from(!is_one))?.clone())
    }),
    Function::new("quote", &[], |c, a| {
        quoted(c, a, |buffer, text| fmt::quote(buffer, text, false))
    })
    .rest(Any),
    Function::new("repeat", &[Int, Text], repeat),
    Function::new("replace", &[Text, Text, Text], replace),
    Function::new("snakecase", &[Text], |c, a| words::separated(&mut c.meter, a.text(0)?, '_')),
    Function::new("squote", &[], |c, a| {
        quoted(c, a, |buffer, text| {
            buffer.push("'");
            buffer.push(text);
            buffer.push("'");
        })
    })
    .rest(Any),
    Function::new("substr", &[Int, Int, Text], substr),
    Function::new("swapcase", &[Text], |c, a| of(c, a, 3, cases::swap)),
    Function::new("title", &[Text], |c, a| of(c, a, 3, cases::title)),
    Function::new("trim", &[Text], |c, a| new_text(c, trim(a.text(0)?, is_space))),
    Function::new("trimAll", &[Text, Text], trim_all),
    Function::new("trimPrefix", &[Text, Text], |c, a| {
        let text = a.text(1)?;
        new_text(c, text.strip_prefix(a.text(0)?.as_bytes()).unwrap_or(text))
    }),
    Function::new("trimSuffix", &[Text, Text], |c, a| {
        let text = a.text(1)?;
        new_text(c, text.strip_suffix(a.text(0)?.as_bytes()).unwrap_or(text))
    }),
    Function::new("trimall", &[Text, Text], trim_all),
    Function::new("trunc", &[Int, Text], trunc),
    Function::new("untitle", &[Text], |c, a| of(c, a, 3, cases::untitle)),
    Function::new("upper", &[Text], |c, a| of(c, a, 3, cases::upper)),
    Function::new("wrap", &[Int, Text], |c, a| {
        wrap::wrap(c, a.text(1)?, integer(a.any(0)?), b"\n", false)
    }),
    Function::new("wrapWith", &[Int, Text, Text], |c, a| {
        wrap::wrap(c, a.text(2)?, integer(a.any(0)?), a.text(1)?, true)
    }),
];

/// Applies `write` to the only argument. The result is at most `factor` times as long.
fn of(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    factor: usize,
    write: impl FnOnce(&mut Buffer, &[u8]),
) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    context.meter.bytes(text.len() * factor)?;
    let mut buffer = Buffer::with_capacity(text.len() + 1);
    write(&mut buffer, text);
    Ok(Value::text(buffer))
}

/// The text without the characters of a set at both ends.
fn trim(text: &[u8], is_in_set: impl Fn(char) -> bool) -> &[u8] {
    let mut runes = rune::runes(text);
    let mut rest = text;
    while let Some((c, _)) = runes.next().filter(|(c, _)| is_in_set(*c)) {
        let _ = c;
        rest = runes.rest();
    }
    // Find the start of the last run of characters of the set.
    let (mut end, mut at) = (0, 0);
    for (c, read) in rune::runes(rest) {
        at += read.len();
        if !is_in_set(c) {
            end = at;
        }
    }
    &rest[..end]
}

fn trim_all(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (set, text) = (arguments.text(0)?, arguments.text(1)?);
    // The vector doubles while it grows.
    context.meter.bytes(set.len().saturating_mul(3 * size_of::<char>()))?;
    let mut set: Vec<char> = rune::runes(set).map(|(c, _)| c).collect();
    set.sort_unstable();
    new_text(context, trim(text, |c| set.binary_search(&c).is_ok()))
}

fn cat(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    for (index, value) in arguments.all().iter().filter(|value| !value.is_nil()).enumerate() {
        buffer.push(if index > 0 { " " } else { "" });
        fmt::print_value(&mut buffer, &mut context.meter, value)?;
    }
    Ok(Value::text(buffer))
}

/// Each argument that is not nil, quoted.
fn quoted(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    write: impl Fn(&mut Buffer, &[u8]),
) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    for value in arguments.all().iter().filter(|value| !value.is_nil()) {
        let text = to_text(context, value)?;
        context.meter.bytes(4 * text.len() + 3)?;
        if !buffer.is_empty() {
            buffer.push(" ");
        }
        write(&mut buffer, &text);
    }
    Ok(Value::text(buffer))
}

fn indent(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    before: &str,
) -> Result<Value, Failure> {
    let (width, text) = (count(arguments.any(0)?)?, arguments.text(1)?);
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    context.meter.bytes(width.saturating_mul(lines).saturating_add(text.len()))?;
    let mut buffer = Buffer::with_capacity(text.len() + lines * width + 1);
    buffer.push(before);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            buffer.push("\n");
        }
        buffer.repeat(b' ', width);
        buffer.push(line);
    }
    Ok(Value::text(buffer))
}

fn repeat(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (times, text) = (count(arguments.any(0)?)?, arguments.text(1)?);
    let len = times.saturating_mul(text.len());
    context.meter.bytes(len)?;
    let mut buffer = Buffer::with_capacity(len);
    for _ in 0..if text.is_empty() { 0 } else { times } {
        buffer.push(text);
    }
    Ok(Value::text(buffer))
}

fn count(value: &Value) -> Result<usize, Failure> {
    let count = integer(value);
    usize::try_from(count).map_err(|_| Failure::Because("a count is negative"))
}

/// Go's `strings.ReplaceAll`: an empty text matches before each character and at the end.
fn replace(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (old, new, text) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let mut buffer = Buffer::default();
    context.meter.bytes(text.len())?;
    if old.is_empty() {
        for (_, read) in rune::runes(text) {
            context.meter.bytes(new.len())?;
            buffer.push(new);
            buffer.push(read);
        }
        context.meter.bytes(new.len())?;
        buffer.push(new);
    } else {
        let mut rest: &[u8] = text;
        while let Some(at) = find(rest, old) {
            context.meter.bytes(new.len())?;
            buffer.push(&rest[..at]);
            buffer.push(new);
            rest = &rest[at + old.len()..];
        }
        buffer.push(rest);
    }
    Ok(Value::text(buffer))
}

/// Indexes count bytes. A negative start means the beginning, a bad end means the end.
fn substr(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let bound = |index| Ok::<_, Failure>(integer(arguments.any(index)?));
    let (start, end, text) = (bound(0)?, bound(1)?, arguments.text(2)?);
    let (start, end) = (usize::try_from(start), usize::try_from(end));
    let found = match (start, end) {
        (Err(_), Ok(end)) => text.get(..end),
        (Err(_), Err(_)) => None,
        (Ok(start), Ok(end)) if end <= text.len() => text.get(start..end),
        (Ok(start), _) => text.get(start..),
    };
    new_text(context, found.ok_or(Failure::Because("an index is out of range"))?)
}

/// The first bytes, or the last ones if the count is negative.
fn trunc(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (count, text) = (integer(arguments.any(0)?), arguments.text(1)?);
    let len = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    new_text(
        context,
        match count {
            _ if len >= text.len() => text,
            0.. => &text[..len],
            _ => &text[text.len() - len..],
        },
    )
}
