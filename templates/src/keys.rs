//! Private keys: made, read from PEM, written as Go writes them, and signing.

mod dsa;
mod ec;
mod prime;
mod read;
mod rsa;

pub(crate) use self::{
    ec::{P256, P384, P521},
    rsa::{Digest, Numbers as RsaNumbers},
};
use ed25519_dalek::{Signer as _, SigningKey};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    der::{Der, OCTET_STRING, bit_string, integer, sequence, tlv},
    error::Failure,
    limits::{MILLISECOND, Meter},
    pem,
    text::Buffer,
};

/// A private key.
pub(crate) enum PrivateKey {
    Rsa(rsa::Key),
    Ec(ec::Key),
    Ed25519(Box<SigningKey>),
    /// One that is in order, of a kind that certificates here are not made with, and which.
    Unusable(&'static str),
}

impl PrivateKey {
    /// A new RSA key. The time it takes varies, and is charged as it goes by.
    pub(crate) fn rsa(context: &mut Context<'_>, bits: u32) -> Result<Self, Failure> {
        rsa::Key::generate(&mut context.meter, context.random, bits).map(Self::Rsa)
    }

    /// A new key on the curve P-256.
    pub(crate) fn ec(context: &mut Context<'_>) -> Result<Self, Failure> {
        context.meter.steps(CURVE_OPERATION)?;
        Ok(Self::Ec(ec::Key::generate(context.random)))
    }

    pub(crate) fn ed25519(context: &mut Context<'_>) -> Result<Self, Failure> {
        context.meter.steps(CURVE_OPERATION)?;
        let seed = random_bytes(context.random);
        Ok(Self::Ed25519(Box::new(SigningKey::from_bytes(&seed))))
    }

    /// The first block of a PEM text.
    pub(crate) fn from_pem(context: &mut Context<'_>, text: &[u8]) -> Result<Self, Failure> {
        context.meter.bytes(text.len())?;
        context.meter.steps(READING)?;
        read::from_pem(text)
    }

    /// PKCS#1, PKCS#8 or SEC 1 in DER, whichever it is.
    pub(crate) fn from_der(meter: &mut Meter<'_>, der: &[u8]) -> Result<Self, Failure> {
        meter.steps(READING)?;
        read::from_der(der)
    }

    /// PKCS#8 in DER.
    pub(crate) fn from_pkcs8(meter: &mut Meter<'_>, der: &[u8]) -> Result<Self, Failure> {
        meter.steps(READING)?;
        read::from_pkcs8(der)
    }

    /// An RSA key by its numbers, big-endian without leading zeros.
    pub(crate) fn rsa_from_numbers(
        meter: &mut Meter<'_>,
        numbers: &RsaNumbers<'_>,
    ) -> Result<Self, Failure> {
        meter.steps(READING)?;
        rsa::Key::from_all_numbers(numbers)
    }

    /// A key on the curve with this identifier.
    pub(crate) fn ec_from_number(curve: &[u8], number: &[u8]) -> Result<Self, Failure> {
        ec::Key::from_number(curve, number)
    }

    pub(crate) fn ed25519_from_seed(seed: &[u8; 32]) -> Self {
        Self::Ed25519(Box::new(SigningKey::from_bytes(seed)))
    }

    /// PKCS#8 (RFC 5958), as Go writes it.
    pub(crate) fn to_pkcs8(&self) -> Result<Der, Failure> {
        let wrap = |algorithm: &[u8], key: &[u8]| {
            sequence(&[&integer(&[0]), algorithm, &tlv(OCTET_STRING, &[key])])
        };
        Ok(match self {
            Self::Rsa(key) => wrap(RSA, &key.to_der()),
            Self::Ec(key) => wrap(&ec::algorithm(key.curve()), &key.to_der_without_curve()),
            Self::Ed25519(key) => pkcs8(ED25519, key.as_bytes()),
            Self::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// RSAES-OAEP (RFC 8017 §7.1.2) without a label.
    pub(crate) fn decrypt_oaep(
        &self,
        meter: &mut Meter<'_>,
        digest: Digest,
        ciphertext: &[u8],
    ) -> Result<Buffer, Failure> {
        match self {
            Self::Rsa(key) => key.decrypt_oaep(meter, digest, ciphertext),
            Self::Unusable(reason) => Err((*reason).into()),
            _ => Err("the private key is not an RSA key".into()),
        }
    }

    /// PKCS#1 for RSA, SEC 1 for curves of NIST, PKCS#8 for others.
    pub(crate) fn to_pem(&self) -> Result<Buffer, Failure> {
        Ok(match self {
            Self::Rsa(key) => pem::encode("RSA PRIVATE KEY", &key.to_der()),
            Self::Ec(key) => pem::encode("EC PRIVATE KEY", &key.to_der()),
            Self::Ed25519(key) => pem::encode("PRIVATE KEY", &pkcs8(ED25519, key.as_bytes())),
            Self::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// The public half.
    pub(crate) fn public_key(&self) -> Result<PublicKey, Failure> {
        Ok(match self {
            Self::Rsa(key) => key.public_key(),
            Self::Ec(key) => key.public_key(),
            Self::Ed25519(key) => PublicKey::new(ED25519, key.verifying_key().as_bytes()),
            Self::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// The algorithm that Go takes to sign with such a key: an `AlgorithmIdentifier`.
    pub(crate) fn signature_algorithm(&self) -> Result<&'static [u8], Failure> {
        Ok(match self {
            Self::Rsa(_) => rsa::SHA256_WITH_RSA,
            Self::Ec(key) => key.signature_algorithm(),
            Self::Ed25519(_) => ED25519,
            Self::Unusable(reason) => return Err((*reason).into()),
        })
    }

    /// Signs with that algorithm.
    pub(crate) fn sign(&self, meter: &mut Meter<'_>, message: &[u8]) -> Result<Vec<u8>, Failure> {
        meter.steps(CURVE_OPERATION)?;
        match self {
            Self::Rsa(key) => key.sign(meter, message),
            Self::Ec(key) => key.sign(message),
            Self::Ed25519(key) => Ok(key.sign(message).to_vec()),
            Self::Unusable(reason) => Err((*reason).into()),
        }
    }
}

/// A new DSA key in PEM. It can do nothing else here: no certificate is made with one.
pub(crate) fn dsa_pem(context: &mut Context<'_>) -> Result<Buffer, Failure> {
    let der = dsa::generate(&mut context.meter, context.random)?;
    Ok(pem::encode("DSA PRIVATE KEY", &der))
}

/// A public key, as certificates hold it.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct PublicKey {
    /// The `AlgorithmIdentifier`.
    algorithm: Vec<u8>,
    /// What the bit string holds.
    pub(crate) bytes: Vec<u8>,
}

impl PublicKey {
    pub(crate) fn new(algorithm: &[u8], bytes: &[u8]) -> Self {
        Self { algorithm: algorithm.to_vec(), bytes: bytes.to_vec() }
    }

    /// An RSA key by its modulus and its exponent.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self::new(RSA, &sequence(&[&integer(modulus), &integer(exponent)]))
    }

    /// The point of a curve, if it is on it.
    pub(crate) fn ec(curve: &[u8], point: &[u8]) -> Option<Self> {
        ec::is_point(curve, point).then(|| Self::new(&ec::algorithm(curve), point))
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    pub(crate) fn to_der(&self) -> Der {
        sequence(&[&self.algorithm, &bit_string(&self.bytes)])
    }
}

/// PKCS#8 (RFC 5958) around a `CurvePrivateKey` (RFC 8410 §7).
fn pkcs8(algorithm: &[u8], key: &[u8]) -> Der {
    let key = tlv(OCTET_STRING, &[&tlv(OCTET_STRING, &[key])]);
    sequence(&[&integer(&[0]), algorithm, &key])
}

fn random_bytes<const N: usize>(random: &mut dyn CryptoRng) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    random.fill_bytes(&mut *bytes);
    bytes
}

/// Steps of an operation on a curve: up to 2 ms.
const CURVE_OPERATION: u64 = 2 * MILLISECOND;
/// Steps of reading a key, and of making sure that its numbers belong together.
const READING: u64 = 5 * MILLISECOND;

/// 1.2.840.113549.1.1.1 and NULL
pub(crate) const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// 1.2.840.10045.2.1, without the sequence around it and the curve
pub(crate) const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.110
pub(crate) const X25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e];
/// 1.3.101.112
pub(crate) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
/// 1.2.840.10040.4.1, without the sequence around it and the parameters
pub(crate) const DSA: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
