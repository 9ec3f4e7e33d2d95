//! DER, PEM, X.509, PKCS#12 and keys.
//!
//! | module | content | feature |
//! |---|---|---|
//! | `base64`, `pem` | text encodings, read as Go reads them or with helpful errors | |
//! | `rsa` | RSA keys that stay in memory, and their [`Fingerprint`] | |
//! | `x509` | certificates: reading a key; making certificates; reading as Go does | `full` for reading as Go does |
//! | `keys` | keys of all kinds: generated, read, written, used for signatures | `full` |
//! | `pkcs12` | PKCS#12 files | `full` |
//! | `cipher`, `password` | AES-CBC, bcrypt, scrypt | `full` |
//!
//! Nothing here does I/O or reads a clock. Operations on untrusted input charge a [`Meter`]. If tests
//! need reproducible bytes, randomness is an argument. Secrets are wiped when they are dropped.

pub mod base64;
#[cfg(feature = "full")]
pub mod cipher;
#[cfg(feature = "full")]
mod der;
mod error;
mod fingerprint;
#[cfg(feature = "full")]
pub mod keys;
#[cfg(feature = "full")]
mod oid;
#[cfg(feature = "full")]
pub mod password;
pub mod pem;
#[cfg(feature = "full")]
pub mod pkcs12;
pub mod rsa;
#[cfg(all(test, feature = "full"))]
mod testing;
pub mod x509;

pub use crate::{
    error::{Error, Exhausted, MILLISECOND, Meter, Unlimited},
    fingerprint::Fingerprint,
};
