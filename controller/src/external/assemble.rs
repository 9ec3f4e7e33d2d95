//! The values of a Secret from the answers of AWS: pure. The order is recorded: every entry of `dataFrom`,
//! where later ones overwrite earlier ones, then every entry of `data`.

use crds::{
    ExternalSecretSpec,
    external_secret::{Data, DataFrom, DeletionPolicy, MetadataPolicy, RemoteRef},
};
use jiff::Timestamp;
use templates::{Dialect, Environment, Limits, SharedMemory, sealed_secret::Values};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    budget::ByteBudget,
    conversion::{converted, decode, invalid_key, members_of, property_of, rewrite},
    outcome::EntryError,
    read::{FetchedEntries, FetchedEntry, FetchedValue, is_gone},
    versions::Versions,
};
use crate::{
    aws::{ReadResponse, ReadVersion},
    context::template_failure,
    reason::{Failure, Reason},
};

#[derive(Default)]
pub(super) struct Assembled {
    pub(super) values: Values,
    /// The entries whose value is gone, where the deletion policy allows that.
    pub(super) missing: Vec<String>,
}

/// Each rendering of an object has these limits. All of them share the deadline.
pub(super) struct Rendering<'d> {
    pub(super) dialect: &'d Dialect,
    pub(super) started: Instant,
    pub(super) now: Timestamp,
    pub(super) random: rand::rngs::ThreadRng,
    pub(super) limits: Limits,
    pub(super) deadline_exceeded: Box<dyn Fn() -> bool>,
    pub(super) memory: Option<&'d dyn SharedMemory>,
}

impl Rendering<'_> {
    pub(super) fn environment(&mut self) -> Environment<'_> {
        Environment {
            now: self.now,
            random: &mut self.random,
            limits: self.limits,
            deadline_exceeded: &*self.deadline_exceeded,
            memory: self.memory,
        }
    }

    fn check_deadline(&self) -> Result<(), Failure> {
        if (self.deadline_exceeded)() {
            return Err(Failure::new(Reason::TemplateInvalid, "render time limit exceeded"));
        }
        Ok(())
    }
}

struct Reader<'r> {
    versions: &'r mut Versions,
    read: Vec<(String, ReadVersion)>,
    now: Instant,
    /// The bytes of the values so far.
    held: ByteBudget,
}

/// One failed entry fails the whole object. All failed entries are reported.
pub(super) fn assemble(
    spec: &ExternalSecretSpec,
    entries: FetchedEntries,
    versions: &mut Versions,
    rendering: &mut Rendering<'_>,
) -> Result<Assembled, Vec<EntryError>> {
    versions.record_unlisted(entries.unlisted, rendering.started);
    let mut reader =
        Reader { versions, read: Vec::new(), now: rendering.started, held: ByteBudget::default() };
    let (mut all, mut errors) = (Assembled::default(), Vec::new());
    // A secret without tags is not gone.
    let may_be_gone = |reference: Option<&RemoteRef>| {
        let is_value = reference.is_none_or(|one| one.metadata_policy != MetadataPolicy::Fetch);
        is_value && spec.target.deletion_policy != DeletionPolicy::Retain
    };
    let mut take = |entry: String, reference: Option<&RemoteRef>, result| match result {
        Ok(values) => all.values.extend::<Values>(values),
        Err(failure) if may_be_gone(reference) && is_gone(&failure) => all.missing.push(entry),
        Err(failure) => errors.push(EntryError { entry, failure }),
    };
    for (index, (from, fetched)) in spec.data_from.iter().zip(entries.data_from).enumerate() {
        let kind = if from.find.is_some() { "find" } else { "extract" };
        let result = rendering.check_deadline().and(fetched);
        let result = result.and_then(|entry| reader.many_values(from, entry, rendering));
        take(format!("dataFrom[{index}].{kind}"), from.extract.as_ref(), result);
    }
    for (index, (data, fetched)) in spec.data.iter().zip(entries.data).enumerate() {
        let result = rendering.check_deadline().and(fetched);
        let result = result.and_then(|entry| reader.one_value(data, entry));
        let key: String = data.remote_ref.key.chars().take(512).collect();
        let entry = format!("data[{index}] (key {})", key.escape_debug());
        take(entry, Some(&data.remote_ref), result);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    reader.versions.record_taken(reader.read);
    Ok(all)
}

impl Reader<'_> {
    fn one_value(&mut self, data: &Data, entry: FetchedEntry) -> Result<Values, Failure> {
        let FetchedEntry::One(value) = entry else { return Err(no_value()) };
        let reference = &data.remote_ref;
        let value = property_of(&self.bytes(value)?, reference)?;
        let value = decode(value, reference.decoding_strategy, reference.null_byte_policy)?;
        self.held.charge(value.len())?;
        Ok([(data.secret_key.clone(), value)].into())
    }

    fn many_values(
        &mut self,
        from: &DataFrom,
        entry: FetchedEntry,
        rendering: &mut Rendering<'_>,
    ) -> Result<Values, Failure> {
        let (conversion, decoding, null_bytes) = match (&from.extract, &from.find) {
            (Some(one), _) => {
                (one.conversion_strategy, one.decoding_strategy, one.null_byte_policy)
            }
            (_, Some(all)) => {
                (all.conversion_strategy, all.decoding_strategy, all.null_byte_policy)
            }
            (None, None) => return Err(no_value()),
        };
        let mut values = match (entry, &from.extract) {
            (FetchedEntry::One(value), Some(extract)) => members_of(&self.bytes(value)?, extract)?,
            (FetchedEntry::Found(found), None) => {
                let values = found.into_iter().map(|(name, value)| Ok((name, self.bytes(value)?)));
                values.collect::<Result<_, Failure>>()?
            }
            _ => return Err(no_value()),
        };
        let had_values = !values.is_empty();
        if from.rewrite.is_empty() {
            values = converted(values, conversion)?;
        }
        for (index, step) in from.rewrite.iter().enumerate() {
            let Some(step) = rewrite(step) else { continue };
            let rewritten = step.apply(values, rendering.dialect, rendering.environment());
            values = rewritten.map_err(|error| {
                template_failure(&format!("rewrite[{index}]: {error}"), error.limit())
            })?;
        }
        // Manifests remove a value by rewriting its key to an empty one.
        values.remove("");
        if had_values && values.is_empty() && !from.rewrite.is_empty() {
            let message = "rewrite leaves no key: keep one, or remove the entry";
            return Err(Failure::new(Reason::TemplateInvalid, message));
        }
        if let Some(error) = values.keys().find_map(|key| invalid_key(key)) {
            let remedy = "use a conversionStrategy or a rewrite";
            return Err(Failure::new(Reason::Malformed, format!("{error}: {remedy}")));
        }
        let decode = |(key, value)| match decode(value, decoding, null_bytes) {
            Ok(value) => Ok((key, value)),
            Err(Failure { reason, message }) => {
                Err(Failure::new(reason, format!("`{key}`: {message}")))
            }
        };
        self.held.charge(values.values().map(|value| value.len()).sum())?;
        values.into_iter().map(decode).collect()
    }

    /// The bytes, unless their version is older than the last one.
    fn bytes(&mut self, fetched: FetchedValue) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let answer = fetched.answer?;
        let ReadResponse::Value(value) = &*answer else { return Err(no_value()) };
        if let (Some(version), Some(key)) = (&value.version, fetched.version_key) {
            if !self.versions.accepts(&key, version, self.now) {
                let message = "AWS returned an older version than last time; it will be used if it \
                               persists for one minute";
                return Err(Failure::new(Reason::Unavailable, message));
            }
            self.read.push((key, version.clone()));
        }
        Ok(value.bytes.clone())
    }
}

fn no_value() -> Failure {
    Failure::new(Reason::Malformed, "AWS returned no value")
}

#[cfg(test)]
pub(super) mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use serde_json::json;

    use super::*;
    use crate::aws::Value;

    /// Without limits, and with a deadline that is never or always exceeded.
    pub(in crate::external) fn rendering(
        dialect: &Dialect,
        started: Instant,
        deadline_exceeded: bool,
    ) -> Rendering<'_> {
        Rendering {
            dialect,
            started,
            now: Timestamp::UNIX_EPOCH,
            random: rand::rng(),
            limits: Limits::default(),
            deadline_exceeded: Box::new(move || deadline_exceeded),
            memory: None,
        }
    }

    fn assembled(deadline_exceeded: bool) -> Result<Assembled, Vec<EntryError>> {
        let data = json!({ "secretKey": "A", "remoteRef": { "key": "a", "property": "x.y" } });
        let spec = serde_json::from_value(json!({ "data": [data] })).unwrap();
        let bytes = Zeroizing::new(br#"{"x":{"y":"1"}}"#.to_vec());
        let answer = Ok(Arc::new(ReadResponse::Value(Value { bytes, version: None })));
        let value = FetchedValue { version_key: Some("a".to_owned()), answer };
        let data = vec![Ok(FetchedEntry::One(value))];
        let entries = FetchedEntries { data_from: vec![], data, unlisted: BTreeSet::new() };
        let dialect = templates::dialect::external_secret();
        let mut rendering = rendering(&dialect, Instant::now(), deadline_exceeded);
        assemble(&spec, entries, &mut Versions::default(), &mut rendering)
    }

    /// The values of one secret with the members `a` and `b`, after a rewrite of its keys.
    fn rewritten(source: &str, bytes: &[u8]) -> Result<Assembled, Vec<EntryError>> {
        let rewrite = json!([{ "regexp": { "source": source, "target": "" } }]);
        let from = json!({ "extract": { "key": "a" }, "rewrite": rewrite });
        let spec = serde_json::from_value(json!({ "dataFrom": [from] })).unwrap();
        let bytes = Zeroizing::new(bytes.to_vec());
        let answer = Ok(Arc::new(ReadResponse::Value(Value { bytes, version: None })));
        let data_from = vec![Ok(FetchedEntry::One(FetchedValue { version_key: None, answer }))];
        let entries = FetchedEntries { data_from, data: vec![], unlisted: BTreeSet::new() };
        let dialect = templates::dialect::external_secret();
        let mut rendering = rendering(&dialect, Instant::now(), false);
        assemble(&spec, entries, &mut Versions::default(), &mut rendering)
    }

    /// Without keys, the deletion policy would decide about the Secret, as if its values were gone.
    #[test]
    fn rewrite_that_leaves_no_key_is_an_error() {
        let value = br#"{"a":"1","b":"2"}"#;
        let one = rewritten("^a$", value).ok().unwrap();
        assert_eq!(one.values.keys().collect::<Vec<_>>(), ["b"]);
        let errors = rewritten(".*", value).err().unwrap();
        assert_eq!(errors[0].entry, "dataFrom[0].extract");
        assert_eq!(errors[0].failure.reason, Reason::TemplateInvalid);
        assert!(errors[0].failure.message.contains("leaves no key"), "{}", errors[0]);
        assert!(rewritten(".*", b"{}").ok().unwrap().values.is_empty(), "there was no key before");
    }

    /// One secret of 64 KiB, and entries that each hold a copy: two gigabytes of an object of 1.5 MB.
    #[test]
    fn entries_beyond_two_mebibytes_fail_before_they_are_held() {
        let value = Value { bytes: Zeroizing::new(vec![b'x'; 64 << 10]), version: None };
        let answer = Arc::new(ReadResponse::Value(value));
        let assembled = |entries: usize| {
            let data =
                |index| json!({ "secretKey": format!("K{index}"), "remoteRef": { "key": "a" } });
            let spec = json!({ "data": (0..entries).map(data).collect::<Vec<_>>() });
            let value = || FetchedValue { version_key: None, answer: Ok(answer.clone()) };
            let data = (0..entries).map(|_| Ok(FetchedEntry::One(value()))).collect();
            let entries = FetchedEntries { data_from: vec![], data, unlisted: BTreeSet::new() };
            let (dialect, now) = (templates::dialect::external_secret(), Instant::now());
            let spec = serde_json::from_value(spec).unwrap();
            assemble(&spec, entries, &mut Versions::default(), &mut rendering(&dialect, now, false))
        };
        assert_eq!(assembled(32).ok().unwrap().values.len(), 32);
        let errors = assembled(33).err().unwrap();
        assert_eq!(errors[0].entry, "data[32] (key a)");
        assert_eq!(errors[0].failure.reason, Reason::Malformed);
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
