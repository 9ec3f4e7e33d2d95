//! Asks AWS for everything that one ExternalSecret wants.

use std::{collections::BTreeMap, sync::Arc};

use crds::{
    ExternalSecret,
    external_secret::{DataFrom, Find, MetadataPolicy, RemoteRef, SourceRef, StoreRef},
    secret_store::AwsService,
};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use templates::rewrite::Matcher;

use super::versions::Versions;
use crate::{
    aws::{Answer, Filter, ReadError, Version, Want, pool::Reader},
    reason::{Failure, Reason},
};

/// A store that values are read from.
pub struct Source {
    /// Its name, for people.
    pub store: String,
    /// Its service.
    pub service: AwsService,
    /// Its region.
    pub region: String,
    /// What all keys begin with.
    pub prefix: String,
    /// Who reads.
    pub reader: Arc<Reader>,
}

/// The stores of an object; why one cannot be used.
pub type Sources = BTreeMap<StoreName, Result<Source, Failure>>;
/// A reference, in a form that sorts: whether it is of the cluster, and the name.
pub type StoreName = (bool, String);

/// What came of one entry.
pub enum Fetched {
    /// One value was asked for.
    One(One),
    /// Many were.
    Found(Result<Vec<(String, One)>, Failure>),
    /// It cannot be asked for.
    Not(Failure),
}

/// What came of one value.
pub struct One {
    /// What was asked for.
    pub want: Want,
    /// What was answered, with errors in our words.
    pub answer: Result<Arc<Answer>, Failure>,
}

/// All entries of an object: those of `dataFrom`, then those of `data`.
pub struct Entries {
    /// Those of `dataFrom`.
    pub from: Vec<Fetched>,
    /// Those of `data`.
    pub data: Vec<Fetched>,
}

/// The name of a reference.
pub fn name(reference: &StoreRef) -> StoreName {
    let is_cluster = reference.kind == crds::external_secret::StoreKind::ClusterSecretStore;
    (is_cluster, reference.name.clone())
}

/// Reads all values. `versions` tells what was found before, so that a lagging list takes nothing away.
pub async fn fetch(object: &ExternalSecret, sources: &Sources, versions: &Versions) -> Entries {
    let spec = &object.spec;
    let source = |of: &Option<SourceRef>| {
        let own = of.as_ref().and_then(|source| source.store_ref.as_ref());
        let reference = own.unwrap_or(&spec.secret_store_ref);
        let missing = || {
            let message = "no store is named: set spec.secretStoreRef.name";
            Failure::new(Reason::StoreInvalid, message)
        };
        sources.get(&name(reference)).map_or_else(
            || Err(missing()),
            |source| match source {
                Ok(source) => Ok(source),
                Err(failure) => Err(failure.clone()),
            },
        )
    };
    let from = spec.data_from.iter().map(|entry| -> BoxFuture<'_, Fetched> {
        let generator = entry.source_ref.as_ref().and_then(|source| source.generator_ref.as_ref());
        if let Some(generator) = generator {
            let message =
                format!("generators ({}) are not supported", generator.kind.escape_debug());
            return futures::future::ready(Fetched::Not(Failure::new(
                Reason::StoreInvalid,
                message,
            )))
            .boxed();
        }
        match (source(&entry.source_ref), entry) {
            (Err(failure), _) => futures::future::ready(Fetched::Not(failure)).boxed(),
            (Ok(source), DataFrom { extract: Some(extract), .. }) => one(source, extract).boxed(),
            (Ok(source), DataFrom { find: Some(find), .. }) => {
                async move { Fetched::Found(found(source, find, versions).await) }.boxed()
            }
            _ => {
                let message = "an entry of dataFrom has neither extract nor find";
                futures::future::ready(Fetched::Not(Failure::new(Reason::Malformed, message)))
                    .boxed()
            }
        }
    });
    let data = spec.data.iter().map(|entry| -> BoxFuture<'_, Fetched> {
        match source(&entry.source_ref) {
            Ok(source) => one(source, &entry.remote_ref).boxed(),
            Err(failure) => futures::future::ready(Fetched::Not(failure)).boxed(),
        }
    });
    let (from, data) = futures::future::join(join_all(from), join_all(data)).await;
    Entries { from, data }
}

async fn one(source: &Source, reference: &RemoteRef) -> Fetched {
    Fetched::One(read(source, want(source, reference)).await)
}

async fn read(source: &Source, want: Want) -> One {
    let answer = source.reader.planner.read(want.clone()).await;
    let answer = answer.map_err(|error| explained(&error, &want, source));
    One { want, answer }
}

/// What a reference wants.
fn want(source: &Source, reference: &RemoteRef) -> Want {
    let key = format!("{}{}", source.prefix, reference.key);
    let is_tags = reference.metadata_policy == MetadataPolicy::Fetch;
    match (source.service, is_tags) {
        (AwsService::ParameterStore, _) => {
            let colon = if reference.version.is_empty() { "" } else { ":" };
            let name = format!("{key}{colon}{}", reference.version);
            if is_tags { Want::ParameterTags { name } } else { Want::Parameter { name } }
        }
        (_, true) => Want::SecretTags { id: key },
        (_, false) => Want::Secret { id: key, version: Version::parse(&reference.version) },
    }
}

async fn found(
    source: &Source,
    find: &Find,
    versions: &Versions,
) -> Result<Vec<(String, One)>, Failure> {
    let matcher = match &find.name {
        Some(name) => Some(Matcher::new(&name.regexp).map_err(|error| {
            Failure::new(Reason::Malformed, format!("find.name.regexp: {error}"))
        })?),
        None if find.tags.is_empty() => {
            let message = "find has neither name nor tags: it would be everything";
            return Err(Failure::new(Reason::Malformed, message));
        }
        None => None,
    };
    let fits = |name: &str| matcher.as_ref().is_none_or(|matcher| matcher.is_match(name));
    let is_secrets = source.service != AwsService::ParameterStore;
    // The prefix of a store stands before what is looked for too.
    let path = match (&find.path, source.prefix.as_str()) {
        (None, "") => None,
        (path, prefix) => Some(format!("{prefix}{}", path.as_deref().unwrap_or_default())),
    };
    let filter = Filter { path, tags: find.tags.clone() };
    let current = |name: &str| {
        if is_secrets { Want::current(name) } else { Want::Parameter { name: name.to_owned() } }
    };
    let listing = if is_secrets {
        Want::SecretNames(filter.clone())
    } else if filter.tags.is_empty() {
        Want::ParametersBelow { path: filter.path.clone().unwrap_or_else(|| "/".to_owned()) }
    } else {
        Want::ParameterNames(filter.clone())
    };
    let mut listed = read(source, listing).await;
    if let (Err(failure), Want::ParametersBelow { .. }) = (&listed.answer, &listed.want)
        && failure.reason == Reason::AccessDenied
    {
        // As External Secrets does where that right is missing.
        listed = read(source, Want::ParameterNames(filter.clone())).await;
    }
    let listed = listed.answer?;
    let (names, mut all): (Vec<String>, Vec<(String, One)>) = match &*listed {
        Answer::Names(names) => (names.iter().filter(|name| fits(name)).cloned().collect(), vec![]),
        Answer::Values(values) => {
            let value = |(name, value): (&String, &crate::aws::Value)| {
                let answer = Ok(Arc::new(Answer::Value(value.clone())));
                (name.clone(), One { want: current(name), answer })
            };
            (vec![], values.iter().filter(|(name, _)| fits(name)).map(value).collect())
        }
        Answer::Value(_) => (vec![], vec![]),
    };
    let read_all = names.iter().map(async |name| (name.clone(), read(source, current(name)).await));
    all.extend(join_all(read_all).await);
    // What was there before and is not listed now may be missing from the list alone (F14).
    let is_in_path =
        |name: &str| filter.path.as_ref().is_none_or(|path| name.starts_with(path.as_str()));
    let lost: Vec<&str> = versions
        .names()
        .filter(|name| !name.contains('#') && is_in_path(name) && fits(name))
        .filter(|name| all.iter().all(|(listed, _)| listed != name))
        .collect();
    for name in lost {
        if filter.tags.is_empty() || still_tagged(source, name, &filter, is_secrets).await? {
            all.push((name.to_owned(), read(source, current(name)).await));
        }
    }
    // What is gone by now is no longer found.
    all.retain(|(_, one)| !one.answer.as_ref().is_err_and(is_gone));
    all.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(all)
}

/// Whether a secret has the tags that are looked for.
async fn still_tagged(
    source: &Source,
    name: &str,
    filter: &Filter,
    is_secrets: bool,
) -> Result<bool, Failure> {
    let name = name.to_owned();
    let want =
        if is_secrets { Want::SecretTags { id: name } } else { Want::ParameterTags { name } };
    match read(source, want).await.answer {
        Ok(answer) => {
            let Answer::Value(value) = &*answer else { return Ok(false) };
            let tags: BTreeMap<String, String> =
                serde_json::from_slice(&value.bytes).unwrap_or_default();
            Ok(filter.tags.iter().all(|(key, value)| tags.get(key) == Some(value)))
        }
        Err(failure) if is_gone(&failure) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Whether there is no value any more, as AWS says of this very one.
pub fn is_gone(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::NotFound | Reason::MarkedForDeletion)
}

/// What went wrong, and what to do.
fn explained(error: &ReadError, want: &Want, source: &Source) -> Failure {
    let store = &source.store;
    if let Some(detail) = &error.detail {
        return Failure::new(error.reason, detail.clone());
    }
    let (kind, name) = match want {
        Want::Secret { id, .. } | Want::SecretTags { id } => ("secret", Some(id)),
        Want::Parameter { name } | Want::ParameterTags { name } => ("parameter", Some(name)),
        Want::ParametersBelow { path } => ("parameters below", Some(path)),
        Want::SecretNames(_) | Want::ParameterNames(_) => ("list", None),
    };
    let version = match want {
        Want::Secret { version: Version::Stage(stage), .. } if stage != Version::CURRENT => {
            format!(" in version {}", stage.escape_debug())
        }
        Want::Secret { version: Version::Id(id), .. } => {
            format!(" in version {}", id.escape_debug())
        }
        _ => String::new(),
    };
    let what = name.map_or_else(
        || format!("the {kind}"),
        |name| format!("{kind} `{}`{version}", name.escape_debug()),
    );
    let resource = resource(want, &source.region);
    let action = error.action;
    let message = match error.reason {
        Reason::NotFound => format!("there is no {what} in {} for {store}", source.region),
        Reason::MarkedForDeletion => {
            format!("{what} is marked for deletion in AWS: restore it, or remove the reference")
        }
        Reason::AccessDenied => {
            format!("AWS denies {action} on {resource}: allow it to the role of {store}")
        }
        Reason::KmsDenied => format!(
            "AWS denies kms:Decrypt for {what}: allow the role of {store} to use its KMS key"
        ),
        Reason::Throttled => format!("AWS asks for fewer requests ({action} on {resource})"),
        Reason::Timeout => format!("AWS did not answer in time ({action} on {resource})"),
        Reason::Malformed => format!("AWS finds the request for {what} invalid: check its name"),
        _ => format!("AWS cannot be reached, or fails ({action} on {resource})"),
    };
    Failure::new(error.reason, message)
}

/// The resource as IAM's policies write it.
pub(crate) fn resource(want: &Want, region: &str) -> String {
    match want {
        Want::Secret { id, .. } | Want::SecretTags { id } if id.starts_with("arn:") => id.clone(),
        Want::Secret { id, .. } | Want::SecretTags { id } => {
            format!("arn:aws:secretsmanager:{region}:*:secret:{}-??????", id.escape_debug())
        }
        Want::Parameter { name }
        | Want::ParameterTags { name }
        | Want::ParametersBelow { path: name } => {
            let name = name.split(':').next().unwrap_or_default().trim_start_matches('/');
            format!("arn:aws:ssm:{region}:*:parameter/{}", name.escape_debug())
        }
        Want::SecretNames(_) | Want::ParameterNames(_) => "*".to_owned(),
    }
}
