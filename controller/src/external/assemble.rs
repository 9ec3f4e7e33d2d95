//! The values of a Secret from what AWS answered: pure.
//!
//! Order (as recorded): every entry of `dataFrom`, the later over the earlier, then every entry of
//! `data`. One value that is not as it should be fails the whole object, and all of those are told.

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
    fetch::{Entries, Fetched, Found, One, is_gone},
    key_names,
    versions::Versions,
};
use crate::{
    aws::{ReadResponse, ReadVersion},
    reason::{Failure, Reason},
};

/// The values, and what else came out.
pub struct Assembled {
    /// By key.
    pub values: Values,
    /// The entries whose value is gone, where that is no error.
    pub missing: Vec<String>,
    /// The versions that were read, by key.
    pub versions: Vec<(String, ReadVersion)>,
}

/// What is wrong with an entry, and which: `data[0] (key g/plain)`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// The entry.
    pub entry: String,
    /// What is wrong.
    pub failure: Failure,
}

/// Makes what templates may take of time and space.
pub trait Environments {
    /// One rendering's.
    fn environment(&mut self) -> Environment<'_>;
}

/// Puts the values together.
///
/// # Errors
/// All that is wrong.
pub fn assemble(
    spec: &ExternalSecretSpec,
    entries: Entries,
    versions: &mut Versions,
    dialect: &Dialect,
    environments: &mut dyn Environments,
    now: Instant,
) -> Result<Assembled, Vec<Complaint>> {
    let unlisted = entries.from.iter().filter_map(|fetched| match fetched {
        Fetched::Found(Found { unlisted, .. }) => Some(unlisted),
        Fetched::One(_) | Fetched::Not(_) => None,
    });
    versions.unlisted(unlisted.flatten().cloned().collect(), now);
    let mut all = Assembled { values: Values::new(), missing: Vec::new(), versions: Vec::new() };
    let mut complaints = Vec::new();
    // Tags are not the value: who is told that there are none is not told that the value is gone.
    let may_be_gone = |reference: Option<&RemoteRef>| {
        let is_value = reference.is_none_or(|one| one.metadata_policy != MetadataPolicy::Fetch);
        is_value && spec.target.deletion_policy != DeletionPolicy::Retain
    };
    let mut take =
        |entry: String, of: Option<&RemoteRef>, outcome: Result<Values, Failure>| match outcome {
            Ok(values) => all.values.extend(values),
            Err(failure) if may_be_gone(of) && is_gone(&failure) => all.missing.push(entry),
            Err(failure) => complaints.push(Complaint { entry, failure }),
        };
    for (index, (from, fetched)) in spec.data_from.iter().zip(entries.from).enumerate() {
        let kind = if from.find.is_some() { "find" } else { "extract" };
        let outcome = in_time(environments)
            .and_then(|()| opened(fetched, versions, &mut all.versions, now))
            .and_then(|opened| many(from, opened, dialect, environments));
        take(format!("dataFrom[{index}].{kind}"), from.extract.as_ref(), outcome);
    }
    for (index, (data, fetched)) in spec.data.iter().zip(entries.data).enumerate() {
        let reference = &data.remote_ref;
        let opened =
            in_time(environments).and_then(|()| opened(fetched, versions, &mut all.versions, now));
        let outcome = opened.and_then(|opened| {
            let Opened::One(value) = opened else { return Err(no_value()) };
            let value = part(&value, reference)?;
            let value = finished(value, reference.decoding_strategy, reference.null_byte_policy)?;
            Ok([(data.secret_key.clone(), value)].into())
        });
        let key: String = reference.key.chars().take(512).collect();
        take(format!("data[{index}] (key {})", key.escape_debug()), Some(reference), outcome);
    }
    if complaints.is_empty() { Ok(all) } else { Err(complaints) }
}

/// Whether there is time left.
fn in_time(environments: &mut dyn Environments) -> Result<(), Failure> {
    if (environments.environment().deadline_exceeded)() {
        let message = "the values before this one have taken all the time that an object has";
        return Err(Failure::new(Reason::TemplateInvalid, message));
    }
    Ok(())
}

enum Opened {
    One(Zeroizing<Vec<u8>>),
    Many(Values),
}

/// The bytes, if they are not older than what was read before.
fn opened(
    fetched: Fetched,
    versions: &mut Versions,
    read: &mut Vec<(String, ReadVersion)>,
    now: Instant,
) -> Result<Opened, Failure> {
    let mut bytes = |one: One| {
        let answer = one.answer?;
        let ReadResponse::Value(value) = &*answer else { return Err(no_value()) };
        if let (Some(version), Some(key)) = (&value.version, one.key) {
            if !versions.accepts(&key, version, now) {
                let message = "AWS gives an older version than it gave before: it is taken when it \
                               stays for a minute";
                return Err(Failure::new(Reason::Unavailable, message));
            }
            read.push((key, version.clone()));
        }
        Ok(value.bytes.clone())
    };
    match fetched {
        Fetched::Not(failure) => Err(failure),
        Fetched::One(one) => bytes(one).map(Opened::One),
        Fetched::Found(found) => {
            let found = found.values?.into_iter().map(|(name, one)| Ok((name, bytes(one)?)));
            found.collect::<Result<_, _>>().map(Opened::Many)
        }
    }
}

fn no_value() -> Failure {
    Failure::new(Reason::Malformed, "AWS gave no value")
}

/// An entry of `dataFrom`: rewritten, or else converted, and then decoded.
fn many(
    from: &DataFrom,
    opened: Opened,
    dialect: &Dialect,
    environments: &mut dyn Environments,
) -> Result<Values, Failure> {
    let (mut values, conversion, decoding, nulls) = match (opened, &from.extract, &from.find) {
        (Opened::One(value), Some(extract), _) => {
            let value = part(&value, extract)?;
            let members = gjson::members(&value).ok_or_else(|| {
                let key = extract.key.escape_debug();
                Failure::new(
                    Reason::Malformed,
                    format!("the value of `{key}` is not a JSON object"),
                )
            })?;
            let extract = &extract;
            let values: Values = members.into_iter().collect();
            (
                values,
                extract.conversion_strategy,
                extract.decoding_strategy,
                extract.null_byte_policy,
            )
        }
        (Opened::Many(values), _, Some(find)) => {
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
    // An empty key takes a value out: a trick that manifests use.
    values.remove("");
    if let Some(complaint) = values.keys().find_map(|key| key_names::complaint(key)) {
        let remedy = "use a conversionStrategy or a rewrite";
        return Err(Failure::new(Reason::Malformed, format!("{complaint}: {remedy}")));
    }
    let finish = |(key, value): (String, Zeroizing<Vec<u8>>)| {
        finished(value, decoding, nulls)
            .map_err(|failure| {
                Failure::new(failure.reason, format!("`{key}`: {}", failure.message))
            })
            .map(|value| (key, value))
    };
    values.into_iter().map(finish).collect()
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

fn part(value: &[u8], reference: &RemoteRef) -> Result<Zeroizing<Vec<u8>>, Failure> {
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
            format!("the property `{path}` takes too much of `{key}`: use a simpler one"),
        ),
    })
}

fn finished(
    value: Zeroizing<Vec<u8>>,
    decoding: DecodingStrategy,
    nulls: NullBytePolicy,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (decoding, name) = match decoding {
        DecodingStrategy::None => (Decoding::None, "None"),
        DecodingStrategy::Base64 => (Decoding::Base64, "Base64"),
        DecodingStrategy::Base64URL => (Decoding::Base64Url, "Base64URL"),
        DecodingStrategy::Auto => (Decoding::Auto, "Auto"),
    };
    let value = decoding.decode(&value).ok_or_else(|| {
        let message = format!("the value is not encoded as its decodingStrategy {name} says");
        Failure::new(Reason::Malformed, message)
    })?;
    if nulls == NullBytePolicy::Fail && value.contains(&0) {
        let message = "the value has null bytes, which its nullBytePolicy forbids";
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

    /// Has as much time as there is, or none.
    #[derive(Default)]
    pub(in crate::external) struct Clock {
        random: rand::rngs::ThreadRng,
        is_over: bool,
    }

    impl Environments for Clock {
        fn environment(&mut self) -> Environment<'_> {
            Environment {
                now: Timestamp::UNIX_EPOCH,
                random: &mut self.random,
                limits: templates::Limits::default(),
                deadline_exceeded: if self.is_over { &|| true } else { &|| false },
            }
        }
    }

    fn assembled(is_over: bool) -> Result<Assembled, Vec<Complaint>> {
        let data = json!({ "secretKey": "A", "remoteRef": { "key": "a", "property": "x.y" } });
        let spec = serde_json::from_value(json!({ "data": [data] })).unwrap();
        let bytes = Zeroizing::new(br#"{"x":{"y":"1"}}"#.to_vec());
        let answer = Ok(Arc::new(ReadResponse::Value(Value { bytes, version: None })));
        let one = Fetched::One(One { key: Some("a".to_owned()), answer });
        let entries = Entries { from: vec![], data: vec![one] };
        let mut clock = Clock { is_over, ..Clock::default() };
        let dialect = templates::dialect::external_secret();
        let versions = &mut Versions::default();
        assemble(&spec, entries, versions, &dialect, &mut clock, Instant::now())
    }

    /// A path may take a tenth of a second, and an object may have ten thousand.
    #[test]
    fn an_object_that_has_taken_all_its_time_is_told_so() {
        assert_eq!(assembled(false).ok().unwrap().values["A"].as_slice(), b"1");
        let complaints = assembled(true).err().unwrap();
        assert_eq!(complaints[0].entry, "data[0] (key a)");
        assert_eq!(complaints[0].failure.reason, Reason::TemplateInvalid);
    }
}
