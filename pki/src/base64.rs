//! Base64 (RFC 4648 §4) as Go's `encoding/base64` reads it.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::general_purpose::{self, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// Encodes with padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> Zeroizing<String> {
    Zeroizing::new(general_purpose::STANDARD.encode(bytes))
}

/// Decodes, skipping `\r` and `\n`. Padding is required. `None` if the text is not base64.
///
/// As in Go, the unused bits of the last character may be set.
pub fn decode(text: impl AsRef<[u8]>) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.as_ref();
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
    // With this capacity the buffer never moves. A move would leave a copy of a secret.
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 4 * 3 + 3));
    LENIENT.decode_vec(&*digits, &mut bytes).ok()?;
    Some(bytes)
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_skipped_and_padding_is_required() {
        let decoded = |text: &str| decode(text).map(|bytes| bytes.to_vec());
        assert_eq!(decoded("aG\r\nVs\nbG8=\n"), Some(b"hello".to_vec()));
        assert_eq!(decoded("aGVsbG9="), Some(b"hello".to_vec()));
        assert_eq!(decoded(""), Some(Vec::new()));
        for text in ["aGVsbG8", "aGVsbG8==", "aGVsbG8=aGVsbG8=", "aG Vs", "a-_a", "Y===", "===="] {
            assert_eq!(decoded(text), None, "{text}");
        }
        assert_eq!(*encode("hello"), "aGVsbG8=");
    }
}
