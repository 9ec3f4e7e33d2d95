//! X.509 certificates (RFC 5280).
//!
//! `Certificate` reads as strictly as Go's `crypto/x509`. `CertificateKey` reads only the validity and the
//! key, and accepts any names and extensions. `NewCertificate` creates the same certificates as Go's
//! `x509.CreateCertificate`, byte for byte.

#[cfg(feature = "full")]
mod alternative_name;
#[cfg(feature = "full")]
mod certificate;
mod common_name;
mod create;
#[cfg(feature = "full")]
mod extension;
#[cfg(feature = "full")]
mod fields;
mod key;
#[cfg(feature = "full")]
mod name_constraint;
#[cfg(feature = "full")]
mod name_text;

pub use self::key::{CertificateKey, KeyAlgorithm, Malformed};
#[cfg(feature = "full")]
pub use self::{
    alternative_name::{AlternativeName, is_domain},
    certificate::Certificate,
};
pub use self::{
    common_name::common_name,
    create::{NewCertificate, Purpose},
};
