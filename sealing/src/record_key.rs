//! A key that recognises earlier values, without a copy of them.

use aws_lc_rs::hmac;
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use crate::seal::SealError;

/// The key of a record of sealed values. Without it, a tag says nothing about the bytes it covers.
pub struct RecordKey(hmac::Key);

impl RecordKey {
    /// The length of the key in bytes.
    pub const LEN: usize = 32;

    /// The key of these bytes.
    pub fn new(bytes: &[u8; Self::LEN]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The bytes of a new key.
    pub fn generate() -> Result<Zeroizing<[u8; Self::LEN]>, SealError> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        SysRng.try_fill_bytes(&mut *bytes).map_err(|_| SealError::Randomness)?;
        Ok(bytes)
    }

    /// HMAC-SHA256 of the parts. The length of each part is included, so that no two lists of parts
    /// have the same input.
    pub fn tag(&self, domain: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_depends_on_the_key_the_domain_and_the_borders_of_parts() {
        let key = RecordKey::new(&[1; 32]);
        let tag = key.tag("d", &[b"ab", b"c"]);
        assert_eq!(tag, key.tag("d", &[b"ab", b"c"]));
        assert_eq!(tag.len(), 32);
        assert_ne!(tag, key.tag("d", &[b"a", b"bc"]));
        assert_ne!(tag, key.tag("da", &[b"b", b"c"]));
        assert_ne!(tag, RecordKey::new(&[2; 32]).tag("d", &[b"ab", b"c"]));
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(RecordKey::generate().unwrap(), RecordKey::generate().unwrap());
    }
}
