//! Regular expressions. Functions without `must` also fail on a malformed expression, except
//! `regexMatch`.

use std::rc::Rc;

use gotemplate::{
    Arguments, Buffer, Context, Element, Failure, Function, List,
    Parameter::{Int, Text},
    Value,
};

use super::{
    convert::{integer, new_text},
    lists::TEXT_BYTES,
};
use crate::regex::{Haystack, Pattern};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("mustRegexFind", &[Text, Text], find),
    Function::new("mustRegexFindAll", &[Text, Text, Int], find_all),
    Function::new("mustRegexMatch", &[Text, Text], is_match),
    Function::new("mustRegexReplaceAll", &[Text, Text, Text], |c, a| replace(c, a, false)),
    Function::new("mustRegexReplaceAllLiteral", &[Text, Text, Text], |c, a| replace(c, a, true)),
    Function::new("mustRegexSplit", &[Text, Text, Int], split),
    Function::new("regexFind", &[Text, Text], find),
    Function::new("regexFindAll", &[Text, Text, Int], find_all),
    Function::new("regexMatch", &[Text, Text], |c, a| match is_match(c, a) {
        Err(Failure::Because(_)) => Ok(Value::Bool(false)),
        other => other,
    }),
    Function::new("regexQuoteMeta", &[Text], quote),
    Function::new("regexReplaceAll", &[Text, Text, Text], |c, a| replace(c, a, false)),
    Function::new("regexReplaceAllLiteral", &[Text, Text, Text], |c, a| replace(c, a, true)),
    Function::new("regexSplit", &[Text, Text, Int], split),
];

fn parts(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<(Rc<Pattern>, Haystack), Failure> {
    let pattern = Pattern::cached(context, arguments.text(0)?)?;
    Ok((pattern, Haystack::new(&mut context.meter, arguments.text(1)?)?))
}

fn is_match(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (pattern, text) = parts(context, arguments)?;
    Ok(Value::Bool(pattern.is_match(&mut context.meter, &text)?))
}

fn find(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (pattern, text) = parts(context, arguments)?;
    let found = pattern.find_all(&mut context.meter, &text, 1)?;
    let (start, end) = found.first().copied().unwrap_or_default();
    new_text(context, text.slice(start, end))
}

/// The requested number of matches: a negative one means all.
fn limit(value: &Value) -> usize {
    usize::try_from(integer(value)).unwrap_or(usize::MAX)
}

fn find_all(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (pattern, text) = parts(context, arguments)?;
    let found = pattern.find_all(&mut context.meter, &text, limit(arguments.any(2)?))?;
    if found.is_empty() {
        return Ok(Value::List(List::nil(Element::Text)));
    }
    context.meter.bytes(text.len() + found.len() * TEXT_BYTES)?;
    let found = found.iter().map(|(start, end)| Value::text(text.slice(*start, *end)));
    Ok(Value::List(List::new(Element::Text, found.collect())))
}

fn replace(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    literal: bool,
) -> Result<Value, Failure> {
    let (pattern, text) = parts(context, arguments)?;
    let template = arguments.text(2)?;
    Ok(Value::text(pattern.replace_all(&mut context.meter, &text, template, literal)?))
}

/// Go's `Regexp.Split`: an empty match at the beginning or the end splits nothing off.
fn split(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let (pattern, text) = parts(context, arguments)?;
    let limit = limit(arguments.any(2)?);
    if limit == 0 {
        return Ok(Value::List(List::nil(Element::Text)));
    }
    context.meter.bytes(text.len())?;
    if text.len() == 0 && !pattern.is_empty() {
        return Ok(Value::List(List::new(Element::Text, vec![Value::text("")])));
    }
    let mut split = Vec::new();
    let (mut start, mut end) = (0, 0);
    let places = pattern.find_all(&mut context.meter, &text, limit)?;
    context.meter.bytes((places.len() + 1) * TEXT_BYTES)?;
    for found in places {
        if split.len() + 1 == limit {
            break;
        }
        end = found.0;
        if found.1 != 0 {
            split.push(Value::text(text.slice(start, end)));
        }
        start = found.1;
    }
    if end != text.len() {
        split.push(Value::text(text.slice(start, text.len())));
    }
    Ok(Value::List(List::new(Element::Text, split)))
}

fn quote(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    context.meter.bytes(2 * text.len())?;
    let mut quoted = Buffer::default();
    for byte in text.iter() {
        if b"\\.+*?()|[]{}^$".contains(byte) {
            quoted.push_byte(b'\\');
        }
        quoted.push_byte(*byte);
    }
    Ok(Value::text(quoted))
}
