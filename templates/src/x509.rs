//! X.509 certificates (RFC 5280): read as strictly as Go reads them, and made as Go makes them.

mod create;
mod extensions;
mod fields;
mod names;

pub(crate) use self::create::{Contents, create, name};
use self::fields::Key;
use crate::{
    der::{OCTET_STRING, Reader, SEQUENCE, constructed, context},
    keys::PublicKey,
};

/// What one has to know of a certificate to issue others, and to tell whose it is.
#[derive(Clone)]
pub(crate) struct Certificate<'a> {
    /// All of it.
    pub(crate) der: &'a [u8],
    /// Its subject, encoded.
    pub(crate) subject: &'a [u8],
    /// Its key, unless the algorithm is unknown.
    pub(crate) key: Option<PublicKey>,
    /// Its `subjectKeyIdentifier`, or nothing.
    pub(crate) key_id: &'a [u8],
    /// The identifier of the key that signed it, if it tells one.
    pub(crate) authority_key_id: Option<&'a [u8]>,
    /// Its `subjectAltName`s, encoded.
    alternative_names: Option<&'a [u8]>,
}

impl Certificate<'_> {
    /// DNS names, then addresses, then those of mail, then URIs, as Go writes them.
    pub(crate) fn alternative_names(&self) -> Vec<Vec<u8>> {
        self.alternative_names.map(extensions::alternative_names).unwrap_or_default()
    }

    /// The subject as Go's `pkix.Name` writes it: RFC 2253, almost.
    pub(crate) fn subject_text(&self) -> Option<String> {
        names::to_text(Reader::new(self.subject).sequence()?)
    }
}

/// Reads a certificate. None where Go would not. The signature is not looked at.
pub(crate) fn parse(der: &[u8]) -> Option<Certificate<'_>> {
    let mut outer = Reader::new(der);
    let mut certificate = outer.sequence()?;
    let mut tbs = certificate.sequence()?;
    let version = version(&mut tbs)?;
    if !outer.is_empty() || tbs.integer()?[0] & 0x80 != 0 {
        return None;
    }
    let algorithm = tbs.content(SEQUENCE)?;
    if certificate.content(SEQUENCE)? != algorithm {
        return None;
    }
    fields::identifier(Reader::new(algorithm))?;
    fields::name(tbs.sequence()?)?;
    fields::validity(tbs.sequence()?)?;
    let subject = tbs.element().filter(|element| element.tag == SEQUENCE)?;
    fields::name(Reader::new(subject.content))?;
    let key = match fields::public_key(tbs.sequence()?)? {
        Key::Known(key) => Some(key),
        Key::Unknown => None,
    };
    let mut key_id: &[u8] = &[];
    let (mut authority_key_id, mut alternative_names) = (None, None);
    if version > 0 {
        tbs.optional(context(1))?;
        tbs.optional(context(2))?;
    }
    if version == 2 && tbs.is_next(constructed(3)) {
        for (id, value) in extensions::read(tbs.within(constructed(3))?)? {
            match id {
                extensions::SUBJECT_KEY_ID => key_id = Reader::new(value).content(OCTET_STRING)?,
                extensions::AUTHORITY_KEY_ID => {
                    let mut fields = Reader::new(value).sequence()?;
                    if fields.is_next(context(0)) {
                        authority_key_id = Some(fields.content(context(0))?);
                    }
                }
                extensions::ALTERNATIVE_NAMES => alternative_names = Some(value),
                _ => {}
            }
        }
    }
    certificate.bits()?;
    let subject = subject.whole;
    Some(Certificate { der, subject, key, key_id, authority_key_id, alternative_names })
}

/// From 0, which stands for the first.
fn version(tbs: &mut Reader<'_>) -> Option<i64> {
    if !tbs.is_next(constructed(0)) {
        return Some(0);
    }
    let mut explicit = tbs.within(constructed(0))?;
    let version = explicit.small()?;
    (explicit.is_empty() && (0..=2).contains(&version)).then_some(version)
}
