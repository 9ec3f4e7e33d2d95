//! Strings like Go's: any bytes, usually UTF-8. They may contain a secret, so they are wiped.

use std::{borrow::Borrow, cmp::Ordering, fmt, ops::Deref, rc::Rc};

use zeroize::Zeroizing;

/// A string of a template. Cheap to clone; wiped when the last clone is dropped.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Text(Rc<Zeroizing<Vec<u8>>>);

impl Text {
    /// The bytes. They need not be UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Text {
    /// Takes ownership of the bytes. The caller wipes any copies made earlier.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Rc::new(Zeroizing::new(bytes)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Buffer> for Text {
    fn from(buffer: Buffer) -> Self {
        Self(Rc::new(buffer.0))
    }
}

impl From<Zeroizing<Vec<u8>>> for Text {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Rc::new(bytes))
    }
}

impl From<Zeroizing<String>> for Text {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self::from(std::mem::take(&mut *text))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}

/// Bytes that grow without leaving copies: the old allocation is wiped when they move.
#[derive(Default)]
pub struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// An empty buffer with room for `len` bytes.
    pub fn with_capacity(len: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(len)))
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends a byte.
    pub fn push_byte(&mut self, byte: u8) {
        self.reserve(1);
        self.0.push(byte);
    }

    /// Appends a character, in UTF-8.
    pub fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    /// Appends `byte`, `count` times.
    pub fn repeat(&mut self, byte: u8, count: usize) {
        self.reserve(count);
        let len = self.0.len();
        self.0.resize(len + count, byte);
    }

    /// Keeps the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The bytes. They are wiped when dropped.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    fn reserve(&mut self, additional: usize) {
        let needed = self.0.len() + additional;
        if needed > self.0.capacity() {
            let capacity = needed.max(2 * self.0.capacity()).max(32);
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_only_the_length() {
        assert_eq!(format!("{:?}", Text::from("hunter2")), "Text(7 bytes)");
    }

    #[test]
    fn buffer_keeps_bytes_when_it_grows() {
        let mut buffer = Buffer::default();
        for byte in 0..=255 {
            buffer.push([byte, byte]);
        }
        assert_eq!(buffer.len(), 512);
        assert!(buffer.chunks(2).zip(0..=255).all(|(pair, byte)| pair == [byte, byte]));
    }
}
