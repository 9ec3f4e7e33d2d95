//! Bytes that cannot be printed, cloned or serialised by accident.

use std::fmt;

use zeroize::Zeroizing;

/// An opened value. Wiped when dropped. `Debug` prints only its length.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes ownership of the bytes. The caller wipes any copies made earlier.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. The name makes uses easy to find in reviews.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, which are wiped when dropped.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Plaintext {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<Zeroizing<Vec<u8>>> for Plaintext {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_only_the_length() {
        let plaintext = Plaintext::from(b"hunter2".to_vec());
        assert_eq!(format!("{plaintext:?}"), "Plaintext(7 bytes)");
        assert_eq!(format!("{plaintext:#?}"), "Plaintext(7 bytes)");
    }
}
