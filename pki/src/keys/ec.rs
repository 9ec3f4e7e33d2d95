//! Private keys on the NIST curves (SEC 1, RFC 5915).

use p256::{
    ecdsa::signature::Signer as _,
    elliptic_curve::{Generate as _, sec1::ToSec1Point as _},
};
use rand::CryptoRng;

use super::{
    curve::{Curve, P224_ORDER},
    public::PublicKey,
};
use crate::{
    der::{Der, OCTET_STRING, bit_string, constructed, integer, sequence, tlv},
    error::Error,
};

/// A private key on one of the curves.
pub(super) enum Key {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

const OUT_OF_RANGE: Error = Error::Invalid("the number of the EC key is out of range");

impl Key {
    /// A new key on P-256.
    pub(super) fn generate(random: &mut dyn CryptoRng) -> Self {
        Self::P256(p256::SecretKey::generate_from_rng(random))
    }

    /// A key from its secret number, which other programs may have padded or shortened. `None` for
    /// a valid key on P-224.
    pub(super) fn from_number(curve: Curve, number: &[u8]) -> Result<Option<Self>, Error> {
        let len = curve.len_bytes();
        let (zeros, number) = number.split_at(number.len().saturating_sub(len));
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(OUT_OF_RANGE);
        }
        let mut padded = Der::new(vec![0; len]);
        padded[len - number.len()..].copy_from_slice(number);
        let out_of_range = |_| OUT_OF_RANGE;
        Ok(Some(match curve {
            Curve::P224 if padded[..] < P224_ORDER[..] && padded.iter().any(|byte| *byte != 0) => {
                return Ok(None);
            }
            Curve::P224 => return Err(OUT_OF_RANGE),
            Curve::P256 => Self::P256(p256::SecretKey::from_slice(&padded).map_err(out_of_range)?),
            Curve::P384 => Self::P384(p384::SecretKey::from_slice(&padded).map_err(out_of_range)?),
            Curve::P521 => Self::P521(p521::SecretKey::from_slice(&padded).map_err(out_of_range)?),
        }))
    }

    /// An `ECPrivateKey` (RFC 5915) with its curve and its public key.
    pub(super) fn to_der(&self) -> Der {
        self.encode(&tlv(constructed(0), &[&self.curve().identifier()]))
    }

    /// An `ECPrivateKey` without the curve, which PKCS#8 states outside it.
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
        PublicKey::new(&self.curve().algorithm(), &self.point())
    }

    /// Signs with the nonces of RFC 6979.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::Invalid("the key cannot sign");
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

    pub(super) fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
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

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier as _;

    use super::*;
    use crate::testing::random;

    #[test]
    fn signatures_verify_with_the_public_key() {
        let random = &mut random(1);
        let p256 = p256::SecretKey::generate_from_rng(random);
        let p384 = p384::SecretKey::generate_from_rng(random);
        let p521 = p521::SecretKey::generate_from_rng(random);
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
    }

    #[test]
    fn secret_numbers_may_be_padded_or_short_and_have_a_range() {
        let is_ok = |curve, number: &[u8]| Key::from_number(curve, number).is_ok();
        assert!(is_ok(Curve::P256, &[1]) && is_ok(Curve::P256, &[&[0; 40][..], &[1]].concat()));
        assert!(!is_ok(Curve::P256, &[]) && !is_ok(Curve::P256, &[0; 32]));
        assert!(!is_ok(Curve::P256, &[0xff; 32]) && !is_ok(Curve::P256, &[1; 33]));
        assert!(matches!(Key::from_number(Curve::P224, &[1]), Ok(None)));
        assert!(!is_ok(Curve::P224, &[0; 28]) && !is_ok(Curve::P224, &P224_ORDER));
    }
}
