//! From PEM to a key.

use zeroize::Zeroizing;

use super::{EC, ED25519, PrivateKey, RSA, X25519, ec, rsa};
use crate::{
    der::{BIT_STRING, OBJECT_IDENTIFIER, OCTET_STRING, Reader, constructed},
    error::Failure,
    pem,
};

/// The key in the first block of a text, whatever the blocks behind it are.
pub(super) fn from_pem(text: &[u8]) -> Result<PrivateKey, Failure> {
    let block = pem::first_block(text).ok_or(Failure::Because("the private key is not PEM"))?;
    match block.label {
        b"PRIVATE KEY" => from_pkcs8(&block.bytes),
        b"RSA PRIVATE KEY" => rsa::Key::from_der(&block.bytes),
        b"EC PRIVATE KEY" => from_sec1(&block.bytes, None),
        b"DSA PRIVATE KEY" => from_dsa(&block.bytes),
        label if label.ends_with(b" PRIVATE KEY") => {
            Err("the private key is encrypted, or of a kind that is not supported".into())
        }
        _ => Err("the PEM block is not a private key".into()),
    }
}

/// PKCS#1, PKCS#8 or SEC 1.
pub(super) fn from_der(der: &[u8]) -> Result<PrivateKey, Failure> {
    rsa::Key::from_der(der)
        .or_else(|_| from_pkcs8(der))
        .or_else(|_| from_sec1(der, None))
        .map_err(|_| Failure::Because("the private key is of a kind that is not supported"))
}

/// PKCS#8 (RFC 5958).
pub(super) fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, Failure> {
    let Pkcs8 { algorithm, parameters, key } = Pkcs8::read(der).ok_or(MALFORMED)?;
    let is =
        |known: &[u8]| Reader::new(known).sequence().and_then(|mut r| r.oid()) == Some(algorithm);
    if is(RSA) {
        return rsa::Key::from_der(key);
    }
    if Reader::new(EC).oid() == Some(algorithm) {
        return from_sec1(key, parameters.and_then(|whole| Reader::new(whole).oid()));
    }
    if !is(ED25519) && !is(X25519) {
        return Err("the private key is of an algorithm that is not supported".into());
    }
    let key = Reader::new(key).content(OCTET_STRING).filter(|_| parameters.is_none());
    let key: [u8; 32] = key.ok_or(MALFORMED)?.try_into().map_err(|_| MALFORMED)?;
    let key = Zeroizing::new(key);
    Ok(if is(X25519) {
        PrivateKey::Unusable("certificates are not made with keys for X25519")
    } else {
        PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&key)))
    })
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

/// `ECPrivateKey` (RFC 5915). The curve is told by what is around it, or within.
fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Result<PrivateKey, Failure> {
    let (number, inner) = sec1(der).ok_or(MALFORMED)?;
    let curve = curve.or(inner).ok_or(Failure::Because("the EC key does not tell its curve"))?;
    ec::Key::from_number(curve, number)
}

/// The number, and the curve if it is told.
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

/// OpenSSL's form: a sequence of six numbers, about which Go asks nothing more.
fn from_dsa(der: &[u8]) -> Result<PrivateKey, Failure> {
    let mut fields = Reader::new(der).sequence().ok_or(MALFORMED)?;
    fields.small().ok_or(MALFORMED)?;
    for _ in 0..5 {
        fields.integer().ok_or(MALFORMED)?;
    }
    Ok(PrivateKey::Unusable("certificates are not made with DSA keys"))
}

const MALFORMED: Failure = Failure::Because("the private key is malformed");
