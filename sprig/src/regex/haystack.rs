//! Texts that expressions search.

use gotemplate::{Buffer, Limit, Meter, Text, rune};

/// A text to search. An expression sees U+FFFD instead of a byte that is not UTF-8.
pub struct Haystack {
    text: Text,
    /// The text with U+FFFD instead of invalid bytes, and the original position of each byte.
    replaced: Option<(Buffer, Vec<usize>)>,
}

impl Haystack {
    /// Prepares a text for searching.
    pub fn new(meter: &mut Meter<'_>, text: &Text) -> Result<Self, Limit> {
        if str::from_utf8(text).is_ok() {
            return Ok(Self { text: text.clone(), replaced: None });
        }
        meter.bytes(text.len().saturating_mul(3 + 3 * size_of::<usize>()))?;
        let (mut buffer, mut places) = (Buffer::default(), Vec::new());
        let mut at = 0;
        for (c, read) in rune::runes(text) {
            places.resize(places.len() + c.len_utf8(), at);
            buffer.push_char(c);
            at += read.len();
        }
        places.push(at);
        Ok(Self { text: text.clone(), replaced: Some((buffer, places)) })
    }

    /// The bytes between two places of a match.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &[u8] {
        match &self.replaced {
            Some((_, places)) => &self.text[places[start]..places[end]],
            None => &self.text[start..end],
        }
    }

    /// The last place.
    pub(crate) fn len(&self) -> usize {
        self.searched().len()
    }

    pub(super) fn searched(&self) -> &[u8] {
        self.replaced.as_ref().map_or(&self.text, |(buffer, _)| buffer)
    }

    /// In Go, `\B` never matches inside a character. In the `regex` crate it does.
    pub(super) fn is_boundary(&self, at: usize) -> bool {
        self.searched().get(at).is_none_or(|byte| byte & 0xc0 != 0x80)
    }
}
