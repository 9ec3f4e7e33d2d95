//! Sealing a value with a public key.

use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce, aead::inout::InOutBuf};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use crate::{certificate::Certificate, item::Item, scope::Label};

/// The longest value that can be sealed: 2 MiB, twice what a Secret holds. Every sealed item is short
/// enough to be read again.
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
        // With this capacity the buffer does not move, which would leave a copy of the plaintext.
        let len = header.len() + wrapped.len() + plaintext.len() + Item::TAG_LEN;
        let mut item = Vec::with_capacity(len);
        item.extend_from_slice(&header);
        item.extend_from_slice(&wrapped);
        let value = item.len();
        item.extend_from_slice(plaintext);
        let tag = Aes256Gcm::new((&*session_key).into())
            .encrypt_inout_detached(&Nonce::default(), &[], InOutBuf::from(&mut item[value..]))
            .expect("2 MiB are less than the 64 GiB that GCM can encrypt");
        item.extend_from_slice(&tag);
        Ok(BASE64_STANDARD.encode(item))
    }
}

/// Why a value could not be sealed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
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
        /// The most it may be.
        limit: usize,
    },
}
