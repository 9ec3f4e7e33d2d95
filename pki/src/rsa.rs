//! RSA keys that stay in memory and are used often. Everything else is in `keys`.
//!
//! aws-lc-rs does all operations. Those with private keys are constant-time.

mod pair;
mod pkcs8;
mod private;
mod public;

pub use self::{
    pair::{GenerateError, RsaKeyPair},
    pkcs8::{Pkcs8Error, pkcs1_from_pkcs8},
    private::{RsaPrivateKey, public_numbers},
    public::{RsaPublicKey, RsaPublicNumbers},
};
