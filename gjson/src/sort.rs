//! Sorts members for `@pretty`: by name, and members of the same name by value.

use crate::{
    error::Error,
    limits::{Output, Work},
    members, number,
    text::{Text, trim_space},
};

/// A member in the output, from the start of its line to the end of its value.
pub(crate) struct Member<'j> {
    /// With quotes and escapes.
    pub(crate) name: &'j [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The minimum cost of comparing two values.
const COMPARISON_STEPS: usize = 32;

/// Sorts the members at the end of the output, which are separated by a comma and a line feed.
pub(crate) fn sort(output: &mut Output, members: &[Member<'_>], work: &Work) -> Result<(), Error> {
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return Ok(()) };
    let lines = Output::new(&output.as_slice()[first.start..last.end]).finish()?;
    let line = |member: &Member<'_>| &lines[member.start - first.start..member.end - first.start];
    let mut sorted: Vec<_> = members.iter().map(|member| (decode(member.name), member)).collect();
    let value = |member: &Member<'_>| {
        let line = trim_space(line(member));
        line.get(member.name.len() + 1..).map_or(line, trim_space)
    };
    sorted.sort_by(|(left, _), (right, _)| left.as_slice().cmp(right.as_slice()));
    for same in sorted.chunk_by_mut(|(left, _), (right, _)| left.as_slice() == right.as_slice()) {
        // Go sorts short slices by insertion. Doing the same leaves NaN, which has no order, in the
        // same place.
        for next in 1..same.len() {
            for at in (1..=next).rev() {
                let (before, after) = (value(same[at - 1].1), value(same[at].1));
                work.spend(before.len().min(after.len()) + COMPARISON_STEPS)?;
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

/// Whether a value sorts before another. The order of kinds is null, false, numbers, strings, true,
/// others.
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
        (2, 2) => number::parse_float(left) < number::parse_float(right),
        (3, 3) => decode(left).as_slice() < decode(right).as_slice(),
        (a, b) if a == b => left < right,
        (a, b) => a < b,
    }
}

/// The content of a string as `encoding/json` decodes it, or nothing if it is invalid.
fn decode(raw: &[u8]) -> Text<'_> {
    match raw.iter().skip(1).position(|byte| b"\\\"".contains(byte)) {
        Some(len) if raw[len + 1] == b'"' => Text::Borrowed(&raw[1..=len]),
        Some(_) => members::string(raw).map_or(Text::Borrowed(b""), Text::Owned),
        None => Text::Borrowed(b""),
    }
}
