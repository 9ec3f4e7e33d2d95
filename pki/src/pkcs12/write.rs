//! Writing: AES-256 and SHA-256, keys derived with 2048 rounds and a salt of 16 bytes.

use rand::CryptoRng;
use sha1::{Digest as _, Sha1};

use super::{
    cipher::encrypt,
    mac,
    password::{Password, push_wide},
};
use crate::{
    der::{
        BMP_STRING, Der, OCTET_STRING, SET, constructed, context, identifier, integer, sequence,
        tlv,
    },
    error::{Error, Meter},
    keys::PrivateKey,
    oid,
    x509::Certificate,
};

/// Writes a key, its certificate and those of its issuers.
pub fn write(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    key: &PrivateKey,
    certificate: &[u8],
    issuers: &[&[u8]],
    password: &[u8],
) -> Result<Der, Error> {
    let password = Password::new(password)?;
    let id = tlv(OCTET_STRING, &[&Sha1::digest(certificate)]);
    let attributes = attributes(vec![attribute(oid::LOCAL_KEY_ID, &id)]);
    let mut bags = vec![certificate_bag(certificate, &attributes)];
    bags.extend(issuers.iter().map(|issuer| certificate_bag(issuer, &tlv(SET, &[]))));

    let key = key.to_pkcs8()?;
    let (salt, iv) = (draw(random), draw(random));
    let (algorithm, text) = encrypt(meter, &salt, &iv, &password, &key)?;
    let key = sequence(&[&algorithm, &tlv(OCTET_STRING, &[&text])]);
    let key = bag(oid::SHROUDED_KEY_BAG, &key, &attributes);

    let certificates = encrypted(meter, random, &bags, &password)?;
    let key = data(&sequence(&[&key]));
    finish(meter, random, &[certificates, key], &password)
}

/// Writes certificates that Java trusts.
pub fn write_trust_store(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    certificates: &[Certificate<'_>],
    password: &[u8],
) -> Result<Der, Error> {
    let password = Password::new(password)?;
    let mut bags = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let mut name = Vec::new();
        let subject = certificate.subject_text();
        let subject = subject.ok_or(Error::Invalid("the subject of a certificate is malformed"))?;
        push_wide(&mut name, subject.as_bytes())?;
        let usage = identifier(oid::ANY_EXTENDED_KEY_USAGE);
        let attributes = attributes(vec![
            attribute(oid::JAVA_TRUST_STORE, &usage),
            attribute(oid::FRIENDLY_NAME, &tlv(BMP_STRING, &[&name])),
        ]);
        bags.push(certificate_bag(certificate.der, &attributes));
    }
    let certificates = encrypted(meter, random, &bags, &password)?;
    finish(meter, random, &[certificates], &password)
}

fn draw(random: &mut dyn CryptoRng) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    bytes
}

fn attribute(id: &[u8], value: &[u8]) -> Der {
    sequence(&[&identifier(id), &tlv(SET, &[value])])
}

/// DER sorts the elements of a set (X.690 §11.6).
fn attributes(mut attributes: Vec<Der>) -> Der {
    attributes.sort_by(|first, second| first.as_slice().cmp(second.as_slice()));
    tlv(SET, &slices(&attributes))
}

fn slices(parts: &[Der]) -> Vec<&[u8]> {
    parts.iter().map(|part| part.as_slice()).collect()
}

/// A `SafeBag`.
fn bag(id: &[u8], value: &[u8], attributes: &[u8]) -> Der {
    let id = identifier(id);
    sequence(&[&id, &tlv(constructed(0), &[value]), attributes])
}

fn certificate_bag(certificate: &[u8], attributes: &[u8]) -> Der {
    let content = tlv(constructed(0), &[&tlv(OCTET_STRING, &[certificate])]);
    let value = sequence(&[&identifier(oid::X509_CERTIFICATE), &content]);
    bag(oid::CERTIFICATE_BAG, &value, attributes)
}

/// A `ContentInfo` of encrypted bags.
fn encrypted(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    bags: &[Der],
    password: &Password,
) -> Result<Der, Error> {
    let contents = sequence(&slices(bags));
    let (salt, iv) = (draw(random), draw(random));
    let (algorithm, text) = encrypt(meter, &salt, &iv, password, &contents)?;
    let kind = identifier(oid::DATA);
    let info = sequence(&[&kind, &algorithm, &tlv(context(0), &[&text])]);
    Ok(content_info(oid::ENCRYPTED_DATA, &sequence(&[&integer(&[0]), &info])))
}

/// A `ContentInfo` that is not encrypted.
fn data(content: &[u8]) -> Der {
    content_info(oid::DATA, &tlv(OCTET_STRING, &[content]))
}

fn content_info(id: &[u8], content: &[u8]) -> Der {
    sequence(&[&identifier(id), &tlv(constructed(0), &[content])])
}

/// The file.
fn finish(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
    safe: &[Der],
    password: &Password,
) -> Result<Der, Error> {
    let safe = sequence(&slices(safe));
    let mac = mac::write(meter, &draw(random), &safe, password)?;
    let file = sequence(&[&integer(&[3]), &data(&safe), &mac]);
    meter.bytes(file.len())?;
    Ok(file)
}
