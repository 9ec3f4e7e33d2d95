//! Reading a certificate.

use super::{alternative_name::AlternativeName, extension, fields, name_text};
use crate::{
    der::{OCTET_STRING, Reader, SEQUENCE, constructed, context},
    keys::PublicKey,
    oid,
};

/// The parts of a certificate that are needed to issue others and to order chains.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    /// The whole certificate.
    pub der: &'a [u8],
    /// Its subject, encoded.
    pub subject: &'a [u8],
    /// Its key. `None` for an unknown algorithm.
    pub key: Option<PublicKey>,
    /// Its `subjectKeyIdentifier`. Empty if it has none.
    pub key_id: &'a [u8],
    /// The identifier of the key that signed it, if it has one.
    pub authority_key_id: Option<&'a [u8]>,
    /// Its `subjectAltName`, encoded.
    alternative_names: Option<&'a [u8]>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate. `None` if Go rejects it, with one exception: URIs among the alternative
    /// names may be malformed, see [`Self::alternative_names`]. The signature is not checked.
    pub fn parse(der: &'a [u8]) -> Option<Self> {
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
            fields::Key::Known(key) => Some(key),
            fields::Key::Unknown => None,
        };
        let mut read = Self {
            der,
            subject: subject.whole,
            key,
            key_id: &[],
            authority_key_id: None,
            alternative_names: None,
        };
        if version > 0 {
            tbs.optional(context(1))?;
            tbs.optional(context(2))?;
        }
        if version == 2 && tbs.is_next(constructed(3)) {
            read.add_extensions(tbs.within(constructed(3))?)?;
        }
        certificate.bits()?;
        Some(read)
    }

    fn add_extensions(&mut self, explicit: Reader<'a>) -> Option<()> {
        for (id, value) in extension::read(explicit)? {
            match id {
                oid::SUBJECT_KEY_IDENTIFIER => {
                    self.key_id = Reader::new(value).content(OCTET_STRING)?;
                }
                oid::AUTHORITY_KEY_IDENTIFIER => {
                    let mut fields = Reader::new(value).sequence()?;
                    if fields.is_next(context(0)) {
                        self.authority_key_id = Some(fields.content(context(0))?);
                    }
                }
                oid::SUBJECT_ALTERNATIVE_NAME => self.alternative_names = Some(value),
                _ => {}
            }
        }
        Some(())
    }

    /// The alternative names in Go's order: DNS names, addresses, mail addresses, URIs. Callers that
    /// need Go's answer reject certificates with a URI that Go's `net/url` cannot parse.
    pub fn alternative_names(&self) -> Vec<AlternativeName<'a>> {
        self.alternative_names.map(AlternativeName::read_all).unwrap_or_default()
    }

    /// The subject as Go's `pkix.Name` prints it: nearly RFC 2253.
    pub fn subject_text(&self) -> Option<String> {
        name_text::to_text(Reader::new(self.subject).sequence()?)
    }
}

/// The version less one.
fn version(tbs: &mut Reader<'_>) -> Option<i64> {
    if !tbs.is_next(constructed(0)) {
        return Some(0);
    }
    let mut explicit = tbs.within(constructed(0))?;
    let version = explicit.small()?;
    (explicit.is_empty() && (0..=2).contains(&version)).then_some(version)
}
