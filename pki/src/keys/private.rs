//! A private key of any kind.

use ed25519_dalek::{Signer as _, SigningKey};

use super::{
    cost::{CURVE_OPERATION_STEPS, READ_KEY_STEPS},
    curve::Curve,
    ec,
    public::PublicKey,
    rsa::{self, OaepDigest, RsaNumbers},
};
use crate::{
    der::{Der, NULL, OCTET_STRING, algorithm, integer, sequence, tlv},
    error::{Error, Meter},
    oid, pem,
};

/// A private key: RSA, on one of the NIST curves, or Ed25519. Wiped when dropped.
pub struct PrivateKey(pub(super) Kind);

pub(super) enum Kind {
    Rsa(rsa::Key),
    Ec(ec::Key),
    Ed25519(Box<SigningKey>),
    /// A valid key of an unsupported kind, and the reason.
    Unusable(&'static str),
}

impl PrivateKey {
    /// An RSA key from its numbers.
    pub fn from_rsa_numbers(
        meter: &mut dyn Meter,
        numbers: &RsaNumbers<'_>,
    ) -> Result<Self, Error> {
        meter.steps(READ_KEY_STEPS)?;
        rsa::Key::from_all_numbers(numbers).map(|key| Self(Kind::Rsa(key)))
    }

    /// A key on a curve from its secret number, big-endian.
    pub fn from_ec_number(curve: Curve, number: &[u8]) -> Result<Self, Error> {
        Self::ec(curve, number)
    }

    /// An Ed25519 key from its seed (RFC 8032 §5.1.5).
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Self {
        Self(Kind::Ed25519(Box::new(SigningKey::from_bytes(seed))))
    }

    pub(super) fn ec(curve: Curve, number: &[u8]) -> Result<Self, Error> {
        Ok(Self(match ec::Key::from_number(curve, number)? {
            Some(key) => Kind::Ec(key),
            None => Kind::Unusable("keys on the curve P-224 are not supported"),
        }))
    }

    pub(super) fn rsa(pkcs1: &[u8]) -> Result<Self, Error> {
        Ok(Self(match rsa::Key::from_der(pkcs1)? {
            Some(key) => Kind::Rsa(key),
            None => Kind::Unusable("RSA keys of more than two primes are not supported"),
        }))
    }

    /// PKCS#8 (RFC 5958) in DER, as Go writes it.
    pub fn to_pkcs8(&self) -> Result<Der, Error> {
        Ok(match &self.0 {
            Kind::Rsa(key) => pkcs8(&algorithm(oid::RSA_ENCRYPTION, NULL), &key.to_der()),
            Kind::Ec(key) => pkcs8(&key.curve().algorithm(), &key.to_der_without_curve()),
            // `CurvePrivateKey` (RFC 8410 §7).
            Kind::Ed25519(key) => {
                pkcs8(&algorithm(oid::ED25519, &[]), &tlv(OCTET_STRING, &[key.as_bytes()]))
            }
            Kind::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// PKCS#1 for RSA, SEC 1 for the NIST curves, PKCS#8 for Ed25519; in PEM.
    pub fn to_pem(&self) -> Result<zeroize::Zeroizing<String>, Error> {
        Ok(match &self.0 {
            Kind::Rsa(key) => pem::encode("RSA PRIVATE KEY", &key.to_der()),
            Kind::Ec(key) => pem::encode("EC PRIVATE KEY", &key.to_der()),
            Kind::Ed25519(_) | Kind::Unusable(_) => pem::encode("PRIVATE KEY", &self.to_pkcs8()?),
        })
    }

    /// The public key.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        Ok(match &self.0 {
            Kind::Rsa(key) => key.public_key(),
            Kind::Ec(key) => key.public_key(),
            Kind::Ed25519(key) => PublicKey::ed25519(key.verifying_key().as_bytes()),
            Kind::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// The `AlgorithmIdentifier` of [`Self::sign`]: the one that Go chooses for such a key.
    pub fn signature_algorithm(&self) -> Result<Vec<u8>, Error> {
        Ok(match &self.0 {
            Kind::Rsa(_) => algorithm(oid::SHA256_WITH_RSA, NULL).to_vec(),
            Kind::Ec(key) => algorithm(key.curve().signature_algorithm(), &[]).to_vec(),
            Kind::Ed25519(_) => algorithm(oid::ED25519, &[]).to_vec(),
            Kind::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// Signs with [`Self::signature_algorithm`].
    pub fn sign(&self, meter: &mut dyn Meter, message: &[u8]) -> Result<Vec<u8>, Error> {
        meter.steps(CURVE_OPERATION_STEPS)?;
        match &self.0 {
            Kind::Rsa(key) => key.sign(meter, message),
            Kind::Ec(key) => key.sign(message),
            Kind::Ed25519(key) => Ok(key.sign(message).to_vec()),
            Kind::Unusable(reason) => Err((*reason).into()),
        }
    }

    /// Decrypts RSAES-OAEP (RFC 8017 §7.1.2) without a label.
    pub fn decrypt_oaep(
        &self,
        meter: &mut dyn Meter,
        digest: OaepDigest,
        ciphertext: &[u8],
    ) -> Result<Der, Error> {
        match &self.0 {
            Kind::Rsa(key) => key.decrypt_oaep(meter, digest, ciphertext),
            Kind::Unusable(reason) => Err((*reason).into()),
            _ => Err("the private key is not an RSA key".into()),
        }
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

fn pkcs8(algorithm: &[u8], key: &[u8]) -> Der {
    sequence(&[&integer(&[0]), algorithm, &tlv(OCTET_STRING, &[key])])
}
