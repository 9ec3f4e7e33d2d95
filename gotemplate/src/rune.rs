//! Characters as Go reads them: a byte that is not valid UTF-8 is one U+FFFD of width 1.

/// The characters of `bytes`.
pub fn runes(bytes: &[u8]) -> Runes<'_> {
    Runes { rest: bytes }
}

/// The number of characters of `bytes`.
pub fn count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() { bytes.len() } else { runes(bytes).count() }
}

/// The first character and its width in bytes: 1 for an invalid byte, 0 at the end.
pub fn first(bytes: &[u8]) -> (char, usize) {
    let width = match bytes.first() {
        None => return (char::REPLACEMENT_CHARACTER, 0),
        Some(byte) if byte.is_ascii() => return (char::from(*byte), 1),
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        Some(_) => return (char::REPLACEMENT_CHARACTER, 1),
    };
    let valid = bytes.get(..width).and_then(|start| str::from_utf8(start).ok());
    match valid.and_then(|text| text.chars().next()) {
        Some(c) => (c, width),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// The iterator of [`runes`]: each character with the bytes it was read from.
#[derive(Clone)]
pub struct Runes<'a> {
    rest: &'a [u8],
}

impl<'a> Runes<'a> {
    /// The bytes that are left to read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Runes<'a> {
    type Item = (char, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (c, width) = first(self.rest);
        let (read, rest) = self.rest.split_at(width);
        self.rest = rest;
        (width > 0).then_some((c, read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invalid_byte_is_one_replacement_character() {
        let all = |bytes| runes(bytes).map(|(c, read)| (c, read.len())).collect::<Vec<_>>();
        assert_eq!(all("aé€😀".as_bytes()), [('a', 1), ('é', 2), ('€', 3), ('😀', 4)]);
        let bad = char::REPLACEMENT_CHARACTER;
        assert_eq!(all(b"\xe2\x82a"), [(bad, 1), (bad, 1), ('a', 1)]);
        assert_eq!(all(b"\xed\xa0\x80"), [(bad, 1), (bad, 1), (bad, 1)]);
        assert_eq!(all("\u{fffd}".as_bytes()), [(bad, 3)]);
        assert_eq!(count(b"\xff\xffab"), 4);
    }
}
