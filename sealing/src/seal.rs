//! Sealing a value with a public key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use crate::{certificate::Certificate, item::Item, scope::Label};

/// The longest value that can be sealed: 2 MiB, twice the limit of a Secret. So every sealed item
/// is short enough to be read again.
const MAX_PLAINTEXT_BYTES: usize = 2 << 20;

impl Certificate {
    /// Seals one value with a fresh session key, and returns the item in base64.
    ///
    /// Does not check the validity: see [`Certificate::check_validity`].
    pub fn seal(&self, label: &Label, plaintext: &[u8]) -> Result<String, SealError> {
        if plaintext.len() > MAX_PLAINTEXT_BYTES {
            return Err(SealError::TooLarge { len: plaintext.len(), limit: MAX_PLAINTEXT_BYTES });
        }
        let mut session_key = Zeroizing::new([0; 32]);
        SysRng.try_fill_bytes(&mut *session_key).map_err(|_| SealError::Randomness)?;
        let wrapped = self.public_key.encrypt_oaep_sha256(label.as_bytes(), &*session_key);
        let wrapped = wrapped.ok_or(SealError::PublicKey)?;

        let header = u16::try_from(wrapped.len()).map_err(|_| SealError::PublicKey)?.to_be_bytes();
        // With this capacity the buffer never moves. A move would leave a copy of the plaintext.
        let len = header.len() + wrapped.len() + plaintext.len() + Item::TAG_LEN;
        let mut item = Vec::with_capacity(len);
        item.extend_from_slice(&header);
        item.extend_from_slice(&wrapped);
        let value = item.len();
        item.extend_from_slice(plaintext);
        let key = UnboundKey::new(&AES_256_GCM, &*session_key).map_err(|_| SealError::Aead)?;
        // Each session key encrypts one value, so a fixed nonce is safe.
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = LessSafeKey::new(key)
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut item[value..])
            .map_err(|_| SealError::Aead)?;
        item.extend_from_slice(tag.as_ref());
        Ok(BASE64_STANDARD.encode(item))
    }
}

/// Why a value could not be sealed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    /// The AES operation failed.
    #[error("the AES encryption failed")]
    Aead,
    /// The RSA operation failed, or there was no randomness for its padding.
    #[error("the RSA encryption failed")]
    PublicKey,
    /// The operating system returned no randomness.
    #[error("the operating system gave no random bytes")]
    Randomness,
    /// Larger than a Secret can be.
    #[error("the value is too large: {len} bytes; the limit is {limit}")]
    TooLarge {
        /// The value's length.
        len: usize,
        /// The limit.
        limit: usize,
    },
}
