//! JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037): RSA, the curves of NIST, Ed25519.

use gotemplate::{Buffer, Failure, Map, Meter, Text, Value};
use pki::keys::{Curve, PrivateKey, PublicKey, RsaNumbers};
use zeroize::Zeroizing;

use crate::{
    json,
    metered::{Metered, failure},
    radix::BASE64,
};

const NOT_A_KEY: Failure = Failure::Because("the text is not a JSON Web Key");
const MISSING: Failure = Failure::Because("the JSON Web Key lacks a number");
const OFF: Failure = Failure::Because("the point of the JSON Web Key does not match its key");
const UNKNOWN: Failure = Failure::Because("the kind of the JSON Web Key is not supported");

/// A key in JSON.
pub(crate) struct Jwk(Map);

impl Jwk {
    pub(crate) fn read(meter: &mut Meter<'_>, text: &[u8]) -> Result<Self, Failure> {
        match json::decode(meter, text) {
            Ok(Value::Map(map)) => Ok(Self(map)),
            Err(limit @ Failure::Limit(_)) => Err(limit),
            _ => Err(NOT_A_KEY),
        }
    }

    /// The public key in DER. A private key is refused.
    pub(crate) fn public_key(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if self.text("d").is_some() {
            return Err("the JSON Web Key is private".into());
        }
        let key = match &*self.text("kty").ok_or(NOT_A_KEY)? {
            b"RSA" => PublicKey::rsa(&self.number("n")?, &self.number("e")?),
            b"EC" => self.point()?,
            b"OKP" if self.text("crv").as_deref() == Some(b"Ed25519") => {
                PublicKey::ed25519(&self.bytes("x")?)
            }
            _ => return Err(UNKNOWN),
        };
        Ok(key.to_der())
    }

    pub(crate) fn private_key(&self, meter: &mut Meter<'_>) -> Result<PrivateKey, Failure> {
        match &*self.text("kty").ok_or(NOT_A_KEY)? {
            b"RSA" => {
                let (p, q) = (self.number("p")?, self.number("q")?);
                let numbers = RsaNumbers {
                    modulus: &self.number("n")?,
                    exponent: &self.number("e")?,
                    private_exponent: &self.number("d")?,
                    primes: [&p, &q],
                };
                PrivateKey::from_rsa_numbers(&mut Metered(meter), &numbers).map_err(failure)
            }
            b"EC" => {
                let key = PrivateKey::from_ec_number(self.curve()?, &self.number("d")?);
                let key = key.map_err(failure)?;
                let public = key.public_key().map_err(failure)?;
                if public == self.point()? { Ok(key) } else { Err(OFF) }
            }
            b"OKP" if self.text("crv").as_deref() == Some(b"Ed25519") => {
                let seed = self.bytes("d")?;
                let seed: &[u8; 32] = (*seed).try_into().map_err(|_| MISSING)?;
                Ok(PrivateKey::from_ed25519_seed(seed))
            }
            _ => Err(UNKNOWN),
        }
    }

    fn point(&self) -> Result<PublicKey, Failure> {
        let curve = self.curve()?;
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            let number = self.number(coordinate)?;
            let zeros = curve.len_bytes().checked_sub(number.len()).ok_or(MISSING)?;
            point.resize(point.len() + zeros, 0);
            point.extend_from_slice(&number);
        }
        PublicKey::ec(curve, &point).ok_or(OFF)
    }

    fn curve(&self) -> Result<Curve, Failure> {
        match self.text("crv").as_deref() {
            Some(b"P-256") => Ok(Curve::P256),
            Some(b"P-384") => Ok(Curve::P384),
            Some(b"P-521") => Ok(Curve::P521),
            _ => Err(UNKNOWN),
        }
    }

    fn text(&self, name: &str) -> Option<Text> {
        match self.0.get(name.as_bytes()) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Without leading zeros.
    fn number(&self, name: &str) -> Result<Buffer, Failure> {
        let bytes = self.bytes(name)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let mut number = Buffer::with_capacity(bytes.len());
        number.push(&bytes[zeros..]);
        Ok(number)
    }

    /// Base64 of either alphabet, padded or not.
    fn bytes(&self, name: &str) -> Result<Buffer, Failure> {
        let text = self.text(name).ok_or(MISSING)?;
        let mut standard = Buffer::with_capacity(text.len() + 4);
        for byte in text.iter() {
            standard.push_byte(match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            });
        }
        while !standard.len().is_multiple_of(4) {
            standard.push_byte(b'=');
        }
        BASE64.decode(&standard).map_err(|_| MISSING)
    }
}
