//! One key and its value.

use crate::secret_bytes::SecretBytes;

/// A key and its value, with the line that assigns it.
pub struct Entry {
    /// A valid key of a Secret.
    pub key: String,
    /// The value.
    pub value: SecretBytes,
    /// The line of the key, counted from 1.
    pub line: usize,
}
