//! Passwords.

use zeroize::Zeroizing;

use crate::error::Error;

/// A password in the two encodings of PKCS#12.
pub(super) struct Password {
    /// UCS-2, big-endian, with two zero bytes at the end.
    pub(super) wide: Zeroizing<Vec<u8>>,
    /// UTF-8, for the algorithms of PKCS#5.
    pub(super) narrow: Zeroizing<Vec<u8>>,
}

impl Password {
    pub(super) fn new(password: &[u8]) -> Result<Self, Error> {
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * password.len() + 2));
        push_wide(&mut wide, password)?;
        wide.extend([0, 0]);
        let mut narrow = Zeroizing::new(Vec::with_capacity(3 * password.len()));
        for c in chars(password) {
            narrow.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
        Ok(Self { wide, narrow })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wide[..] == [0, 0]
    }

    /// No bytes, which some programs use for the empty password.
    pub(super) fn without_terminator() -> Self {
        Self { wide: Zeroizing::default(), narrow: Zeroizing::default() }
    }
}

/// Appends UCS-2, big-endian.
pub(super) fn push_wide(bytes: &mut Vec<u8>, text: &[u8]) -> Result<(), Error> {
    for c in chars(text) {
        let unit = u16::try_from(u32::from(c)).map_err(|_| {
            Error::Invalid("a character of the password or of a name does not fit into two bytes")
        })?;
        bytes.extend(unit.to_be_bytes());
    }
    Ok(())
}

/// The characters as Go decodes them: each byte that is not UTF-8 is one U+FFFD.
fn chars(text: &[u8]) -> impl Iterator<Item = char> {
    text.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_become_one_replacement_character_each() {
        let password = Password::new(b"a\xe2\x82\xed\xa0\x80").expect("a password");
        assert_eq!(&*password.narrow, "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}".as_bytes());
        assert_eq!(password.wide.len(), 14);
        assert!(Password::new("😀".as_bytes()).is_err());
    }
}
