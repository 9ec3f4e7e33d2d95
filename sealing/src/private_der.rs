//! The containers of RSA private keys: PKCS#1 (RFC 8017) in PEM, PKCS#8 (RFC 5958) around it.
//!
//! Key Secrets hold PKCS#1, users' own keys come as either, and aws-lc-rs reads PKCS#8 alone.

use rsa::{
    pkcs1::RsaPrivateKeyRef,
    pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef},
};
use x509_cert::der::{
    Decode as _, Encode as _,
    asn1::{AnyRef, OctetStringRef},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use zeroize::Zeroizing;

use crate::{
    certificate::algorithm_name,
    key::KeyError,
    pem::{self, PemError},
};

/// The first private key of a PEM text, as PKCS#1 in DER.
pub(crate) fn from_pem(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut other = None;
    for block in pem::blocks(pem)? {
        let block = block?;
        match block.label {
            "RSA PRIVATE KEY" if block.is_encrypted() => return Err(KeyError::Encrypted),
            "RSA PRIVATE KEY" => return Ok(block.decode()?),
            "PRIVATE KEY" => return from_pkcs8(&block.decode()?),
            "DSA PRIVATE KEY" => {
                return Err(KeyError::NotRsa { algorithm: "DSA".to_owned() });
            }
            "EC PRIVATE KEY" => {
                return Err(KeyError::NotRsa { algorithm: "EC".to_owned() });
            }
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            label => other.get_or_insert(label),
        };
    }
    Err(match other {
        None => PemError::NoBlock.into(),
        Some("CERTIFICATE") => KeyError::Certificate,
        Some("PUBLIC KEY" | "RSA PUBLIC KEY") => KeyError::PublicKey,
        Some(label) => KeyError::OtherBlock { label: label.to_owned() },
    })
}

/// The PKCS#1 inside of PKCS#8.
pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| KeyError::Malformed)?;
    if info.algorithm.oid != RSA_ENCRYPTION {
        return Err(KeyError::NotRsa { algorithm: algorithm_name(info.algorithm.oid) });
    }
    Ok(Zeroizing::new(info.private_key.as_bytes().to_vec()))
}

/// PKCS#8 around PKCS#1.
pub(crate) fn to_pkcs8(pkcs1: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    OctetStringRef::new(pkcs1)
        .and_then(|key| PrivateKeyInfoRef::new(algorithm, key).to_der())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed)
}

/// Modulus and public exponent of PKCS#1, big-endian without leading zeros.
///
/// No number may be longer than the modulus, and there may be no third prime: aws-lc would refuse
/// both, after arithmetic on whatever lengths a hostile file has.
pub(crate) fn public_numbers(pkcs1: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let key = RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| KeyError::Malformed)?;
    let modulus = key.modulus.as_bytes();
    let numbers = [
        key.public_exponent,
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    let too_long = numbers.iter().any(|number| number.as_bytes().len() > modulus.len());
    if too_long || key.other_prime_infos.is_some() {
        return Err(KeyError::Malformed);
    }
    Ok((modulus, key.public_exponent.as_bytes()))
}
