//! The wire format of Sealed Secrets: seal, open, scopes, certificates and keys.
//!
//! An item (one value of `spec.encryptedData`) is base64 of
//!
//! ```text
//! u16, big-endian        length of what follows: the RSA modulus in bytes
//! RSA-OAEP ciphertext    of a fresh 32-byte session key; SHA-256, MGF1-SHA-256, label = scope
//! AES-256-GCM            of the value under the session key; nonce of 12 zero bytes, no AAD, 16-byte tag
//! ```
//!
//! The zero nonce is safe because each session key seals exactly one value.
//!
//! | module | content | feature |
//! |---|---|---|
//! | `scope` | where an item may be opened, and the label that binds it | |
//! | `item` | the bytes above, parsed | |
//! | `plaintext` | bytes that cannot be printed | |
//! | `certificate`, `seal` | a public key, and sealing with it | `keys` |
//! | `key`, `open` | a private key, and opening with it | `keys` |
//! | `record_key` | recognises values that were sealed before | `keys` |
//!
//! aws-lc-rs seals and opens. Its private-key operations are constant-time. Nothing here does I/O, reads
//! a clock or knows Kubernetes.

#[cfg(feature = "keys")]
mod certificate;
mod item;
#[cfg(feature = "keys")]
mod key;
#[cfg(feature = "keys")]
mod key_error;
#[cfg(feature = "keys")]
mod key_file;
#[cfg(feature = "keys")]
mod open;
#[cfg(feature = "keys")]
mod operations;
mod plaintext;
#[cfg(feature = "keys")]
mod record_key;
mod scope;
#[cfg(feature = "keys")]
mod seal;
#[cfg(feature = "keys")]
mod self_signed;

#[cfg(feature = "keys")]
pub use pki::{Fingerprint, pem::PemError};

#[cfg(feature = "keys")]
pub use crate::{
    certificate::{Certificate, CertificateError},
    key::{KeyOptions, SealingKey},
    key_error::KeyError,
    open::{OpenError, Opened, diagnose, open},
    operations::private_key_operations,
    record_key::RecordKey,
    seal::SealError,
};
pub use crate::{
    item::{Item, Malformed},
    plaintext::Plaintext,
    scope::{Label, Scope, UnknownScope},
};
