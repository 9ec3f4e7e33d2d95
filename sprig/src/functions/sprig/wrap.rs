//! Wrapping and abbreviation. Widths count bytes.

use gotemplate::{Arguments, Buffer, Context, Failure, Value};

use super::convert::{integer, new_text};

/// Breaks lines at spaces. A word longer than a line is broken too, if `break_words`.
pub(super) fn wrap(
    context: &mut Context<'_>,
    text: &[u8],
    width: i64,
    newline: &[u8],
    break_words: bool,
) -> Result<Value, Failure> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let mut buffer = Buffer::default();
    let mut rest = text;
    context.meter.bytes(text.len())?;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let is_space = |byte: &u8| *byte == b' ';
        let (end, skipped) = match rest[..=width].iter().rposition(is_space) {
            Some(at) => (at, 1),
            None if break_words => (width, 0),
            None => match rest[width..].iter().position(is_space) {
                Some(at) => (width + at, 1),
                None => break,
            },
        };
        context.meter.bytes(newline.len())?;
        buffer.push(&rest[..end]);
        buffer.push(newline);
        rest = &rest[end + skipped..];
    }
    buffer.push(rest);
    Ok(Value::text(buffer))
}

pub(super) fn abbrev(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let (width, text) = (integer(arguments.any(0)?), arguments.text(1)?);
    if width < 4 {
        return new_text(context, text);
    }
    abbreviated(context, text, 0, width)
}

pub(super) fn abbrev_both(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let (left, right) = (integer(arguments.any(0)?), integer(arguments.any(1)?));
    let text = arguments.text(2)?;
    if right < 4 || (left > 0 && right < 7) {
        return new_text(context, text);
    }
    abbreviated(context, text, left, right)
}

/// At most `width` bytes around `offset`, with dots instead of the rest.
fn abbreviated(
    context: &mut Context<'_>,
    text: &[u8],
    offset: i64,
    width: i64,
) -> Result<Value, Failure> {
    const DOTS: &[u8] = b"...";
    let width = usize::try_from(width).unwrap_or(0);
    if text.len() <= width {
        return new_text(context, text);
    }
    let room = width - DOTS.len();
    let offset = usize::try_from(offset).unwrap_or(0).min(text.len()).min(text.len() - room);
    let mut buffer = Buffer::default();
    context.meter.bytes(width)?;
    if offset <= 4 {
        buffer.push(&text[..room]);
        buffer.push(DOTS);
    } else if width < 7 {
        return new_text(context, b"");
    } else if offset + room < text.len() {
        buffer.push(DOTS);
        buffer.push(&text[offset..offset + room - DOTS.len()]);
        buffer.push(DOTS);
    } else {
        buffer.push(DOTS);
        buffer.push(&text[text.len() - room..]);
    }
    Ok(Value::text(buffer))
}
