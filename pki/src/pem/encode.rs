//! Writing.

use zeroize::Zeroizing;

use crate::base64;

/// A block as Go writes it, with 64 characters to a line.
pub fn encode(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut text = write(label.as_bytes(), &[], bytes);
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *text)).expect("a label and base64"))
}

/// A block with headers, each ended by a line break, and the empty line after them.
pub(super) fn write(label: &[u8], headers: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let base64 = base64::encode(bytes);
    let lines = base64.len().div_ceil(LINE_CHARS);
    // With this capacity the buffer does not move, which would leave a copy of a secret.
    let len = base64.len() + lines + headers.len() + 2 * label.len() + 32;
    let mut text = Zeroizing::new(Vec::with_capacity(len));
    text.extend_from_slice(b"-----BEGIN ");
    text.extend_from_slice(label);
    text.extend_from_slice(b"-----\n");
    text.extend_from_slice(headers);
    for line in base64.as_bytes().chunks(LINE_CHARS) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(b"-----END ");
    text.extend_from_slice(label);
    text.extend_from_slice(b"-----\n");
    text
}

const LINE_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_characters() {
        let a = "A".repeat(64);
        assert_eq!(
            *encode("X", &[0; 49]),
            format!("-----BEGIN X-----\n{a}\nAA==\n-----END X-----\n")
        );
        assert_eq!(*encode("X", b""), "-----BEGIN X-----\n-----END X-----\n");
    }
}
