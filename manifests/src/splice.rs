//! Replacements of byte ranges.

use std::ops::Range;

/// A byte range and its new text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Splice {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

impl Splice {
    pub(crate) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }

    pub(crate) fn remove(range: Range<usize>) -> Self {
        Self::replace(range, "")
    }
}

/// The text with all splices. Insertions at the same offset keep their order. None if two overlap.
pub(crate) fn apply(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut result = String::with_capacity(text.len() + added);
    let mut at = 0;
    for Splice { range, text: new } in splices {
        // Two removals may share a line break.
        let start = if new.is_empty() { range.start.max(at) } else { range.start };
        result.push_str(text.get(at..start)?);
        result.push_str(&new);
        at = range.end.max(at);
    }
    result.push_str(text.get(at..)?);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_apply_in_order_of_their_place_and_never_overlap() {
        let insert = |at, text| Splice::insert(at, text);
        let splices = vec![insert(3, "x"), Splice::remove(1..2), insert(3, "y"), insert(1, "z")];
        assert_eq!(apply("abcd", splices).as_deref(), Some("azcxyd"));
        assert_eq!(apply("abcd", vec![Splice::remove(0..2), insert(1, "x")]), None);
        let removals = vec![Splice::remove(0..2), Splice::remove(1..3)];
        assert_eq!(apply("abcd", removals).as_deref(), Some("d"));
    }
}
