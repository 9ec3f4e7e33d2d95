//! PKCS#8 (RFC 5958) around PKCS#1 (RFC 8017). Key Secrets contain PKCS#1, users' own keys have either
//! format, and aws-lc-rs decrypts only with PKCS#8.

use der::{
    Decode as _, Encode as _,
    asn1::{AnyRef, OctetStringRef},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::x509::KeyAlgorithm;

/// The PKCS#1 key in a PKCS#8 key, both in DER.
pub fn pkcs1_from_pkcs8(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, Pkcs8Error> {
    let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| Pkcs8Error::Malformed)?;
    let algorithm = KeyAlgorithm::new(info.algorithm.oid);
    if !algorithm.is_rsa() {
        return Err(Pkcs8Error::NotRsa(algorithm));
    }
    Ok(Zeroizing::new(info.private_key.as_bytes().to_vec()))
}

/// Why a PKCS#8 key contains no RSA key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Pkcs8Error {
    /// Not PKCS#8.
    #[error("it is not PKCS#8")]
    Malformed,
    /// A key of another algorithm.
    #[error("its algorithm is {0}")]
    NotRsa(KeyAlgorithm),
}

/// The algorithm of the key (RFC 8017 §C).
pub(super) const RSA: AlgorithmIdentifierRef<'static> =
    AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };

/// PKCS#8 around PKCS#1.
pub(super) fn pkcs8_from_pkcs1(pkcs1: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = OctetStringRef::new(pkcs1).ok()?;
    PrivateKeyInfoRef::new(RSA, key).to_der().ok().map(Zeroizing::new)
}
