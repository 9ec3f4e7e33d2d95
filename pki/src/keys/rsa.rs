//! RSA (RFC 8017).
//!
//! aws-lc-rs signs and decrypts with keys of 2048 bits and more, in constant time. It accepts neither
//! smaller keys nor a source of randomness. So `crypto-bigint` generates keys, checks their numbers and
//! computes with keys of 1024 to 2047 bits. That is also constant-time: this module avoids the
//! functions that `crypto-bigint` marks as variable-time.

mod check;
mod generate;
mod key;
mod number;
mod oaep;
mod read;
mod sign;

pub(super) use self::key::Key;
pub use self::{oaep::OaepDigest, read::RsaNumbers};
