//! Opening an item with a private key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::{
    item::Item,
    key::SealingKey,
    plaintext::Plaintext,
    scope::{Label, Scope},
};

/// Opens an item with the first matching key. Tries the keys in the given order.
///
/// Only keys of the item's size are tried. Each costs one private-key operation
/// ([`private_key_operations`](crate::private_key_operations)). The format does not name the key, so
/// callers should put the likely key first.
pub fn open<'k>(
    item: &Item,
    label: &Label,
    keys: impl IntoIterator<Item = &'k SealingKey>,
) -> Result<Opened<'k>, OpenError> {
    let mut tried = 0;
    for key in keys.into_iter().filter(|key| key.fits(item)) {
        tried += 1;
        if let Some(plaintext) = open_with(item, label, key) {
            return Ok(Opened { plaintext, key });
        }
    }
    match tried {
        0 => Err(OpenError::NoKeyOfThisSize { bits: item.modulus_bits() }),
        tried => Err(OpenError::NoKeyOpens { tried }),
    }
}

/// The result of [`open`].
#[derive(Debug)]
pub struct Opened<'k> {
    /// The value.
    pub plaintext: Plaintext,
    /// The key that opened it.
    pub key: &'k SealingKey,
}

/// Why no key opened an item.
///
/// It does not distinguish RSA-OAEP from AES-GCM failures, because that would create an oracle (RFC
/// 8017 §7.1.2).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// No key has the item's size, so none was tried.
    #[error("it was sealed for an RSA key of {bits} bits, and there is no key of that size")]
    NoKeyOfThisSize {
        /// The size in bits.
        bits: usize,
    },
    /// The key is missing, the scope, name or namespace is wrong, or the item was changed.
    #[error("none of the {tried} keys of its size opens it")]
    NoKeyOpens {
        /// The number of keys of the item's size.
        tried: usize,
    },
}

/// After a failure to open under `scope`: another scope that opens the item for the object
/// `namespace/name`, if any.
///
/// The result reveals information about a ciphertext: an unauthenticated endpoint must not return
/// it. Costs up to two private-key operations for each key of the item's size.
pub fn diagnose<'k>(
    item: &Item,
    namespace: &str,
    name: &str,
    scope: Scope,
    keys: impl IntoIterator<Item = &'k SealingKey>,
) -> Option<Scope> {
    let keys: Vec<_> = keys.into_iter().filter(|key| key.fits(item)).collect();
    let label = scope.label(namespace, name);
    [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict].into_iter().find(|other| {
        let other = other.label(namespace, name);
        other != label && keys.iter().any(|key| open_with(item, &other, key).is_some())
    })
}

fn open_with(item: &Item, label: &Label, key: &SealingKey) -> Option<Plaintext> {
    let session_key = key.unwrap_session_key(item, label)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*session_key).ok()?);
    let mut buffer = Zeroizing::new(item.sealed_value().to_vec());
    // Each session key encrypts one value, so a fixed nonce is safe.
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let len = cipher.open_in_place(nonce, Aad::empty(), &mut buffer).ok()?.len();
    buffer.truncate(len);
    Some(buffer.into())
}
