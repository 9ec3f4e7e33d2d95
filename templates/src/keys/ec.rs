//! The curves of NIST (SEC 1, RFC 5480, RFC 5915).

use p256::{
    ecdsa::signature::Signer as _,
    elliptic_curve::{Generate as _, sec1::ToSec1Point as _},
};
use rand::CryptoRng;

use super::{EC, PrivateKey, PublicKey};
use crate::{
    der::{Der, OCTET_STRING, bit_string, constructed, integer, sequence, tlv},
    error::Failure,
};

/// A key on one of the curves.
pub(crate) enum Key {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

/// 1.3.132.0.33
const P224: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x21];
/// How many points there are.
const P224_ORDER: [u8; 28] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x16, 0xa2,
    0xe0, 0xb8, 0xf0, 0x3e, 0x13, 0xdd, 0x29, 0x45, 0x5c, 0x5c, 0x2a, 0x3d,
];
/// 1.2.840.10045.3.1.7
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// 1.2.840.10045.4.3.3
const ECDSA_WITH_SHA384: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// 1.2.840.10045.4.3.4
const ECDSA_WITH_SHA512: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

impl Key {
    /// A new key on P-256.
    pub(super) fn generate(random: &mut dyn CryptoRng) -> Self {
        Self::P256(p256::SecretKey::generate_from_rng(random))
    }

    /// A key by its number, as short or as long as others than us have written it.
    pub(super) fn from_number(curve: &[u8], number: &[u8]) -> Result<PrivateKey, Failure> {
        let len = match curve {
            P224 => P224_ORDER.len(),
            P256 => 32,
            P384 => 48,
            P521 => 66,
            _ => return Err("the curve is not known".into()),
        };
        let (zeros, number) = number.split_at(number.len().saturating_sub(len));
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(OUT_OF_RANGE);
        }
        let mut padded = Der::new(vec![0; len]);
        padded[len - number.len()..].copy_from_slice(number);
        let out_of_range = |_| OUT_OF_RANGE;
        Ok(PrivateKey::Ec(match curve {
            P256 => Self::P256(p256::SecretKey::from_slice(&padded).map_err(out_of_range)?),
            P384 => Self::P384(p384::SecretKey::from_slice(&padded).map_err(out_of_range)?),
            P521 => Self::P521(p521::SecretKey::from_slice(&padded).map_err(out_of_range)?),
            _ if padded[..] >= P224_ORDER[..] || padded.iter().all(|byte| *byte == 0) => {
                return Err(OUT_OF_RANGE);
            }
            _ => return Ok(PrivateKey::Unusable("keys on the curve P-224 are not supported")),
        }))
    }

    /// An `ECPrivateKey` with its curve and its public key.
    pub(super) fn to_der(&self) -> Der {
        self.encode(&tlv(constructed(0), &[&oid(self.curve())]))
    }

    /// The same where the curve is told around it.
    pub(super) fn to_der_without_curve(&self) -> Der {
        self.encode(&[])
    }

    fn encode(&self, curve: &[u8]) -> Der {
        let number = Der::new(match self {
            Self::P256(key) => key.to_bytes().to_vec(),
            Self::P384(key) => key.to_bytes().to_vec(),
            Self::P521(key) => key.to_bytes().to_vec(),
        });
        let point = tlv(constructed(1), &[&bit_string(&self.point())]);
        sequence(&[&integer(&[1]), &tlv(OCTET_STRING, &[&number]), curve, &point])
    }

    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey::new(&algorithm(self.curve()), &self.point())
    }

    /// ECDSA with the digest that belongs to the curve.
    pub(super) fn signature_algorithm(&self) -> &'static [u8] {
        match self {
            Self::P256(_) => ECDSA_WITH_SHA256,
            Self::P384(_) => ECDSA_WITH_SHA384,
            Self::P521(_) => ECDSA_WITH_SHA512,
        }
    }

    /// Signs, with the nonces of RFC 6979.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |_| Failure::Because("the key cannot sign");
        Ok(match self {
            Self::P256(key) => {
                let key = p256::ecdsa::SigningKey::from(key);
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                signature.as_bytes().to_vec()
            }
            Self::P384(key) => {
                let key = p384::ecdsa::SigningKey::from(key);
                let signature: p384::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                signature.as_bytes().to_vec()
            }
            Self::P521(key) => {
                let key = p521::ecdsa::SigningKey::from(key);
                let signature: p521::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                signature.as_bytes().to_vec()
            }
        })
    }

    pub(super) fn curve(&self) -> &'static [u8] {
        match self {
            Self::P256(_) => P256,
            Self::P384(_) => P384,
            Self::P521(_) => P521,
        }
    }

    /// The public point, uncompressed.
    fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P521(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }
}

/// The `AlgorithmIdentifier` of keys on a curve.
pub(super) fn algorithm(curve: &[u8]) -> Der {
    sequence(&[EC, &oid(curve)])
}

/// Whether these bytes are a point of the curve, uncompressed. On P-224 the form has to do.
pub(super) fn is_point(curve: &[u8], bytes: &[u8]) -> bool {
    bytes.first() == Some(&4)
        && match curve {
            P256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
            P384 => p384::PublicKey::from_sec1_bytes(bytes).is_ok(),
            P521 => p521::PublicKey::from_sec1_bytes(bytes).is_ok(),
            _ => curve == P224 && bytes.len() == 1 + 2 * P224_ORDER.len(),
        }
}

fn oid(curve: &[u8]) -> Der {
    tlv(crate::der::OBJECT_IDENTIFIER, &[curve])
}

const OUT_OF_RANGE: Failure = Failure::Because("the number of the EC key is out of range");

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier as _;

    use super::*;
    use crate::{keys::read, pem, testing::context};

    #[test]
    fn signatures_are_those_of_the_key() {
        context(1, |c| {
            let p256 = p256::SecretKey::generate_from_rng(c.random);
            let p384 = p384::SecretKey::generate_from_rng(c.random);
            let p521 = p521::SecretKey::generate_from_rng(c.random);
            let keys = [Key::P256(p256.clone()), Key::P384(p384.clone()), Key::P521(p521.clone())];
            let [first, second, third] = keys.map(|key| key.sign(b"message").expect("a signature"));
            let signature = p256::ecdsa::DerSignature::from_bytes(&first).expect("a signature");
            let key = p256::ecdsa::VerifyingKey::from(p256.public_key());
            assert!(key.verify(b"message", &signature).is_ok());
            assert!(key.verify(b"Message", &signature).is_err());
            let signature = p384::ecdsa::DerSignature::from_bytes(&second).expect("a signature");
            let key = p384::ecdsa::VerifyingKey::from(p384.public_key());
            assert!(key.verify(b"message", &signature).is_ok());
            let signature = p521::ecdsa::DerSignature::from_bytes(&third).expect("a signature");
            let key = p521::ecdsa::VerifyingKey::from(p521.public_key());
            assert!(key.verify(b"message", &signature).is_ok());
        });
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        context(1, |c| {
            let keys = [
                Key::generate(c.random),
                Key::P384(p384::SecretKey::generate_from_rng(c.random)),
                Key::P521(p521::SecretKey::generate_from_rng(c.random)),
            ];
            for key in keys {
                let der = key.to_der();
                let text = pem::encode("EC PRIVATE KEY", &der);
                let Ok(PrivateKey::Ec(read)) = read::from_pem(&text) else { panic!("no key") };
                assert_eq!(*read.to_der(), *der);
                assert!(is_point(key.curve(), &key.point()));
            }
        });
    }

    #[test]
    fn numbers_may_be_padded_or_short_and_have_a_range() {
        let is_key = |curve, number: &[u8]| Key::from_number(curve, number).is_ok();
        assert!(is_key(P256, &[1]) && is_key(P256, &[&[0; 40][..], &[1]].concat()));
        assert!(!is_key(P256, &[]) && !is_key(P256, &[0; 32]) && !is_key(P256, &[0xff; 32]));
        assert!(!is_key(P256, &[1; 33]) && !is_key(&[0x2b], &[1]));
        assert!(is_key(P224, &[1]) && !is_key(P224, &[0; 28]) && !is_key(P224, &P224_ORDER));
    }
}
