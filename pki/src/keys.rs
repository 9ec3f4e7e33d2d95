//! Private keys: generated from given randomness, read from PEM and DER, written as Go writes them,
//! and used for signatures and RSA-OAEP.

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
