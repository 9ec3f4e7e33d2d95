//! Writing.

use zeroize::Zeroizing;

use super::tag::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};

/// Encoded bytes. They may be a private key.
pub(crate) type Der = Zeroizing<Vec<u8>>;

/// Tag, length, and the parts one after the other.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Der {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    // With this capacity the buffer never moves. A move would leave a copy of a secret.
    let mut bytes = Zeroizing::new(Vec::with_capacity(len + 2 + size_of::<usize>()));
    bytes.push(tag);
    if let Ok(short @ ..0x80) = u8::try_from(len) {
        bytes.push(short);
    } else {
        let digits = len.to_be_bytes();
        let digits = without_zeros(&digits);
        bytes.push(0x80 | u8::try_from(digits.len()).expect("a usize has at most 8 bytes"));
        bytes.extend_from_slice(digits);
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// `SEQUENCE` of the parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Der {
    tlv(SEQUENCE, parts)
}

/// `INTEGER` of a number that is not negative, big-endian with any leading zeros.
pub(crate) fn integer(number: &[u8]) -> Der {
    let number = without_zeros(number);
    let sign: &[u8] = if number.first().is_none_or(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    tlv(INTEGER, &[sign, number])
}

/// `BIT STRING` of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Der {
    tlv(BIT_STRING, &[&[0], bytes])
}

/// `OBJECT IDENTIFIER`, by the content of its encoding (see `oid`).
pub(crate) fn identifier(oid: &[u8]) -> Der {
    tlv(OBJECT_IDENTIFIER, &[oid])
}

/// `AlgorithmIdentifier` of an algorithm and its encoded parameters.
pub(crate) fn algorithm(oid: &[u8], parameters: &[u8]) -> Der {
    sequence(&[&identifier(oid), parameters])
}

/// `NULL`.
pub(crate) const NULL: &[u8] = &[0x05, 0x00];

fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_positive_and_minimal() {
        assert_eq!(**integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(**integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(**integer(&[0, 0x80]), [2, 2, 0, 0x80]);
    }

    #[test]
    fn lengths_grow_with_their_values() {
        assert_eq!(tlv(4, &[&[0; 0x7f]])[..2], [4, 0x7f]);
        assert_eq!(tlv(4, &[&[0; 0x80]])[..3], [4, 0x81, 0x80]);
        assert_eq!(tlv(4, &[&[0; 0x100]])[..4], [4, 0x82, 1, 0]);
    }
}
