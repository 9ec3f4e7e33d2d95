//! Reading.

use super::{cipher::decrypt, mac::Mac, password::Password};
use crate::{
    der::{Der, OCTET_STRING, Reader, SET, constructed, context},
    error::{Error, Meter},
    keys::PrivateKey,
    oid,
    x509::Certificate,
};

/// The content of a file.
#[derive(Debug)]
pub struct Contents {
    /// The private key.
    pub key: PrivateKey,
    /// In DER, at least one. The first is normally the key's.
    pub certificates: Vec<Der>,
}

const MALFORMED: Error = Error::Invalid("the PKCS#12 file is malformed");
const UNKNOWN: Error = Error::Invalid("the PKCS#12 file uses an unsupported format or algorithm");

/// Reads a file that has one key and at least one certificate.
pub fn read(meter: &mut dyn Meter, file: &[u8], password: &[u8]) -> Result<Contents, Error> {
    let mut password = Password::new(password)?;
    let mut bags = Bags { key: None, certificates: Vec::new() };
    for contents in safe(meter, file, &mut password)? {
        let mut list = whole(&contents).ok_or(MALFORMED)?;
        while !list.is_empty() {
            let bag = list.sequence().ok_or(MALFORMED)?;
            bags.add(meter, bag, &password)?;
        }
    }
    if bags.certificates.is_empty() {
        return Err("the PKCS#12 file has no certificate".into());
    }
    let key = bags.key.ok_or(Error::Invalid("the PKCS#12 file has no private key"))?;
    Ok(Contents { key, certificates: bags.certificates })
}

/// A sequence with nothing after it.
fn whole(der: &[u8]) -> Option<Reader<'_>> {
    let mut outer = Reader::new(der);
    let sequence = outer.sequence()?;
    outer.is_empty().then_some(sequence)
}

/// The `SafeContents` of a file, decrypted.
fn safe(meter: &mut dyn Meter, file: &[u8], password: &mut Password) -> Result<Vec<Der>, Error> {
    let mut fields = whole(file).ok_or(MALFORMED)?;
    if fields.small() != Some(3) {
        return Err(UNKNOWN);
    }
    let (kind, mut content) = fields.sequence().and_then(info).ok_or(MALFORMED)?;
    if kind != oid::DATA {
        return Err(UNKNOWN);
    }
    let message = content.content(OCTET_STRING).ok_or(MALFORMED)?;
    if fields.is_empty() {
        if !password.is_empty() {
            return Err("the PKCS#12 file is not authenticated, and a password was given".into());
        }
    } else {
        let mac = fields.sequence().and_then(Mac::read).ok_or(MALFORMED)?;
        let mut verifies = mac.verifies(meter, message, password)?;
        if !verifies && password.is_empty() {
            *password = Password::without_terminator();
            verifies = mac.verifies(meter, message, password)?;
        }
        if !verifies {
            return Err("wrong password for the PKCS#12 file".into());
        }
    }
    let mut infos = whole(message).ok_or(MALFORMED)?;
    let mut safe = Vec::new();
    while !infos.is_empty() {
        let (kind, mut content) = infos.sequence().and_then(info).ok_or(MALFORMED)?;
        safe.push(match kind {
            oid::DATA => Der::new(content.content(OCTET_STRING).ok_or(MALFORMED)?.to_vec()),
            oid::ENCRYPTED_DATA => {
                let mut data = content.sequence().ok_or(MALFORMED)?;
                if data.small() != Some(0) {
                    return Err(UNKNOWN);
                }
                let mut info = data.sequence().ok_or(MALFORMED)?;
                info.oid().ok_or(MALFORMED)?;
                let algorithm = info.sequence().ok_or(MALFORMED)?;
                let text = info.optional(context(0)).ok_or(MALFORMED)?;
                decrypt(meter, algorithm, password, text)?
            }
            _ => return Err(UNKNOWN),
        });
    }
    if (1..=2).contains(&safe.len()) { Ok(safe) } else { Err(UNKNOWN) }
}

/// The type of a `ContentInfo`, and its content.
fn info(mut fields: Reader<'_>) -> Option<(&[u8], Reader<'_>)> {
    Some((fields.oid()?, fields.within(constructed(0))?))
}

struct Bags {
    key: Option<PrivateKey>,
    certificates: Vec<Der>,
}

impl Bags {
    fn add(
        &mut self,
        meter: &mut dyn Meter,
        mut bag: Reader<'_>,
        password: &Password,
    ) -> Result<(), Error> {
        let kind = bag.oid().ok_or(MALFORMED)?;
        let value = bag.content(constructed(0)).ok_or(MALFORMED)?;
        bag.optional(SET).ok_or(MALFORMED)?;
        let key = match kind {
            oid::CERTIFICATE_BAG => return self.add_certificate(meter, value),
            oid::KEY_BAG => PrivateKey::from_pkcs8(meter, value)?,
            oid::SHROUDED_KEY_BAG => {
                let mut fields = whole(value).ok_or(MALFORMED)?;
                let algorithm = fields.sequence().ok_or(MALFORMED)?;
                let text = fields.content(OCTET_STRING).ok_or(MALFORMED)?;
                let der = decrypt(meter, algorithm, password, text)?;
                PrivateKey::from_pkcs8(meter, &der)?
            }
            _ => return Ok(()),
        };
        if self.key.replace(key).is_some() {
            return Err("the PKCS#12 file has more than one private key".into());
        }
        Ok(())
    }

    fn add_certificate(&mut self, meter: &mut dyn Meter, value: &[u8]) -> Result<(), Error> {
        let mut fields = whole(value).ok_or(MALFORMED)?;
        if fields.oid().ok_or(MALFORMED)? != oid::X509_CERTIFICATE {
            return Err(UNKNOWN);
        }
        let mut content = fields.within(constructed(0)).ok_or(MALFORMED)?;
        let der = content.content(OCTET_STRING).ok_or(MALFORMED)?;
        meter.bytes(der.len())?;
        meter.steps((der.len() >> 6) as u64)?;
        Certificate::parse(der).ok_or(Error::Invalid("a certificate is malformed"))?;
        self.certificates.push(Der::new(der.to_vec()));
        Ok(())
    }
}
