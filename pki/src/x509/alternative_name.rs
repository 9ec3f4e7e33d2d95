//! `subjectAltName` (RFC 5280 §4.2.1.6).

use std::net::IpAddr;

use crate::der::{Element, Reader, context};

/// A name of a subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AlternativeName<'a> {
    /// A DNS name, in ASCII.
    Dns(&'a [u8]),
    /// An address. IPv4 addresses mapped to IPv6 are IPv4 addresses.
    Ip(IpAddr),
    /// A mail address, in ASCII.
    Email(&'a [u8]),
    /// A URI, in ASCII. It may be malformed.
    Uri(&'a [u8]),
}

pub(super) const EMAIL: u8 = context(1);
pub(super) const DNS: u8 = context(2);
pub(super) const URI: u8 = context(6);
pub(super) const IP: u8 = context(7);

impl<'a> AlternativeName<'a> {
    /// The names of a `subjectAltName` that was checked, by kind.
    pub(super) fn read_all(value: &'a [u8]) -> Vec<Self> {
        let mut all = Vec::new();
        for kind in [DNS, IP, EMAIL, URI] {
            let Some(mut names) = Reader::new(value).sequence() else { break };
            while let Some(name) = names.element() {
                if name.tag == kind {
                    all.extend(Self::read(&name));
                }
            }
        }
        all
    }

    fn read(name: &Element<'a>) -> Option<Self> {
        Some(match name.tag {
            DNS => Self::Dns(name.content),
            EMAIL => Self::Email(name.content),
            URI => Self::Uri(name.content),
            IP => Self::Ip(match <[u8; 4]>::try_from(name.content) {
                Ok(address) => IpAddr::from(address),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(name.content).ok()?).to_canonical(),
            }),
            _ => return None,
        })
    }
}

/// Checks one name.
pub(super) fn check(names: &mut Reader<'_>) -> Option<()> {
    let name = names.element()?;
    let is_valid = match name.tag {
        EMAIL | DNS | URI => name.content.is_ascii(),
        IP => matches!(name.content.len(), 4 | 16),
        _ => true,
    };
    is_valid.then_some(())
}

/// Whether a name consists of labels of visible characters. The empty name does.
pub fn is_domain(name: &[u8]) -> bool {
    name.is_empty()
        || name
            .split(|byte| *byte == b'.')
            .all(|label| !label.is_empty() && label.iter().all(u8::is_ascii_graphic))
}
