//! PKCS#12 (RFC 7292): a private key with its certificates, or trusted certificates.
//!
//! Reads files like `software.sslmate.com/src/go-pkcs12`, including old ciphers. Writes files with its
//! "modern" parameters. It draws randomness in the same order, so the files are equal byte for byte.

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
