//! RSA keys that stay in memory and are used often. Everything else is in `keys`.
//!
//! The `rsa` crate encrypts, aws-lc-rs does all operations with private keys, in constant time.

#[cfg(feature = "private-keys")]
mod pair;
#[cfg(feature = "private-keys")]
mod pkcs8;
#[cfg(feature = "private-keys")]
mod private;
mod public;

pub use self::public::{RsaPublicKey, RsaPublicNumbers};
#[cfg(feature = "private-keys")]
pub use self::{
    pair::{GenerateError, RsaKeyPair},
    pkcs8::{Pkcs8Error, pkcs1_from_pkcs8},
    private::{RsaPrivateKey, public_numbers},
};
