//! Files with private keys.

use pki::{
    pem::{PemError, checked_blocks},
    rsa::{Pkcs8Error, pkcs1_from_pkcs8},
};
use zeroize::Zeroizing;

use crate::key_error::KeyError;

/// The first private key of a PEM text, as PKCS#1 in DER.
pub(crate) fn pkcs1_from_pem(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut other = None;
    for block in checked_blocks(pem)? {
        let block = block?;
        match block.label {
            "RSA PRIVATE KEY" if block.is_encrypted() => return Err(KeyError::Encrypted),
            "RSA PRIVATE KEY" => return Ok(block.decode()?),
            "PRIVATE KEY" => {
                return pkcs1_from_pkcs8(&block.decode()?).map_err(|error| match error {
                    Pkcs8Error::Malformed => KeyError::Malformed,
                    Pkcs8Error::NotRsa(algorithm) => {
                        KeyError::NotRsa { algorithm: algorithm.to_string() }
                    }
                });
            }
            "DSA PRIVATE KEY" => return Err(KeyError::NotRsa { algorithm: "DSA".to_owned() }),
            "EC PRIVATE KEY" => return Err(KeyError::NotRsa { algorithm: "EC".to_owned() }),
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
