//! The keys and values of a Secret from names and values of AWS: conversion, properties, decoding.

use std::fmt::Write as _;

use crds::external_secret::{
    self, ConflictPolicy, ConversionStrategy, DecodingStrategy, MergeStrategy, NullBytePolicy,
    PriorityPolicy, RemoteRef, RewriteRegexp,
};
use templates::{
    external_secret::Decoding,
    rewrite::{Merge, Rewrite},
    sealed_secret::Values,
};
use zeroize::Zeroizing;

use crate::reason::{Failure, Reason};

const MAX_KEY_BYTES: usize = 253;

pub(super) fn converted(values: Values, strategy: ConversionStrategy) -> Result<Values, Failure> {
    let mut converted = Values::new();
    for (name, value) in values {
        let key = convert(strategy, &name);
        if converted.contains_key(&key) {
            let message = format!("several names become the key `{}`", key.escape_debug());
            return Err(Failure::new(Reason::Malformed, message));
        }
        converted.insert(key, value);
    }
    Ok(converted)
}

pub(super) fn rewrite(step: &external_secret::Rewrite) -> Option<Rewrite> {
    let external_secret::Rewrite { merge, regexp, transform } = step.clone();
    if let Some(merge) = merge {
        return Some(Rewrite::Merge(Merge {
            into: (merge.strategy == MergeStrategy::JSON).then_some(merge.into),
            priority: merge.priority,
            ignores_missing: merge.priority_policy == PriorityPolicy::IgnoreNotFound,
            ignores_conflicts: merge.conflict_policy == ConflictPolicy::Ignore,
        }));
    }
    if let Some(RewriteRegexp { source, target }) = regexp {
        return Some(Rewrite::Regexp { source, target });
    }
    transform.map(|transform| Rewrite::Transform { template: transform.template })
}

pub(super) fn members_of(value: &[u8], reference: &RemoteRef) -> Result<Values, Failure> {
    let value = property_of(value, reference)?;
    let members = gjson::members(&value).ok_or_else(|| {
        let key = reference.key.escape_debug();
        Failure::new(Reason::Malformed, format!("the value of `{key}` is not a JSON object"))
    })?;
    Ok(members.into_iter().collect())
}

pub(super) fn property_of(
    value: &[u8],
    reference: &RemoteRef,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if reference.property.is_empty() {
        return Ok(Zeroizing::new(value.to_vec()));
    }
    let (key, path) = (reference.key.escape_debug(), reference.property.escape_debug());
    gjson::get_name_or_path(value, &reference.property).map_err(|error| match error {
        gjson::Error::Missing => Failure::new(
            Reason::PropertyMissing,
            format!("the value of `{key}` has no property `{path}`"),
        ),
        gjson::Error::TooComplex => Failure::new(
            Reason::Malformed,
            format!("the property path `{path}` is too complex for `{key}`: use a simpler one"),
        ),
    })
}

pub(super) fn decode(
    value: Zeroizing<Vec<u8>>,
    strategy: DecodingStrategy,
    null_bytes: NullBytePolicy,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let value = decoding(strategy).decode(&value).ok_or_else(|| {
        let message = format!("the value is not encoded as decodingStrategy {strategy:?} requires");
        Failure::new(Reason::Malformed, message)
    })?;
    if null_bytes == NullBytePolicy::Fail && value.contains(&0) {
        let message = "the value has null bytes, which nullBytePolicy forbids";
        return Err(Failure::new(Reason::Malformed, message));
    }
    Ok(value)
}

pub(super) fn decoding(strategy: DecodingStrategy) -> Decoding {
    match strategy {
        DecodingStrategy::None => Decoding::None,
        DecodingStrategy::Base64 => Decoding::Base64,
        DecodingStrategy::Base64URL => Decoding::Base64Url,
        DecodingStrategy::Auto => Decoding::Auto,
    }
}

/// Replaces the characters that a key cannot have.
fn convert(strategy: ConversionStrategy, name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.chars() {
        match strategy {
            _ if is_allowed(c) => key.push(c),
            ConversionStrategy::Default => key.push('_'),
            ConversionStrategy::Unicode => {
                let _ = write!(key, "_U{:04x}_", u32::from(c));
            }
        }
    }
    key
}

/// The error in the name of a key, if any. Letters that are not ASCII pass, as with External Secrets. The
/// API server refuses them (x22).
pub(super) fn invalid_key(key: &str) -> Option<String> {
    if key.len() > MAX_KEY_BYTES {
        let start: String = key.chars().take(63).collect();
        let bytes = key.len();
        return Some(format!(
            "the key `{start}…` has {bytes} bytes, and {MAX_KEY_BYTES} are allowed"
        ));
    }
    let forbidden = key.chars().find(|c| !is_allowed(*c))?;
    Some(format!("the key `{}` has `{}`", key.escape_debug(), forbidden.escape_debug()))
}

fn is_allowed(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || matches!(c, '-' | '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_characters_are_replaced() {
        use ConversionStrategy::{Default, Unicode};
        assert_eq!(convert(Default, "g/find/two"), "g_find_two");
        assert_eq!(convert(Unicode, "a b/ü"), "a_U0020_b_U002f_ü");
        assert_eq!(convert(Default, "a-b.c_d"), "a-b.c_d");
    }

    #[test]
    fn error_names_the_key() {
        assert_eq!(invalid_key("ключ.a-b_1"), None);
        assert_eq!(invalid_key("a b").unwrap(), "the key `a b` has ` `");
        assert!(invalid_key(&"k".repeat(254)).unwrap().contains("254 bytes"));
    }
}
