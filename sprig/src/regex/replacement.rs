//! Replacements with `$1` and `${name}`.

use gotemplate::{
    Buffer, Limit, Meter,
    unicode::{is_digit, is_letter},
};
use regex_automata::util::captures::Captures;

use super::{haystack::Haystack, pattern::Pattern};

impl Pattern {
    /// The text with each match replaced by `template`, in which `$1` and `${name}` stand for groups
    /// unless it is `literal`.
    pub fn replace_all(
        &self,
        meter: &mut Meter<'_>,
        text: &Haystack,
        template: &[u8],
        literal: bool,
    ) -> Result<Buffer, Limit> {
        meter.bytes(text.len())?;
        let mut buffer = Buffer::default();
        let mut copied = 0;
        let with_groups = !literal && template.contains(&b'$');
        self.captures(meter, text, with_groups, |meter, (start, end), captures| {
            buffer.push(text.slice(copied, start));
            copied = end;
            if !with_groups {
                meter.bytes(template.len())?;
                buffer.push(template);
                return Ok(());
            }
            expand(&mut buffer, meter, self, template, text, captures)
        })?;
        buffer.push(text.slice(copied, text.len()));
        Ok(buffer)
    }
}

/// Writes `template` with numbers and names replaced by the text of their groups. Unknown groups are
/// empty.
fn expand(
    buffer: &mut Buffer,
    meter: &mut Meter<'_>,
    pattern: &Pattern,
    template: &[u8],
    text: &Haystack,
    captures: &Captures,
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
            if let Some(group) = number.and_then(|number| captures.get_group(number)) {
                meter.bytes(group.len())?;
                buffer.push(text.slice(group.start, group.end));
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

/// The name of a group, in braces or as long as possible, and the text after it.
fn reference(text: &[u8]) -> Option<(&str, &[u8])> {
    let braced = text.strip_prefix(b"{");
    let name_and_more = braced.unwrap_or(text);
    let text = String::from_utf8_lossy(name_and_more);
    let is_word = |c: char| c == '_' || is_letter(c) || is_digit(c);
    let len = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = name_and_more.split_at_checked(len).filter(|_| len > 0)?;
    let rest = if braced.is_some() { rest.strip_prefix(b"}")? } else { rest };
    Some((str::from_utf8(name).ok()?, rest))
}
