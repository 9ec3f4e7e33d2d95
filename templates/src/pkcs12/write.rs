//! Writing: AES-256 and SHA-256, each key from 2048 rounds and a salt of 16 bytes.

use rand::CryptoRng;
use sha1::{Digest as _, Sha1};

use super::{Password, cipher::encrypt, mac, oid, push_wide};
use crate::{
    context::Context,
    der::{
        BMP_STRING, Der, OBJECT_IDENTIFIER, OCTET_STRING, SET, constructed, context as tag,
        integer, sequence, tlv,
    },
    error::Failure,
    keys::PrivateKey,
    x509::Certificate,
};

/// A key, its certificate, and those of its issuers.
pub(crate) fn write(
    context: &mut Context<'_>,
    key: &PrivateKey,
    certificate: &[u8],
    issuers: &[&[u8]],
    password: &[u8],
) -> Result<Der, Failure> {
    let password = Password::new(password)?;
    let id = tlv(OCTET_STRING, &[&Sha1::digest(certificate)]);
    let attributes = attributes(vec![attribute(oid::LOCAL_KEY_ID, &id)]);
    let mut bags = vec![certificate_bag(certificate, &attributes)];
    bags.extend(issuers.iter().map(|issuer| certificate_bag(issuer, &tlv(SET, &[]))));

    let key = key.to_pkcs8()?;
    let (salt, iv) = (draw(context.random), draw(context.random));
    let (algorithm, text) = encrypt(&mut context.meter, &salt, &iv, &password, &key)?;
    let key = sequence(&[&algorithm, &tlv(OCTET_STRING, &[&text])]);
    let key = bag(oid::SHROUDED_KEY_BAG, &key, &attributes);

    let certificates = encrypted(context, &bags, &password)?;
    let key = data(&sequence(&[&key]));
    finish(context, &[certificates, key], &password)
}

/// Certificates that Java takes for trusted.
pub(crate) fn write_trust_store(
    context: &mut Context<'_>,
    certificates: &[Certificate<'_>],
    password: &[u8],
) -> Result<Der, Failure> {
    let password = Password::new(password)?;
    let mut bags = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let mut name = Vec::new();
        let subject = certificate.subject_text();
        let subject =
            subject.ok_or(Failure::Because("the subject of a certificate is malformed"))?;
        push_wide(&mut name, subject.as_bytes())?;
        let usage = tlv(OBJECT_IDENTIFIER, &[oid::ANY_USAGE]);
        let attributes = attributes(vec![
            attribute(oid::JAVA_TRUST_STORE, &usage),
            attribute(oid::FRIENDLY_NAME, &tlv(BMP_STRING, &[&name])),
        ]);
        bags.push(certificate_bag(certificate.der, &attributes));
    }
    let certificates = encrypted(context, &bags, &password)?;
    finish(context, &[certificates], &password)
}

fn draw(random: &mut dyn CryptoRng) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    bytes
}

fn attribute(id: &[u8], value: &[u8]) -> Der {
    sequence(&[&tlv(OBJECT_IDENTIFIER, &[id]), &tlv(SET, &[value])])
}

/// A set is sorted (X.690 §11.6).
fn attributes(mut attributes: Vec<Der>) -> Der {
    attributes.sort_by(|first, second| first.as_slice().cmp(second.as_slice()));
    tlv(SET, &slices(&attributes))
}

fn slices(parts: &[Der]) -> Vec<&[u8]> {
    parts.iter().map(|part| part.as_slice()).collect()
}

/// A `SafeBag`.
fn bag(id: &[u8], value: &[u8], attributes: &[u8]) -> Der {
    let id = tlv(OBJECT_IDENTIFIER, &[id]);
    sequence(&[&id, &tlv(constructed(0), &[value]), attributes])
}

fn certificate_bag(certificate: &[u8], attributes: &[u8]) -> Der {
    let content = tlv(constructed(0), &[&tlv(OCTET_STRING, &[certificate])]);
    let value = sequence(&[&tlv(OBJECT_IDENTIFIER, &[oid::X509_CERTIFICATE]), &content]);
    bag(oid::CERTIFICATE_BAG, &value, attributes)
}

/// A `ContentInfo` of bags that are encrypted.
fn encrypted(context: &mut Context<'_>, bags: &[Der], password: &Password) -> Result<Der, Failure> {
    let contents = sequence(&slices(bags));
    let (salt, iv) = (draw(context.random), draw(context.random));
    let (algorithm, text) = encrypt(&mut context.meter, &salt, &iv, password, &contents)?;
    let kind = tlv(OBJECT_IDENTIFIER, &[oid::DATA]);
    let info = sequence(&[&kind, &algorithm, &tlv(tag(0), &[&text])]);
    Ok(content_info(oid::ENCRYPTED_DATA, &sequence(&[&integer(&[0]), &info])))
}

/// A `ContentInfo` of something as it is.
fn data(content: &[u8]) -> Der {
    content_info(oid::DATA, &tlv(OCTET_STRING, &[content]))
}

fn content_info(id: &[u8], content: &[u8]) -> Der {
    sequence(&[&tlv(OBJECT_IDENTIFIER, &[id]), &tlv(constructed(0), &[content])])
}

/// The file.
fn finish(context: &mut Context<'_>, safe: &[Der], password: &Password) -> Result<Der, Failure> {
    let safe = sequence(&slices(safe));
    let mac = mac::write(&mut context.meter, &draw(context.random), &safe, password)?;
    let file = sequence(&[&integer(&[3]), &data(&safe), &mac]);
    context.meter.bytes(file.len())?;
    Ok(file)
}
