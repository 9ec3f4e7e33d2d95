//! Private keys: generated from the caller's randomness, read from PEM and DER, written in Go's
//! format, and used for signatures and RSA-OAEP.

mod cost;
mod curve;
mod dsa;
mod ec;
mod generate;
mod prime;
mod private;
mod public;
mod read;
mod rsa;

pub use self::{
    curve::Curve,
    generate::generate_dsa_pem,
    private::PrivateKey,
    public::PublicKey,
    rsa::{OaepDigest, RsaNumbers},
};
