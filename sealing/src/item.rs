//! A sealed value, parsed.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};

/// The parsed wire format of one value of `spec.encryptedData`, or of the legacy `spec.data`.
///
/// Parsing needs no cryptography, and accepts some items that no key can open.
#[derive(Clone, Eq, PartialEq)]
pub struct Item {
    bytes: Vec<u8>,
    wrapped_len: usize,
}

impl Item {
    /// The longest text that [`Item::parse`] accepts, in bytes with line breaks: 4 MiB. A Secret has
    /// at most 1 MiB, and a value in etcd 1.5 MiB.
    pub const MAX_TEXT_LEN: usize = 4 << 20;
    /// The longest item that [`Item::from_bytes`] accepts: the content of 4 MiB of base64.
    pub const MAX_LEN: usize = Self::MAX_TEXT_LEN / 4 * 3;

    pub(crate) const HEADER_LEN: usize = 2;
    pub(crate) const TAG_LEN: usize = 16;

    /// Reads standard base64 with padding.
    ///
    /// Skips `\r` and `\n` anywhere, like Go's decoder, because users fold long lines of YAML. Other
    /// blanks are errors.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_TEXT_LEN {
            return Err(Malformed::TooLarge { len: text.len(), limit: Self::MAX_TEXT_LEN });
        }
        let folded = |byte: u8| matches!(byte, b'\r' | b'\n');
        let bytes = if text.bytes().any(folded) {
            let unfolded: Vec<u8> = text.bytes().filter(|byte| !folded(*byte)).collect();
            BASE64.decode(unfolded)
        } else {
            BASE64.decode(text)
        };
        Self::from_bytes(bytes.map_err(|_| not_base64(text))?)
    }

    /// Reads the decoded bytes.
    ///
    /// The legacy format (`spec.data`, written before kubeseal 0.7) is one item, whose plaintext is the
    /// JSON of the whole Secret.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Malformed> {
        if bytes.len() > Self::MAX_LEN {
            return Err(Malformed::TooLarge { len: bytes.len(), limit: Self::MAX_LEN });
        }
        let Some((header, body)) = bytes.split_first_chunk::<{ Self::HEADER_LEN }>() else {
            return Err(Malformed::NoHeader { len: bytes.len() });
        };
        let wrapped_len = usize::from(u16::from_be_bytes(*header));
        if wrapped_len == 0 {
            return Err(Malformed::NoWrappedKey);
        }
        let Some(value_len) = body.len().checked_sub(wrapped_len) else {
            return Err(Malformed::WrappedKeyCut { want: wrapped_len, have: body.len() });
        };
        if value_len < Self::TAG_LEN {
            return Err(Malformed::ValueCut { have: value_len });
        }
        Ok(Self { bytes, wrapped_len })
    }

    /// The item's bytes on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size in bits of the RSA key that the item was sealed for: the length of its wrapped key.
    pub fn modulus_bits(&self) -> usize {
        self.wrapped_len * 8
    }
}

#[cfg(feature = "keys")]
impl Item {
    /// The RSA-OAEP ciphertext of the session key.
    pub(crate) fn wrapped_key(&self) -> &[u8] {
        &self.bytes[Self::HEADER_LEN..][..self.wrapped_len]
    }

    /// The AES-256-GCM ciphertext of the value, and its tag.
    pub(crate) fn sealed_value(&self) -> &[u8] {
        &self.bytes[Self::HEADER_LEN + self.wrapped_len..]
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item(RSA-{}, {} bytes)", self.modulus_bits(), self.bytes.len())
    }
}

/// Why bytes are not an item. No variant depends on a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the header.
    #[error("it is too short: {len} bytes, not even a header")]
    NoHeader {
        /// The size in bytes.
        len: usize,
    },
    /// The header gives the wrapped key a length of 0.
    #[error("its header announces a key of 0 bytes")]
    NoWrappedKey,
    /// A byte outside the alphabet of standard base64.
    #[error("it is not standard base64: {} at byte {at}", byte.escape_ascii())]
    NotBase64 {
        /// The offset in the text.
        at: usize,
        /// The byte there.
        byte: u8,
    },
    /// All bytes are base64, but their number or the padding is wrong.
    #[error("it is not standard base64: cut off, or its padding is missing or misplaced")]
    Padding,
    /// Larger than a Secret can be.
    #[error("it is too large: {len} bytes, at most {limit} are read")]
    TooLarge {
        /// The size in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes end within the value's authentication tag.
    #[error("it is cut off: {have} bytes of value, at least 16 are needed")]
    ValueCut {
        /// The bytes after the wrapped key.
        have: usize,
    },
    /// The bytes end within the wrapped key.
    #[error("it is cut off: its header announces a key of {want} bytes, and {have} follow")]
    WrappedKeyCut {
        /// The length in the header.
        want: usize,
        /// The bytes after the header.
        have: usize,
    },
}

/// As Go's `base64.StdEncoding`: padding is required, the unused bits of the last character are
/// ignored.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The position and the cause, for folded or hand-edited files.
fn not_base64(text: &str) -> Malformed {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte);
    match text.bytes().enumerate().find(|(_, byte)| !known(*byte)) {
        Some((at, byte)) => Malformed::NotBase64 { at, byte },
        None => Malformed::Padding,
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn bytes(wrapped_len: u16, wrapped: usize, value: usize) -> Vec<u8> {
        let mut bytes = wrapped_len.to_be_bytes().to_vec();
        bytes.resize(2 + wrapped + value, 7);
        bytes
    }

    #[test]
    fn each_malformation_has_its_error() {
        let parse = |bytes| Item::from_bytes(bytes).map(|_| ());
        assert_eq!(parse(vec![]), Err(Malformed::NoHeader { len: 0 }));
        assert_eq!(parse(vec![1]), Err(Malformed::NoHeader { len: 1 }));
        assert_eq!(parse(bytes(0, 0, 0)), Err(Malformed::NoWrappedKey));
        assert_eq!(parse(bytes(0, 256, 16)), Err(Malformed::NoWrappedKey));
        assert_eq!(
            parse(bytes(256, 255, 0)),
            Err(Malformed::WrappedKeyCut { want: 256, have: 255 })
        );
        assert_eq!(
            parse(bytes(0xffff, 512, 99)),
            Err(Malformed::WrappedKeyCut { want: 65535, have: 611 })
        );
        assert_eq!(parse(bytes(256, 256, 15)), Err(Malformed::ValueCut { have: 15 }));
        assert_eq!(parse(bytes(256, 256, 16)), Ok(()));
    }

    #[test]
    fn sizes_are_limited_before_decoding() {
        let text = "A".repeat(Item::MAX_TEXT_LEN + 4);
        assert!(matches!(Item::parse(&text), Err(Malformed::TooLarge { .. })));
        let bytes = vec![1; Item::MAX_LEN + 1];
        assert!(matches!(Item::from_bytes(bytes), Err(Malformed::TooLarge { .. })));
        assert!(
            Item::parse(&"A".repeat(Item::MAX_TEXT_LEN))
                .is_err_and(|e| e == Malformed::NoWrappedKey)
        );
    }

    #[test]
    fn folded_base64_is_accepted_and_other_blanks_are_rejected() {
        let text = BASE64_STANDARD.encode(bytes(256, 256, 17));
        let item = Item::parse(&text).unwrap();
        assert_eq!(item.modulus_bits(), 2048);
        for end in ["\n", "\r\n", "\r"] {
            let folded = text.split_inclusive(|_: char| true).collect::<Vec<_>>().join(end);
            assert_eq!(Item::parse(&folded).as_ref(), Ok(&item), "{end:?}");
        }
        for blank in [" ", "\t", "\u{a0}", "\0"] {
            let spoiled = format!("{}{blank}{}", &text[..9], &text[9..]);
            let byte = blank.as_bytes()[0];
            assert_eq!(Item::parse(&spoiled), Err(Malformed::NotBase64 { at: 9, byte }));
        }
    }

    #[test]
    fn padding_is_required_and_url_alphabet_is_rejected() {
        let text = BASE64_STANDARD.encode(bytes(256, 256, 17));
        assert!(text.ends_with('='));
        assert_eq!(Item::parse(text.trim_end_matches('=')), Err(Malformed::Padding));
        assert_eq!(Item::parse(&format!("{text}=")), Err(Malformed::Padding));
        assert_eq!(Item::parse(&format!("{text}{text}")), Err(Malformed::Padding));
        assert_eq!(Item::parse("AQ-_"), Err(Malformed::NotBase64 { at: 2, byte: b'-' }));
    }

    #[test]
    fn unused_bits_of_last_character_are_ignored() {
        let text = BASE64_STANDARD.encode(bytes(256, 256, 17));
        let (kept, last) =
            text.trim_end_matches('=').split_at(text.trim_end_matches('=').len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        let spoiled = format!("{kept}{next}{}", "=".repeat(text.len() - kept.len() - 1));
        assert_ne!(spoiled, text);
        assert_eq!(Item::parse(&spoiled), Item::parse(&text));
    }

    #[test]
    fn debug_does_not_print_the_bytes() {
        let item = Item::from_bytes(bytes(512, 512, 20)).unwrap();
        assert_eq!(format!("{item:?}"), "Item(RSA-4096, 534 bytes)");
    }
}
