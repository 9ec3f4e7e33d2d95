//! PEM (RFC 7468), as found in the wild.
//!
//! Read leniently, as the peer's Go libraries do: text around the blocks, CRLF, a byte order mark,
//! indentation, lines of any length, RFC 1421 headers. One pass over the lines, nothing is kept.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// The longest text that is looked at, in bytes: 1 MiB, the most that a Secret holds.
pub(crate) const MAX_LEN: usize = 1 << 20;

/// The blocks of a text, in order. A bad block is an error when it is reached, not before: what
/// stands behind the block that one wants is not looked at.
pub(crate) fn blocks(text: &[u8]) -> Result<Blocks<'_>, PemError> {
    if text.len() > MAX_LEN {
        return Err(PemError::TooLarge { len: text.len(), limit: MAX_LEN });
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(PemError::Utf16);
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(PemError::Empty);
    }
    // A SEQUENCE with a length of more than one byte. No text starts so: the second byte is not ASCII.
    if matches!(text, [0x30, 0x80..=0x84, ..]) {
        return Err(PemError::Der);
    }
    Ok(Blocks { rest: text })
}

/// The iterator of [`blocks`].
pub(crate) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, PemError>;

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
                return Some(Ok(Block { label, body: &start[..len] }));
            }
            if line.starts_with(b"-----") {
                return Some(Err(PemError::Unterminated { label: label.to_owned() }));
            }
        }
    }
}

impl<'a> Blocks<'a> {
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

/// What stands between one pair of `BEGIN` and `END` lines.
pub(crate) struct Block<'a> {
    /// The words after `BEGIN`: at most 64 printable ASCII characters.
    pub(crate) label: &'a str,
    body: &'a [u8],
}

impl Block<'_> {
    /// The decoded bytes. They may be a private key.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.body.len()));
        for line in self.lines().filter(|line| !line.contains(&b':')) {
            text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        // With this capacity the buffer is not moved, which would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
        match BASE64.decode_vec(&*text, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(_) => Err(PemError::NotBase64 { label: self.label.to_owned() }),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)
    }
}

#[cfg(feature = "open")]
impl Block<'_> {
    /// Whether it is encrypted in OpenSSL's old way (RFC 1421 §4.6.1.1).
    pub(crate) fn is_encrypted(&self) -> bool {
        let header = b"Proc-Type:";
        self.lines().any(|line| line.starts_with(header) && line.ends_with(b"ENCRYPTED"))
    }
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({})", self.label)
    }
}

/// Why a text could not be read as PEM. No variant carries any of the text but a block's label.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// Binary, where text is needed.
    #[error("it is DER (binary), not PEM (text with a BEGIN line)")]
    Der,
    /// Nothing, or blanks only.
    #[error("it is empty")]
    Empty,
    /// No line `-----BEGIN …-----`.
    #[error("it has no PEM block (no line that starts with -----BEGIN)")]
    NoBlock,
    /// What stands in the block is not base64.
    #[error("its {label} block is not base64")]
    NotBase64 {
        /// The block's label.
        label: String,
    },
    /// More than a Secret holds.
    #[error("it is too large: {len} bytes, at most {limit} are read")]
    TooLarge {
        /// The bytes there are.
        len: usize,
        /// The bytes there may be.
        limit: usize,
    },
    /// The `END` line is missing.
    #[error("its {label} block is cut off: the END line is missing")]
    Unterminated {
        /// The block's label.
        label: String,
    },
    /// Text in two-byte characters, as PowerShell's `>` writes it.
    #[error("it is UTF-16 text, not UTF-8")]
    Utf16,
}

/// Go's decoder, and so the peer, does not look at the unused bits of the last character.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

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
        blocks(text)?
            .map(|block| {
                let block = block?;
                Ok((block.label.to_owned(), block.decode()?.to_vec()))
            })
            .collect()
    }

    #[test]
    fn a_block_is_read_however_it_is_laid_out() {
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
    fn what_is_not_pem_says_what_it_is() {
        assert_eq!(read(b""), Err(PemError::Empty));
        assert_eq!(read(b"\xef\xbb\xbf \r\n"), Err(PemError::Empty));
        assert_eq!(read(b"\x30\x82\x01\x00"), Err(PemError::Der));
        assert_eq!(read(b"\xff\xfe-\0-\0"), Err(PemError::Utf16));
        assert!(matches!(read(&vec![b'a'; MAX_LEN + 1]), Err(PemError::TooLarge { .. })));
        assert_eq!(read(b"0 text"), Ok(vec![]));
        let label = "X".to_owned();
        for text in ["-----BEGIN X-----\nYQ==\n", "-----BEGIN X-----\n-----BEGIN X-----\n"] {
            assert_eq!(read(text.as_bytes()), Err(PemError::Unterminated { label: label.clone() }));
        }
        let text = "-----BEGIN X-----\nYQ\n-----END X-----\n";
        assert_eq!(read(text.as_bytes()), Err(PemError::NotBase64 { label }));
    }

    #[test]
    fn a_block_that_is_cut_off_does_not_spoil_the_one_before() {
        let text = "-----BEGIN A-----\nYQ==\n-----END A-----\n-----BEGIN B-----\nYg==\n";
        let first = blocks(text.as_bytes()).unwrap().next().unwrap().unwrap();
        assert_eq!(first.label, "A");
    }

    #[test]
    fn labels_that_could_spoil_a_terminal_are_no_labels() {
        for label in ["\x1b[31m", "é", &"A".repeat(65)] {
            let text = format!("-----BEGIN {label}-----\nYQ==\n-----END {label}-----\n");
            assert_eq!(read(text.as_bytes()), Ok(vec![]));
        }
    }

    #[cfg(feature = "open")]
    #[test]
    fn encrypted_keys_are_known_by_their_header() {
        let text =
            "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,1\n\nYQ==\n-----END K-----\n";
        assert!(blocks(text.as_bytes()).unwrap().next().unwrap().unwrap().is_encrypted());
    }
}
