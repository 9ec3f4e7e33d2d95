//! The values of a Secret from the answers of AWS: pure.
//!
//! The order is recorded: every entry of `dataFrom`, where later ones overwrite earlier ones, then every
//! entry of `data`. One failed entry fails the whole object, and all failed entries are reported.

use crds::{
    ExternalSecretSpec,
    external_secret::{
        ConflictPolicy, ConversionStrategy, DataFrom, DecodingStrategy, DeletionPolicy,
        MergeStrategy, MetadataPolicy, NullBytePolicy, PriorityPolicy, RemoteRef,
    },
};
use templates::{
    Dialect, Environment,
    external_secret::Decoding,
    rewrite::{Merge, Rewrite},
    sealed_secret::Values,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    fetch::entry::{FetchedEntries, FetchedEntry, FetchedValue, FoundValues, is_gone},
    key_names,
    outcome::EntryError,
    versions::Versions,
};
use crate::{
    aws::{ReadResponse, ReadVersion},
    reason::{Failure, Reason},
};

pub(super) struct Assembled {
    pub(super) values: Values,
    /// The entries whose value is gone, where the deletion policy allows that.
    pub(super) missing: Vec<String>,
    /// The versions that were read, by key.
    pub(super) versions: Vec<(String, ReadVersion)>,
}

/// Gives each rendering its limits.
pub(super) trait Environments {
    fn environment(&mut self) -> Environment<'_>;
}

/// The values of one entry.
enum Plaintext {
    One(Zeroizing<Vec<u8>>),
    Many(Values),
}

/// # Errors
/// One for each failed entry.
pub(super) fn assemble(
    spec: &ExternalSecretSpec,
    entries: FetchedEntries,
    versions: &mut Versions,
    dialect: &Dialect,
    environments: &mut dyn Environments,
    now: Instant,
) -> Result<Assembled, Vec<EntryError>> {
    versions.record_unlisted(entries.unlisted(), now);
    let mut all = Assembled { values: Values::new(), missing: Vec::new(), versions: Vec::new() };
    let mut errors = Vec::new();
    // A secret without tags is not gone.
    let may_be_gone = |reference: Option<&RemoteRef>| {
        let is_value = reference.is_none_or(|one| one.metadata_policy != MetadataPolicy::Fetch);
        is_value && spec.target.deletion_policy != DeletionPolicy::Retain
    };
    let mut take = |entry: String,
                    reference: Option<&RemoteRef>,
                    result: Result<Values, Failure>| match result {
        Ok(values) => all.values.extend(values),
        Err(failure) if may_be_gone(reference) && is_gone(&failure) => all.missing.push(entry),
        Err(failure) => errors.push(EntryError { entry, failure }),
    };
    for (index, (from, fetched)) in spec.data_from.iter().zip(entries.data_from).enumerate() {
        let kind = if from.find.is_some() { "find" } else { "extract" };
        let result = check_deadline(environments)
            .and_then(|()| plaintext(fetched, versions, &mut all.versions, now))
            .and_then(|plaintext| many_values(from, plaintext, dialect, environments));
        take(format!("dataFrom[{index}].{kind}"), from.extract.as_ref(), result);
    }
    for (index, (data, fetched)) in spec.data.iter().zip(entries.data).enumerate() {
        let reference = &data.remote_ref;
        let result = check_deadline(environments)
            .and_then(|()| plaintext(fetched, versions, &mut all.versions, now))
            .and_then(|plaintext| one_value(reference, plaintext));
        let result = result.map(|value| [(data.secret_key.clone(), value)].into());
        let key: String = reference.key.chars().take(512).collect();
        take(format!("data[{index}] (key {})", key.escape_debug()), Some(reference), result);
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

fn check_deadline(environments: &mut dyn Environments) -> Result<(), Failure> {
    let deadline_exceeded = environments.environment().deadline_exceeded;
    if deadline_exceeded() {
        return Err(Failure::new(Reason::TemplateInvalid, "render time limit exceeded"));
    }
    Ok(())
}

/// The bytes, unless their version is older than the last one.
fn plaintext(
    fetched: FetchedEntry,
    versions: &mut Versions,
    read: &mut Vec<(String, ReadVersion)>,
    now: Instant,
) -> Result<Plaintext, Failure> {
    let mut bytes = |fetched: FetchedValue| {
        let answer = fetched.answer?;
        let ReadResponse::Value(value) = &*answer else { return Err(no_value()) };
        if let (Some(version), Some(key)) = (&value.version, fetched.version_key) {
            if !versions.accepts(&key, version, now) {
                let message = "AWS returned an older version than last time; it will be used if it \
                               persists for one minute";
                return Err(Failure::new(Reason::Unavailable, message));
            }
            read.push((key, version.clone()));
        }
        Ok(value.bytes.clone())
    };
    match fetched {
        FetchedEntry::Invalid(failure) => Err(failure),
        FetchedEntry::Value(value) => bytes(value).map(Plaintext::One),
        FetchedEntry::Found(FoundValues { values, .. }) => {
            let values = values?.into_iter().map(|(name, value)| Ok((name, bytes(value)?)));
            values.collect::<Result<_, _>>().map(Plaintext::Many)
        }
    }
}

fn no_value() -> Failure {
    Failure::new(Reason::Malformed, "AWS returned no value")
}

/// An entry of `data`.
fn one_value(reference: &RemoteRef, plaintext: Plaintext) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let Plaintext::One(value) = plaintext else { return Err(no_value()) };
    let value = property_of(&value, reference)?;
    decode(value, reference.decoding_strategy, reference.null_byte_policy)
}

/// An entry of `dataFrom`. Its keys are rewritten or converted, then its values are decoded.
fn many_values(
    from: &DataFrom,
    plaintext: Plaintext,
    dialect: &Dialect,
    environments: &mut dyn Environments,
) -> Result<Values, Failure> {
    let (mut values, conversion, decoding, null_bytes) =
        match (plaintext, &from.extract, &from.find) {
            (Plaintext::One(value), Some(extract), _) => (
                members_of(&value, extract)?,
                extract.conversion_strategy,
                extract.decoding_strategy,
                extract.null_byte_policy,
            ),
            (Plaintext::Many(values), _, Some(find)) => {
                (values, find.conversion_strategy, find.decoding_strategy, find.null_byte_policy)
            }
            _ => return Err(no_value()),
        };
    if from.rewrite.is_empty() {
        values = converted(values, conversion)?;
    }
    for (index, step) in from.rewrite.iter().enumerate() {
        let Some(step) = rewrite(step) else { continue };
        let rewritten = step.apply(values, dialect, environments.environment());
        values = rewritten.map_err(|error| {
            Failure::new(Reason::TemplateInvalid, format!("rewrite[{index}]: {error}"))
        })?;
    }
    // Manifests remove a value by rewriting its key to an empty one.
    values.remove("");
    if let Some(error) = values.keys().find_map(|key| key_names::error(key)) {
        let remedy = "use a conversionStrategy or a rewrite";
        return Err(Failure::new(Reason::Malformed, format!("{error}: {remedy}")));
    }
    let decode = |(key, value): (String, Zeroizing<Vec<u8>>)| {
        decode(value, decoding, null_bytes)
            .map_err(|failure| {
                Failure::new(failure.reason, format!("`{key}`: {}", failure.message))
            })
            .map(|value| (key, value))
    };
    values.into_iter().map(decode).collect()
}

fn converted(values: Values, strategy: ConversionStrategy) -> Result<Values, Failure> {
    let mut converted = Values::new();
    for (name, value) in values {
        let key = key_names::convert(strategy, &name);
        if converted.contains_key(&key) {
            let message = format!("several names become the key `{}`", key.escape_debug());
            return Err(Failure::new(Reason::Malformed, message));
        }
        converted.insert(key, value);
    }
    Ok(converted)
}

fn rewrite(step: &crds::external_secret::Rewrite) -> Option<Rewrite> {
    if let Some(merge) = &step.merge {
        return Some(Rewrite::Merge(Merge {
            into: (merge.strategy == MergeStrategy::JSON).then(|| merge.into.clone()),
            priority: merge.priority.clone(),
            ignores_missing: merge.priority_policy == PriorityPolicy::IgnoreNotFound,
            ignores_conflicts: merge.conflict_policy == ConflictPolicy::Ignore,
        }));
    }
    if let Some(regexp) = &step.regexp {
        return Some(Rewrite::Regexp {
            source: regexp.source.clone(),
            target: regexp.target.clone(),
        });
    }
    let transform = step.transform.as_ref()?;
    Some(Rewrite::Transform { template: transform.template.clone() })
}

fn members_of(value: &[u8], reference: &RemoteRef) -> Result<Values, Failure> {
    let value = property_of(value, reference)?;
    let members = gjson::members(&value).ok_or_else(|| {
        let key = reference.key.escape_debug();
        Failure::new(Reason::Malformed, format!("the value of `{key}` is not a JSON object"))
    })?;
    Ok(members.into_iter().collect())
}

fn property_of(value: &[u8], reference: &RemoteRef) -> Result<Zeroizing<Vec<u8>>, Failure> {
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

fn decode(
    value: Zeroizing<Vec<u8>>,
    decoding: DecodingStrategy,
    null_bytes: NullBytePolicy,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (decoding, name) = match decoding {
        DecodingStrategy::None => (Decoding::None, "None"),
        DecodingStrategy::Base64 => (Decoding::Base64, "Base64"),
        DecodingStrategy::Base64URL => (Decoding::Base64Url, "Base64URL"),
        DecodingStrategy::Auto => (Decoding::Auto, "Auto"),
    };
    let value = decoding.decode(&value).ok_or_else(|| {
        let message = format!("the value is not encoded as decodingStrategy {name} requires");
        Failure::new(Reason::Malformed, message)
    })?;
    if null_bytes == NullBytePolicy::Fail && value.contains(&0) {
        let message = "the value has null bytes, which nullBytePolicy forbids";
        return Err(Failure::new(Reason::Malformed, message));
    }
    Ok(value)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::aws::Value;

    /// Without limits, and with a deadline that is never or always exceeded.
    #[derive(Default)]
    pub(in crate::external) struct Unlimited {
        random: rand::rngs::ThreadRng,
        deadline_exceeded: bool,
    }

    impl Environments for Unlimited {
        fn environment(&mut self) -> Environment<'_> {
            Environment {
                now: Timestamp::UNIX_EPOCH,
                random: &mut self.random,
                limits: templates::Limits::default(),
                deadline_exceeded: if self.deadline_exceeded { &|| true } else { &|| false },
            }
        }
    }

    fn assembled(deadline_exceeded: bool) -> Result<Assembled, Vec<EntryError>> {
        let data = json!({ "secretKey": "A", "remoteRef": { "key": "a", "property": "x.y" } });
        let spec = serde_json::from_value(json!({ "data": [data] })).unwrap();
        let bytes = Zeroizing::new(br#"{"x":{"y":"1"}}"#.to_vec());
        let answer = Ok(Arc::new(ReadResponse::Value(Value { bytes, version: None })));
        let value = FetchedValue { version_key: Some("a".to_owned()), answer };
        let entries = FetchedEntries { data_from: vec![], data: vec![FetchedEntry::Value(value)] };
        let mut environments = Unlimited { deadline_exceeded, ..Unlimited::default() };
        let dialect = templates::dialect::external_secret();
        let versions = &mut Versions::default();
        assemble(&spec, entries, versions, &dialect, &mut environments, Instant::now())
    }

    /// One path may take a tenth of a second, and an object may have ten thousand.
    #[test]
    fn exceeded_deadline_fails_the_remaining_entries() {
        assert_eq!(assembled(false).ok().unwrap().values["A"].as_slice(), b"1");
        let errors = assembled(true).err().unwrap();
        assert_eq!(errors[0].entry, "data[0] (key a)");
        assert_eq!(errors[0].failure.reason, Reason::TemplateInvalid);
    }
}
