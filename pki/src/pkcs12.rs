//! PKCS#12 (RFC 7292): a private key with its certificates, or trusted certificates.
//!
//! Read as `software.sslmate.com/src/go-pkcs12` reads it, old ciphers included. Written with its
//! "modern" parameters, and with the same order of draws from the source of randomness: byte for byte.

mod cipher;
mod derive;
mod mac;
mod password;
mod read;
mod write;

pub use self::{
    read::{Contents, read},
    write::{write, write_trust_store},
};
