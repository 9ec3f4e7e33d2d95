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
//! The zero nonce is sound only because a session key seals one value and is forgotten.
//!
//! | module | what | feature |
//! |---|---|---|
//! | `scope` | where an item may be opened, and the label that says so | |
//! | `item` | the bytes above, parsed | |
//! | `plaintext` | bytes that cannot be printed | |
//! | `certificate`, `seal` | a public key, and what it does | `seal` |
//! | `key`, `open` | a private key, and what it does | `open` |
//!
//! Public-key operations are `rsa` and `aes-gcm`, pure Rust. Every private-key operation is
//! `aws-lc-rs`, in constant time. Nothing here does I/O, reads a clock or knows Kubernetes.

#[cfg(feature = "seal")]
mod certificate;
#[cfg(feature = "seal")]
mod fingerprint;
mod item;
#[cfg(feature = "open")]
mod key;
#[cfg(feature = "open")]
mod open;
#[cfg(feature = "seal")]
mod pem;
mod plaintext;
#[cfg(feature = "open")]
mod private_der;
mod scope;
#[cfg(feature = "seal")]
mod seal;
#[cfg(feature = "open")]
mod self_signed;

#[cfg(feature = "seal")]
pub use crate::{
    certificate::{Certificate, CertificateError},
    fingerprint::Fingerprint,
    pem::PemError,
    seal::SealError,
};
pub use crate::{
    item::{Item, Malformed},
    plaintext::Plaintext,
    scope::{Label, Scope, UnknownScope},
};
#[cfg(feature = "open")]
pub use crate::{
    key::{KeyError, KeyOptions, SealingKey, private_key_operations},
    open::{OpenError, Opened, diagnose, open},
};
