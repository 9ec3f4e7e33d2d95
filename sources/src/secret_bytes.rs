//! Bytes that cannot be printed, cloned or serialised by accident.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value. It is wiped when dropped, and `Debug` shows only its length.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of the bytes. The caller wipes any copies made earlier.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. The name is easy to find in a review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes away. They are still wiped when dropped.
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_only_the_length() {
        let value = SecretBytes::new(b"hunter2".to_vec());
        assert_eq!(format!("{value:?}"), "SecretBytes(7 bytes)");
        assert_eq!(format!("{value:#?}"), "SecretBytes(7 bytes)");
    }
}
