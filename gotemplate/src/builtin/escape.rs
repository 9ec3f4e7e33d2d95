//! `html`, `js`, `urlquery`: the printed arguments, escaped.

use crate::{
    context::Context, error::Failure, fmt, function::Arguments, rune, text::Buffer, value::Value,
};

pub(super) fn html(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    escape(context, arguments, 5, |escaped, text| {
        for byte in text {
            match byte {
                0 => escaped.push("\u{fffd}"),
                b'"' => escaped.push("&#34;"),
                b'\'' => escaped.push("&#39;"),
                b'&' => escaped.push("&amp;"),
                b'<' => escaped.push("&lt;"),
                b'>' => escaped.push("&gt;"),
                _ => escaped.push_byte(*byte),
            }
        }
    })
}

pub(super) fn js(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    escape(context, arguments, 6, |escaped, text| {
        for (c, read) in rune::runes(text) {
            match c {
                '\\' => escaped.push("\\\\"),
                '\'' => escaped.push("\\'"),
                '"' => escaped.push("\\\""),
                '<' | '>' | '&' | '=' => escaped.push(format!("\\u{:04X}", u32::from(c))),
                c if c < ' ' => escaped.push(format!("\\u{:04X}", u32::from(c))),
                c if c.is_ascii() || read.len() == 1 || fmt::is_printable(c) => escaped.push(read),
                c => escaped.push(format!("\\u{:04X}", u32::from(c))),
            }
        }
    })
}

pub(super) fn urlquery(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    escape(context, arguments, 3, |escaped, text| {
        for byte in text {
            match byte {
                b' ' => escaped.push("+"),
                b'-' | b'_' | b'.' | b'~' => escaped.push_byte(*byte),
                byte if byte.is_ascii_alphanumeric() => escaped.push_byte(*byte),
                byte => escaped.push(format!("%{byte:02X}")),
            }
        }
    })
}

/// The result of `write` is at most `factor` times as long as the text.
fn escape(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    factor: usize,
    write: impl FnOnce(&mut Buffer, &[u8]),
) -> Result<Value, Failure> {
    let mut printed = Buffer::default();
    match arguments.all() {
        [Value::Text(text)] => printed.push(text),
        // Here Go prints an action's value, not a function's argument.
        values => {
            let words = values.iter().map(|value| match value {
                Value::Missing | Value::Nil => Value::text("<no value>"),
                value => value.clone(),
            });
            fmt::print(&mut printed, &mut context.meter, &words.collect::<Vec<_>>())?;
        }
    }
    context.meter.bytes(printed.len() * factor)?;
    let mut escaped = Buffer::with_capacity(printed.len());
    write(&mut escaped, &printed);
    Ok(Value::text(escaped))
}
