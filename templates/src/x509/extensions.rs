//! Extensions (RFC 5280 §4.2). Those that Go reads have to be well-formed.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    der::{BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, constructed, context},
    text::Buffer,
    url,
};

/// 2.5.29.14
pub(super) const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
/// 2.5.29.17
pub(super) const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 17];
/// 2.5.29.35
pub(super) const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
/// 1.3.6.1.5.5.7.1.1
const AUTHORITY_INFORMATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];

/// Identifiers and values. No two may have the same identifier.
pub(super) fn read(mut explicit: Reader<'_>) -> Option<Vec<(&[u8], &[u8])>> {
    let mut list = explicit.sequence()?;
    let mut read = Vec::new();
    let mut seen = BTreeSet::new();
    while !list.is_empty() {
        let mut extension = list.sequence()?;
        let id = extension.oid()?;
        let critical = extension.is_next(BOOLEAN) && extension.boolean()?;
        let value = extension.content(OCTET_STRING)?;
        if !seen.insert(id) {
            return None;
        }
        check(id, critical, Reader::new(value))?;
        read.push((id, value));
    }
    Some(read)
}

fn check(id: &[u8], critical: bool, mut value: Reader<'_>) -> Option<()> {
    let number = match id {
        AUTHORITY_INFORMATION if critical => return None,
        AUTHORITY_INFORMATION => {
            return all(value.sequence()?, |access| {
                let mut access = access.sequence()?;
                access.oid()?;
                access.optional(context(6)).map(|_| ())
            });
        }
        [0x55, 0x1d, number] => *number,
        _ => return Some(()),
    };
    match number {
        // subjectKeyIdentifier, authorityKeyIdentifier
        14 | 35 if critical => None,
        14 => value.content(OCTET_STRING).map(|_| ()),
        // keyUsage
        15 => value.bits().map(|_| ()),
        // subjectAltName
        17 => all(value.sequence()?, alternative_name),
        // basicConstraints
        19 => {
            let mut fields = value.sequence()?;
            if fields.is_next(BOOLEAN) {
                fields.boolean()?;
            }
            if fields.is_next(INTEGER) {
                fields.small().filter(|length| *length >= 0)?;
            }
            Some(())
        }
        // nameConstraints
        30 => name_constraints(value),
        // cRLDistributionPoints
        31 => all(value.sequence()?, |points| {
            let mut point = points.sequence()?;
            if !point.is_next(constructed(0)) {
                return Some(());
            }
            let mut names = point.within(constructed(0))?.within(constructed(0))?;
            while names.is_next(context(6)) {
                names.element()?;
            }
            Some(())
        }),
        // certificatePolicies
        32 => {
            let mut seen = BTreeSet::new();
            all(value.sequence()?, |policies| {
                let id = policies.sequence()?.content(OBJECT_IDENTIFIER)?;
                let is_new = seen.insert(id.to_vec());
                let ends = id.last().is_some_and(|byte| byte & 0x80 == 0);
                let is_minimal = id.split_inclusive(|byte| byte & 0x80 == 0).all(|n| n[0] != 0x80);
                (is_new && ends && is_minimal).then_some(())
            })
        }
        // policyMappings
        33 => all(value.sequence()?, |mappings| {
            let mut mapping = mappings.sequence()?;
            mapping.content(OBJECT_IDENTIFIER)?;
            mapping.content(OBJECT_IDENTIFIER).map(|_| ())
        }),
        35 => value.sequence()?.optional(context(0)).map(|_| ()),
        // policyConstraints
        36 => {
            let mut fields = value.sequence()?;
            for tag in [context(0), context(1)] {
                if fields.is_next(tag) {
                    is_number(fields.content(tag)?)?;
                }
            }
            Some(())
        }
        // extKeyUsage
        37 => all(value.sequence()?, |usages| usages.oid().map(|_| ())),
        // inhibitAnyPolicy
        54 => value.small().map(|_| ()),
        _ => Some(()),
    }
}

/// Whether `check` reads all that there is.
fn all<'a>(
    mut reader: Reader<'a>,
    mut check: impl FnMut(&mut Reader<'a>) -> Option<()>,
) -> Option<()> {
    while !reader.is_empty() {
        check(&mut reader)?;
    }
    Some(())
}

/// The content of an integer of 64 bits that has another tag.
fn is_number(content: &[u8]) -> Option<()> {
    let integer = crate::der::tlv(INTEGER, &[content]);
    Reader::new(&integer).small().map(|_| ())
}

// Kinds of alternative names.
const EMAIL: u8 = context(1);
const DNS: u8 = context(2);
const URI: u8 = context(6);
const IP: u8 = context(7);

/// The names of a `subjectAltName` that was checked, kind by kind.
pub(super) fn alternative_names(value: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for kind in [DNS, IP, EMAIL, URI] {
        let Some(mut names) = Reader::new(value).sequence() else { break };
        while let Some(name) = names.element() {
            if name.tag == kind {
                texts.extend(text(kind, name.content));
            }
        }
    }
    texts
}

fn text(kind: u8, content: &[u8]) -> Option<Vec<u8>> {
    Some(match kind {
        IP => {
            let address = if let Ok(address) = <[u8; 4]>::try_from(content) {
                IpAddr::from(address)
            } else {
                // An IPv4 address in an IPv6 one is written as the former.
                IpAddr::from(<[u8; 16]>::try_from(content).ok()?).to_canonical()
            };
            address.to_string().into_bytes()
        }
        URI => {
            let mut buffer = Buffer::default();
            url::parse(content)?.write(&mut buffer);
            buffer.to_vec()
        }
        _ => content.to_vec(),
    })
}

fn alternative_name(names: &mut Reader<'_>) -> Option<()> {
    let name = names.element()?;
    let is_good = match name.tag {
        EMAIL | DNS => name.content.is_ascii(),
        URI => name.content.is_ascii() && is_domain(&url::parse(name.content)?.host, false),
        IP => matches!(name.content.len(), 4 | 16),
        _ => true,
    };
    is_good.then_some(())
}

fn name_constraints(mut value: Reader<'_>) -> Option<()> {
    let mut fields = value.sequence()?;
    let permitted = fields.optional(constructed(0))?;
    let excluded = fields.optional(constructed(1))?;
    if !value.is_empty() || !fields.is_empty() || permitted.is_empty() && excluded.is_empty() {
        return None;
    }
    all(Reader::new(permitted), constraint)?;
    all(Reader::new(excluded), constraint)
}

fn constraint(subtrees: &mut Reader<'_>) -> Option<()> {
    const EMAIL: u8 = context(1);
    const DNS: u8 = context(2);
    const URI: u8 = context(6);
    const IP: u8 = context(7);
    let base = subtrees.sequence()?.element()?;
    let is_ascii = base.content.is_ascii();
    let is_good = match base.tag {
        IP => {
            matches!(base.content.len(), 8 | 32) && is_mask(&base.content[base.content.len() / 2..])
        }
        EMAIL if base.content.contains(&b'@') => is_ascii && is_mailbox(base.content),
        DNS | EMAIL => is_ascii && is_domain(base.content, true),
        URI => {
            let text = str::from_utf8(base.content).unwrap_or_default();
            is_ascii && text.parse::<IpAddr>().is_err() && is_domain(base.content, true)
        }
        _ => true,
    };
    is_good.then_some(())
}

/// Labels of visible characters. Nothing at all will do too.
fn is_domain(name: &[u8], is_constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    let below = name.strip_prefix(b".").filter(|_| is_constraint);
    let mut labels = below.unwrap_or(name).split(|byte| *byte == b'.');
    labels.all(|label| !label.is_empty() && label.iter().all(u8::is_ascii_graphic))
}

/// Bits that are set, then bits that are not.
fn is_mask(mask: &[u8]) -> bool {
    let ones = mask.iter().take_while(|byte| **byte == 0xff).count();
    let mut rest = mask[ones..].iter();
    rest.next().is_none_or(|byte| byte.leading_ones() + byte.trailing_zeros() == 8)
        && rest.all(|byte| *byte == 0)
}

/// `local@domain`, the local part quoted or of the characters that atoms have (RFC 2821 §4.1.2).
fn is_mailbox(text: &[u8]) -> bool {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let is_local = match local.strip_prefix(b"\"") {
        Some(quoted) => quoted.strip_suffix(b"\"").is_some_and(|inner| !inner.contains(&b'"')),
        None => local.split(|byte| *byte == b'.').all(|atom| {
            let is_atom = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(c);
            !atom.is_empty() && atom.iter().all(is_atom)
        }),
    };
    is_local && !domain.is_empty() && is_domain(domain, false)
}
