//! One key and its value.

use crate::secret_bytes::SecretBytes;

/// A key and its value, with the line that assigns it.
pub(crate) struct Entry {
    /// A valid key of a Secret.
    pub(crate) key: String,
    pub(crate) value: SecretBytes,
    pub(crate) line: usize,
}
