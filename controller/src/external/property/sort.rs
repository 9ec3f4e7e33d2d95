//! The order of members for `@pretty`: by name, and by value where names are the same.

use super::{
    PropertyError,
    limits::{Output, Work},
    members, number,
    text::{Text, without_spaces},
};

/// A member in an output, from the start of its line to the end of its value.
pub(super) struct Member<'j> {
    /// As it is written.
    pub(super) name: &'j [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What comparing two values takes at least.
const COMPARED: usize = 32;

/// Sorts the members that an output ends with, which have `,` and a line's end between them.
pub(super) fn sort(
    output: &mut Output,
    members: &[Member<'_>],
    work: &Work,
) -> Result<(), PropertyError> {
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return Ok(()) };
    let lines = Output::new(&output.as_slice()[first.start..last.end]).finish()?;
    let line = |member: &Member<'_>| &lines[member.start - first.start..member.end - first.start];
    let mut sorted: Vec<_> = members.iter().map(|member| (said(member.name), member)).collect();
    let value = |member: &Member<'_>| {
        let line = without_spaces(line(member));
        line.get(member.name.len() + 1..).map_or(line, without_spaces)
    };
    sorted.sort_by(|(left, _), (right, _)| left.as_slice().cmp(right.as_slice()));
    for same in sorted.chunk_by_mut(|(left, _), (right, _)| left.as_slice() == right.as_slice()) {
        // As Go sorts a few, so that NaN, which is in no order, stays where that leaves it.
        for next in 1..same.len() {
            for at in (1..=next).rev() {
                let (before, after) = (value(same[at - 1].1), value(same[at].1));
                work.spend(before.len().min(after.len()) + COMPARED)?;
                if !is_less(after, before) {
                    break;
                }
                same.swap(at - 1, at);
            }
        }
    }
    output.truncate(first.start);
    for (index, (_, member)) in sorted.iter().enumerate() {
        if index > 0 {
            output.push(b",\n");
        }
        output.push(line(member));
    }
    Ok(())
}

/// Whether a value is before another: null, false, numbers, strings, true, all else.
fn is_less(left: &[u8], right: &[u8]) -> bool {
    let rank = |value: &[u8]| match value.first() {
        None | Some(b'n') => 0,
        Some(b'f') => 1,
        Some(b'"') => 3,
        Some(b't') => 4,
        Some(b'[' | b'{') => 5,
        Some(_) => 2,
    };
    match (rank(left), rank(right)) {
        (2, 2) => number::parsed(left) < number::parsed(right),
        (3, 3) => said(left).as_slice() < said(right).as_slice(),
        (a, b) if a == b => left < right,
        (a, b) => a < b,
    }
}

/// What a string says, as `encoding/json` has it; nothing if it is none.
fn said(raw: &[u8]) -> Text<'_> {
    match raw.iter().skip(1).position(|byte| b"\\\"".contains(byte)) {
        Some(len) if raw[len + 1] == b'"' => Text::Borrowed(&raw[1..=len]),
        Some(_) => members::string(raw).map_or(Text::Borrowed(b""), Text::Owned),
        None => Text::Borrowed(b""),
    }
}
