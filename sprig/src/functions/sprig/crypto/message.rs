//! Messages that Sprig returns as values.

use gotemplate::Buffer;

/// Sprig's message about a value, which it returns instead of an error.
pub(super) fn about(words: &str, value: &[u8]) -> Buffer {
    let mut text = Buffer::with_capacity(words.len() + value.len());
    text.push(words);
    text.push(value);
    text
}
