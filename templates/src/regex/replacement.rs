//! Replacements with `$1` and `${name}`.

use regex::bytes::Captures;

use super::{Haystack, Pattern};
use crate::{
    limits::{Limit, Meter},
    text::Buffer,
};

/// Writes `template`, with the text of groups for their numbers and names. What is no group is empty.
pub(crate) fn expand(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    pattern: &Pattern,
    template: &[u8],
    text: &Haystack,
    captures: &Captures<'_>,
) -> Result<(), Limit> {
    let mut rest = template;
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        buffer.push(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            buffer.push("$");
            rest = after;
        } else if let Some((name, after)) = reference(rest) {
            let number = match name.parse::<usize>() {
                Ok(number) if !name.starts_with('0') || name.len() == 1 => Some(number),
                _ => pattern.names().iter().find(|(known, _)| known == name).map(|(_, n)| *n),
            };
            if let Some(group) = number.and_then(|number| captures.get(number)) {
                meter.bytes(group.len())?;
                buffer.push(text.slice(group.start(), group.end()));
            }
            rest = after;
        } else {
            buffer.push("$");
        }
    }
    meter.bytes(template.len())?;
    buffer.push(rest);
    Ok(())
}

/// The name of a group, braced or as long as it can be, and what stands behind it.
fn reference(text: &[u8]) -> Option<(&str, &[u8])> {
    let braced = text.strip_prefix(b"{");
    let name_and_more = braced.unwrap_or(text);
    let text = String::from_utf8_lossy(name_and_more);
    let is_word = |c: char| c == '_' || crate::unicode::is_letter(c) || crate::unicode::is_digit(c);
    let len = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = name_and_more.split_at_checked(len).filter(|_| len > 0)?;
    let rest = if braced.is_some() { rest.strip_prefix(b"}")? } else { rest };
    Some((str::from_utf8(name).ok()?, rest))
}
