//! Reads files from users.
//!
//! Accepts text around the blocks, CRLF, a byte order mark, indentation, lines of any length and
//! RFC 1421 headers. One pass over the lines.

use std::fmt;

use zeroize::Zeroizing;

use crate::base64;

/// The longest text that [`checked_blocks`] reads: 1 MiB, the most that a Secret holds.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The blocks of a text, in order. A malformed block is an error only once the iterator reaches it:
/// callers that stop at an earlier block do not see it.
pub fn checked_blocks(text: &[u8]) -> Result<CheckedBlocks<'_>, PemError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(PemError::TooLarge { len: text.len(), limit: MAX_TEXT_BYTES });
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(PemError::Utf16);
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(PemError::Empty);
    }
    // A SEQUENCE with a length of more than one byte. Text cannot start like this: the second byte is
    // not ASCII.
    if matches!(text, [0x30, 0x80..=0x84, ..]) {
        return Err(PemError::Der);
    }
    Ok(CheckedBlocks { rest: text })
}

/// The iterator of [`checked_blocks`].
pub struct CheckedBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for CheckedBlocks<'a> {
    type Item = Result<CheckedBlock<'a>, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        let label = loop {
            if let Some(label) = boundary(self.line()?, b"-----BEGIN ") {
                break label;
            }
        };
        let start = self.rest;
        loop {
            let len = start.len() - self.rest.len();
            let Some(line) = self.line() else {
                return Some(Err(PemError::Unterminated { label: label.to_owned() }));
            };
            if boundary(line, b"-----END ") == Some(label) {
                return Some(Ok(CheckedBlock { label, body: &start[..len] }));
            }
            if line.starts_with(b"-----") {
                return Some(Err(PemError::Unterminated { label: label.to_owned() }));
            }
        }
    }
}

impl<'a> CheckedBlocks<'a> {
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let len = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(len);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(line.trim_ascii())
    }
}

/// One block, not decoded yet.
pub struct CheckedBlock<'a> {
    /// The words after `BEGIN`: at most 64 printable ASCII characters.
    pub label: &'a str,
    body: &'a [u8],
}

impl CheckedBlock<'_> {
    /// The decoded bytes. They may be a private key.
    pub fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.body.len()));
        for line in self.lines().filter(|line| !line.contains(&b':')) {
            text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        base64::decode(&*text).ok_or_else(|| PemError::NotBase64 { label: self.label.to_owned() })
    }

    /// Whether it is encrypted in OpenSSL's old format (RFC 1421 §4.6.1.1).
    pub fn is_encrypted(&self) -> bool {
        let header = b"Proc-Type:";
        self.lines().any(|line| line.starts_with(header) && line.ends_with(b"ENCRYPTED"))
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
    }
}

impl fmt::Debug for CheckedBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedBlock({})", self.label)
    }
}

/// Why a text is not PEM. Variants contain no part of the text except a block's label.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// DER instead of PEM.
    #[error("it is DER (binary), not PEM (text with a BEGIN line)")]
    Der,
    /// Empty, or only blanks.
    #[error("it is empty")]
    Empty,
    /// No line `-----BEGIN …-----`.
    #[error("it has no PEM block (no line that starts with -----BEGIN)")]
    NoBlock,
    /// The block is not base64.
    #[error("its {label} block is not base64")]
    NotBase64 {
        /// The block's label.
        label: String,
    },
    /// Larger than a Secret can be.
    #[error("it is too large: {len} bytes, at most {limit} are read")]
    TooLarge {
        /// The size in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The `END` line is missing.
    #[error("its {label} block is cut off: the END line is missing")]
    Unterminated {
        /// The block's label.
        label: String,
    },
    /// UTF-16, as PowerShell's `>` writes it.
    #[error("it is UTF-16 text, not UTF-8")]
    Utf16,
}

fn boundary<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    let printable = label.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let label = (printable && label.len() <= 64).then_some(label)?;
    str::from_utf8(label).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<(String, Vec<u8>)>, PemError> {
        checked_blocks(text)?
            .map(|block| {
                let block = block?;
                Ok((block.label.to_owned(), block.decode()?.to_vec()))
            })
            .collect()
    }

    #[test]
    fn block_layouts_found_in_files_are_accepted() {
        let hello = Ok(vec![("X".to_owned(), b"hello".to_vec())]);
        for text in [
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "-----BEGIN X-----\naGVsbG8=\n-----END X-----",
            "-----BEGIN X-----\r\naGVs\r\nbG8=\r\n-----END X-----\r\n",
            "\u{feff}-----BEGIN X-----\naGVsbG8=\n-----END X-----\n",
            "subject=CN\n\n-----BEGIN X-----\naGVsbG8=\n-----END X-----\nand more\n",
            "  -----BEGIN X-----  \n  aG Vs\n\n\tbG8=\n  -----END X-----\n",
            "-----BEGIN X-----\nA: b\n\naGVsbG8=\n-----END X-----\n",
        ] {
            assert_eq!(read(text.as_bytes()), hello, "{text:?}");
        }
    }

    #[test]
    fn blocks_are_read_in_order() {
        let text = "-----BEGIN A-----\nYQ==\n-----END A-----\n-----BEGIN B-----\n-----END B-----\n";
        let want = vec![("A".to_owned(), b"a".to_vec()), ("B".to_owned(), vec![])];
        assert_eq!(read(text.as_bytes()), Ok(want));
    }

    #[test]
    fn non_pem_text_is_reported_by_kind() {
        assert_eq!(read(b""), Err(PemError::Empty));
        assert_eq!(read(b"\xef\xbb\xbf \r\n"), Err(PemError::Empty));
        assert_eq!(read(b"\x30\x82\x01\x00"), Err(PemError::Der));
        assert_eq!(read(b"\xff\xfe-\0-\0"), Err(PemError::Utf16));
        assert!(matches!(read(&vec![b'a'; MAX_TEXT_BYTES + 1]), Err(PemError::TooLarge { .. })));
        assert_eq!(read(b"0 text"), Ok(vec![]));
        let label = "X".to_owned();
        for text in ["-----BEGIN X-----\nYQ==\n", "-----BEGIN X-----\n-----BEGIN X-----\n"] {
            assert_eq!(read(text.as_bytes()), Err(PemError::Unterminated { label: label.clone() }));
        }
        let text = "-----BEGIN X-----\nYQ\n-----END X-----\n";
        assert_eq!(read(text.as_bytes()), Err(PemError::NotBase64 { label }));
    }

    #[test]
    fn truncated_block_does_not_affect_the_block_before_it() {
        let text = "-----BEGIN A-----\nYQ==\n-----END A-----\n-----BEGIN B-----\nYg==\n";
        let first = checked_blocks(text.as_bytes()).unwrap().next().unwrap().unwrap();
        assert_eq!(first.label, "A");
    }

    #[test]
    fn labels_with_control_characters_are_rejected() {
        for label in ["\x1b[31m", "é", &"A".repeat(65)] {
            let text = format!("-----BEGIN {label}-----\nYQ==\n-----END {label}-----\n");
            assert_eq!(read(text.as_bytes()), Ok(vec![]));
        }
    }

    #[test]
    fn encrypted_keys_are_recognised_by_their_header() {
        let text =
            "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,1\n\nYQ==\n-----END K-----\n";
        assert!(checked_blocks(text.as_bytes()).unwrap().next().unwrap().unwrap().is_encrypted());
    }
}
