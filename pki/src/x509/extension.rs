//! Extensions (RFC 5280 §4.2). Those that Go reads must be well-formed.

use std::collections::BTreeSet;

use super::{alternative_name, name_constraint};
use crate::{
    der::{BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, constructed, context, tlv},
    oid,
};

/// Identifiers and values. No two extensions may have the same identifier.
pub(super) fn read(mut explicit: Reader<'_>) -> Option<Vec<(&[u8], &[u8])>> {
    let mut list = explicit.sequence()?;
    let mut read = Vec::new();
    let mut seen = BTreeSet::new();
    while !list.is_empty() {
        let mut extension = list.sequence()?;
        let id = extension.oid()?;
        let is_critical = extension.is_next(BOOLEAN) && extension.boolean()?;
        let value = extension.content(OCTET_STRING)?;
        if !seen.insert(id) {
            return None;
        }
        check(id, is_critical, Reader::new(value))?;
        read.push((id, value));
    }
    Some(read)
}

/// An extension that Go reads.
struct Known {
    id: &'static [u8],
    may_be_critical: bool,
    check: fn(Reader<'_>) -> Option<()>,
}

const fn known(id: &'static [u8], check: fn(Reader<'_>) -> Option<()>) -> Known {
    Known { id, may_be_critical: true, check }
}

const fn never_critical(id: &'static [u8], check: fn(Reader<'_>) -> Option<()>) -> Known {
    Known { id, may_be_critical: false, check }
}

const KNOWN: [Known; 13] = [
    never_critical(oid::AUTHORITY_INFORMATION_ACCESS, authority_information_access),
    never_critical(oid::AUTHORITY_KEY_IDENTIFIER, authority_key_identifier),
    known(oid::BASIC_CONSTRAINTS, basic_constraints),
    known(oid::CERTIFICATE_POLICIES, certificate_policies),
    known(oid::CRL_DISTRIBUTION_POINTS, crl_distribution_points),
    known(oid::EXTENDED_KEY_USAGE, extended_key_usage),
    known(oid::INHIBIT_ANY_POLICY, inhibit_any_policy),
    known(oid::KEY_USAGE, key_usage),
    known(oid::NAME_CONSTRAINTS, name_constraint::check),
    known(oid::POLICY_CONSTRAINTS, policy_constraints),
    known(oid::POLICY_MAPPINGS, policy_mappings),
    known(oid::SUBJECT_ALTERNATIVE_NAME, subject_alternative_name),
    never_critical(oid::SUBJECT_KEY_IDENTIFIER, subject_key_identifier),
];

fn check(id: &[u8], is_critical: bool, value: Reader<'_>) -> Option<()> {
    match KNOWN.iter().find(|known| known.id == id) {
        Some(known) if is_critical && !known.may_be_critical => None,
        Some(known) => (known.check)(value),
        None => Some(()),
    }
}

fn authority_information_access(mut value: Reader<'_>) -> Option<()> {
    all(value.sequence()?, |descriptions| {
        let mut description = descriptions.sequence()?;
        description.oid()?;
        description.optional(context(6)).map(|_| ())
    })
}

fn authority_key_identifier(mut value: Reader<'_>) -> Option<()> {
    value.sequence()?.optional(context(0)).map(|_| ())
}

fn basic_constraints(mut value: Reader<'_>) -> Option<()> {
    let mut fields = value.sequence()?;
    if fields.is_next(BOOLEAN) {
        fields.boolean()?;
    }
    if fields.is_next(INTEGER) {
        fields.small().filter(|length| *length >= 0)?;
    }
    Some(())
}

fn certificate_policies(mut value: Reader<'_>) -> Option<()> {
    let mut seen = BTreeSet::new();
    all(value.sequence()?, |policies| {
        let id = policies.sequence()?.content(OBJECT_IDENTIFIER)?;
        let is_new = seen.insert(id.to_vec());
        let ends = id.last().is_some_and(|byte| byte & 0x80 == 0);
        let is_minimal = id.split_inclusive(|byte| byte & 0x80 == 0).all(|n| n[0] != 0x80);
        (is_new && ends && is_minimal).then_some(())
    })
}

fn crl_distribution_points(mut value: Reader<'_>) -> Option<()> {
    all(value.sequence()?, |points| {
        let mut point = points.sequence()?;
        if !point.is_next(constructed(0)) {
            return Some(());
        }
        let mut names = point.within(constructed(0))?.within(constructed(0))?;
        while names.is_next(context(6)) {
            names.element()?;
        }
        Some(())
    })
}

fn extended_key_usage(mut value: Reader<'_>) -> Option<()> {
    all(value.sequence()?, |usages| usages.oid().map(|_| ()))
}

fn inhibit_any_policy(mut value: Reader<'_>) -> Option<()> {
    value.small().map(|_| ())
}

fn key_usage(mut value: Reader<'_>) -> Option<()> {
    value.bits().map(|_| ())
}

fn policy_constraints(mut value: Reader<'_>) -> Option<()> {
    let mut fields = value.sequence()?;
    for tag in [context(0), context(1)] {
        if fields.is_next(tag) {
            // An implicitly tagged integer of 64 bits.
            let integer = tlv(INTEGER, &[fields.content(tag)?]);
            Reader::new(&integer).small()?;
        }
    }
    Some(())
}

fn policy_mappings(mut value: Reader<'_>) -> Option<()> {
    all(value.sequence()?, |mappings| {
        let mut mapping = mappings.sequence()?;
        mapping.content(OBJECT_IDENTIFIER)?;
        mapping.content(OBJECT_IDENTIFIER).map(|_| ())
    })
}

fn subject_alternative_name(mut value: Reader<'_>) -> Option<()> {
    all(value.sequence()?, alternative_name::check)
}

fn subject_key_identifier(mut value: Reader<'_>) -> Option<()> {
    value.content(OCTET_STRING).map(|_| ())
}

/// Whether `check` accepts all elements.
fn all<'a>(
    mut reader: Reader<'a>,
    mut check: impl FnMut(&mut Reader<'a>) -> Option<()>,
) -> Option<()> {
    while !reader.is_empty() {
        check(&mut reader)?;
    }
    Some(())
}
