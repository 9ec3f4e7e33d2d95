//! Reading keys from PEM and DER.

use zeroize::Zeroizing;

use super::{
    cost::READ_KEY_STEPS,
    curve::Curve,
    private::{Kind, PrivateKey},
};
use crate::{
    der::{BIT_STRING, OBJECT_IDENTIFIER, OCTET_STRING, Reader, constructed},
    error::{Error, Meter},
    oid, pem,
};

const MALFORMED: Error = Error::Invalid("the private key is malformed");

impl PrivateKey {
    /// The key in the first block of a text. Later blocks are ignored.
    pub fn from_pem(meter: &mut dyn Meter, text: &[u8]) -> Result<Self, Error> {
        meter.bytes(text.len())?;
        meter.steps(READ_KEY_STEPS)?;
        let block = pem::first_block(text).ok_or(Error::Invalid("the private key is not PEM"))?;
        match block.label {
            b"PRIVATE KEY" => from_pkcs8(&block.bytes),
            b"RSA PRIVATE KEY" => Self::rsa(&block.bytes),
            b"EC PRIVATE KEY" => from_sec1(&block.bytes, None),
            b"DSA PRIVATE KEY" => from_dsa(&block.bytes),
            label if label.ends_with(b" PRIVATE KEY") => {
                Err("the private key is encrypted, or its type is not supported".into())
            }
            _ => Err("the PEM block is not a private key".into()),
        }
    }

    /// PKCS#1, PKCS#8 or SEC 1 in DER, detected from the content.
    pub fn from_der(meter: &mut dyn Meter, der: &[u8]) -> Result<Self, Error> {
        meter.steps(READ_KEY_STEPS)?;
        Self::rsa(der)
            .or_else(|_| from_pkcs8(der))
            .or_else(|_| from_sec1(der, None))
            .map_err(|_| Error::Invalid("the type of the private key is not supported"))
    }

    /// PKCS#8 (RFC 5958) in DER.
    pub fn from_pkcs8(meter: &mut dyn Meter, der: &[u8]) -> Result<Self, Error> {
        meter.steps(READ_KEY_STEPS)?;
        from_pkcs8(der)
    }
}

fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, Error> {
    let Pkcs8 { algorithm, parameters, key } = Pkcs8::read(der).ok_or(MALFORMED)?;
    match algorithm {
        oid::RSA_ENCRYPTION => PrivateKey::rsa(key),
        oid::EC_PUBLIC_KEY => from_sec1(key, parameters.and_then(|whole| Reader::new(whole).oid())),
        oid::ED25519 | oid::X25519 => {
            let seed = Reader::new(key).content(OCTET_STRING).filter(|_| parameters.is_none());
            let seed: [u8; 32] = seed.ok_or(MALFORMED)?.try_into().map_err(|_| MALFORMED)?;
            let seed = Zeroizing::new(seed);
            Ok(match algorithm {
                oid::ED25519 => PrivateKey::from_ed25519_seed(&seed),
                _ => PrivateKey(Kind::Unusable("X25519 keys cannot be used in certificates")),
            })
        }
        _ => Err("the algorithm of the private key is not supported".into()),
    }
}

struct Pkcs8<'a> {
    algorithm: &'a [u8],
    /// With their tag.
    parameters: Option<&'a [u8]>,
    key: &'a [u8],
}

impl<'a> Pkcs8<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut fields = Reader::new(der).sequence()?;
        fields.small()?;
        let mut identifier = fields.sequence()?;
        let algorithm = identifier.oid()?;
        let parameters =
            if identifier.is_empty() { None } else { Some(identifier.element()?.whole) };
        Some(Self { algorithm, parameters, key: fields.content(OCTET_STRING)? })
    }
}

/// `ECPrivateKey` (RFC 5915). The curve is stated outside or inside the key.
fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Result<PrivateKey, Error> {
    let (number, inner) = sec1(der).ok_or(MALFORMED)?;
    let curve = curve.or(inner).ok_or(Error::Invalid("the EC key does not name its curve"))?;
    let curve = Curve::from_oid(curve).ok_or(Error::Invalid("the curve is not known"))?;
    PrivateKey::from_ec_number(curve, number)
}

/// The secret number, and the curve if it is stated.
fn sec1(der: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut fields = Reader::new(der).sequence()?;
    if fields.small()? != 1 {
        return None;
    }
    let number = fields.content(OCTET_STRING)?;
    let curve = fields.explicit(constructed(0), OBJECT_IDENTIFIER)?;
    let curve = if curve.is_empty() { None } else { Some(Reader::new(curve).oid()?) };
    let public = fields.explicit(constructed(1), BIT_STRING)?;
    if !public.is_empty() {
        Reader::new(public).bits()?;
    }
    Some((number, curve))
}

/// OpenSSL's format: a sequence of six numbers. Go checks only that.
fn from_dsa(der: &[u8]) -> Result<PrivateKey, Error> {
    let mut fields = Reader::new(der).sequence().ok_or(MALFORMED)?;
    fields.small().ok_or(MALFORMED)?;
    for _ in 0..5 {
        fields.integer().ok_or(MALFORMED)?;
    }
    Ok(PrivateKey(Kind::Unusable("DSA keys cannot be used in certificates")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Unlimited, testing::random};

    #[test]
    fn ec_keys_survive_a_round_trip() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let key = PrivateKey::from_ec_number(curve, &[7; 32]).expect("a key");
            let pem = key.to_pem().expect("PEM");
            let read = PrivateKey::from_pem(&mut Unlimited, pem.as_bytes()).expect("a key");
            assert_eq!(read.to_pem().expect("PEM"), pem);
            let pkcs8 = key.to_pkcs8().expect("PKCS#8");
            let read = PrivateKey::from_pkcs8(&mut Unlimited, &pkcs8).expect("a key");
            assert_eq!(read.to_pem().expect("PEM"), pem);
        }
    }

    #[test]
    fn generated_keys_survive_a_round_trip() {
        let (meter, random) = (&mut Unlimited, &mut random(1));
        for key in [
            PrivateKey::generate_rsa(meter, random, 1024),
            PrivateKey::generate_p256(meter, random),
            PrivateKey::generate_ed25519(meter, random),
        ] {
            let pem = key.expect("a key").to_pem().expect("PEM");
            let read = PrivateKey::from_pem(meter, pem.as_bytes()).expect("a key");
            assert_eq!(read.to_pem().expect("PEM"), pem);
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let key = PrivateKey::from_ed25519_seed(&[7; 32]);
        assert_eq!(format!("{key:?}"), "PrivateKey");
    }
}
