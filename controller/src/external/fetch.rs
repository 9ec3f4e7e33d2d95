//! Reads all values of one ExternalSecret from AWS.
//! Lists lag (F14). A name that `dataFrom.find` found before and that is not listed now is read by its name. If
//! AWS denies that, it counts as gone once it has been unlisted for long.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use crds::{
    ExternalSecret,
    external_secret::{Find, SourceRef},
    secret_store::AwsService,
};
use futures::{StreamExt as _, TryStreamExt as _, future::join, stream};
use templates::rewrite::Matcher;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    budget::ReadBudget,
    read::{
        FetchedEntries, FetchedEntry, FetchedValue, Location, NamedValues, ReadableStores, is_gone,
    },
    store::StoreKey,
    versions::{self, Versions},
};
use crate::{
    aws::{Filter, ReadRequest, ReadResponse, Value},
    reason::{Failure, Reason},
};

/// How many reads of one object wait for their answers. Later ones are not sent once the object has too many
/// bytes.
const MAX_CONCURRENT_READS: usize = 100;
/// Each holds a compiled expression while it reads.
const MAX_CONCURRENT_FINDS: usize = 4;

/// AWS refuses a whole path if it denies one parameter or its KMS key, or if all are too large together.
const PATH_REFUSALS: [Reason; 3] = [Reason::AccessDenied, Reason::KmsDenied, Reason::Malformed];

/// `versions` has the names of values that were found before.
pub(super) async fn fetch(
    object: &ExternalSecret,
    stores: &ReadableStores,
    versions: &Versions,
    now: Instant,
) -> FetchedEntries {
    let (unlisted, budget) = (Mutex::default(), ReadBudget::default());
    let finds = Semaphore::new(MAX_CONCURRENT_FINDS);
    let data_from = object.spec.data_from.iter().map(async |from| {
        let location =
            locate(object, from.source_ref.as_ref(), from.find.as_ref(), stores, &budget)?;
        if let Some(reference) = &from.extract {
            return Ok(FetchedEntry::One(location.read(&location.request(reference)).await));
        }
        let find = from.find.as_ref().ok_or_else(|| {
            let message = "an entry of dataFrom has neither extract nor find";
            Failure::new(Reason::Malformed, message)
        })?;
        let _turn = finds.acquire().await.expect("the semaphore is never closed");
        Ok(FetchedEntry::Found(location.find(find, versions, now, &unlisted).await?))
    });
    let data = object.spec.data.iter().map(async |data| {
        let location = locate(object, data.source_ref.as_ref(), None, stores, &budget)?;
        Ok(FetchedEntry::One(location.read(&location.request(&data.remote_ref)).await))
    });
    let data_from = stream::iter(data_from.collect::<Vec<_>>())
        .buffered(MAX_CONCURRENT_READS)
        .collect::<Vec<_>>();
    let data =
        stream::iter(data.collect::<Vec<_>>()).buffered(MAX_CONCURRENT_READS).collect::<Vec<_>>();
    let (data_from, data) = join(data_from, data).await;
    let unlisted = unlisted.into_inner().expect("no holder of the lock panics");
    FetchedEntries { data_from, data, unlisted }
}

fn locate<'s>(
    object: &'s ExternalSecret,
    source: Option<&SourceRef>,
    find: Option<&Find>,
    stores: &'s ReadableStores,
    budget: &'s ReadBudget,
) -> Result<Location<'s>, Failure> {
    let invalid = |message: String| Failure::new(Reason::StoreInvalid, message);
    if let Some(generator) = source.and_then(|source| source.generator_ref.as_ref()) {
        let kind = generator.kind.escape_debug();
        return Err(invalid(format!("generators ({kind}) are not supported")));
    }
    let reference = source.and_then(|source| source.store_ref.as_ref());
    let reference = reference.unwrap_or(&object.spec.secret_store_ref);
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let store = stores
        .get(&StoreKey::of(reference, namespace))
        .ok_or_else(|| invalid("no store is named: set spec.secretStoreRef.name".to_owned()))?;
    let from = store.as_ref().map_err(Clone::clone)?;
    Ok(Location { from, namespace, budget, scope: versions::scope(&from.store, find) })
}

struct Query {
    matcher: Option<Matcher>,
    /// The prefix of the store and the path of the `find`.
    start: String,
    filter: Filter,
}

impl Query {
    fn is_in_path(&self, name: &str) -> bool {
        name.starts_with(&self.start)
    }

    fn matches(&self, name: &str) -> bool {
        self.is_in_path(name) && self.matcher.as_ref().is_none_or(|matcher| matcher.is_match(name))
    }
}

impl Location<'_> {
    async fn find(
        &self,
        find: &Find,
        versions: &Versions,
        now: Instant,
        unlisted: &Mutex<BTreeSet<String>>,
    ) -> Result<NamedValues, Failure> {
        let query = self.query(find)?;
        let mut values = self.listed(&query).await?;
        let listed: BTreeSet<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
        let lost: Vec<(&str, String)> = versions
            .names(&self.scope)
            .filter(|name| !listed.contains(name) && query.is_in_path(name))
            .filter_map(|name| Some((name, versions::key(&self.scope, &self.current(name))?)))
            .collect();
        let keys = lost.iter().map(|(_, key)| key.clone());
        unlisted.lock().expect("no holder of the lock panics").extend(keys);
        let reads = lost.into_iter().map(async |(name, key)| {
            let is_long_unlisted = versions.is_long_unlisted(&key, now);
            let value = self.read_lost(name, &query.filter, is_long_unlisted).await?;
            Ok::<_, Failure>(value.map(|value| (name.to_owned(), value)))
        });
        let lost: Vec<_> = stream::iter(reads.collect::<Vec<_>>())
            .buffered(MAX_CONCURRENT_READS)
            .try_collect()
            .await?;
        values.extend(lost.into_iter().flatten());
        // A value that was deleted after it was listed is not found.
        values.retain(|(_, value)| !value.answer.as_ref().is_err_and(is_gone));
        values.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(values)
    }

    fn query(&self, find: &Find) -> Result<Query, Failure> {
        let matcher = match &find.name {
            Some(name) => Some(Matcher::new(&name.regexp).map_err(|error| {
                Failure::new(Reason::Malformed, format!("find.name.regexp: {error}"))
            })?),
            None if find.tags.is_empty() => {
                let message = "find has neither name nor tags, so that it would find everything";
                return Err(Failure::new(Reason::Malformed, message));
            }
            None => None,
        };
        let prefix = self.from.aws.prefix.as_str();
        let start = format!("{prefix}{}", find.path.as_deref().unwrap_or_default());
        let path = match &find.path {
            None if !self.is_secrets_manager() => level(prefix),
            _ => Some(&*start).filter(|start| !start.is_empty()),
        };
        let filter = Filter { path: path.map(ToOwned::to_owned), tags: find.tags.clone() };
        Ok(Query { matcher, start, filter })
    }

    fn is_secrets_manager(&self) -> bool {
        self.from.aws.service != AwsService::ParameterStore
    }

    fn current(&self, name: &str) -> ReadRequest {
        if self.is_secrets_manager() {
            ReadRequest::current(name)
        } else {
            ReadRequest::Parameter { name: name.to_owned() }
        }
    }

    async fn listed(&self, query: &Query) -> Result<NamedValues, Failure> {
        match &*self.list(&query.filter).await? {
            ReadResponse::Names(names) => {
                let matching = names.iter().filter(|name| query.matches(name));
                self.read_all(&matching.collect::<Vec<_>>()).await
            }
            ReadResponse::Values(values) => {
                let value = |(name, value): (&String, &Value)| {
                    let request = self.current(name);
                    let response = ReadResponse::Value(value.clone());
                    self.budget.charge(&request, &response)?;
                    let version_key = versions::key(&self.scope, &request);
                    Ok((name.clone(), FetchedValue { version_key, answer: Ok(Arc::new(response)) }))
                };
                values.iter().filter(|(name, _)| query.matches(name)).map(value).collect()
            }
            ReadResponse::Value(_) => Ok(vec![]),
        }
    }

    async fn list(&self, filter: &Filter) -> Result<Arc<ReadResponse>, Failure> {
        if self.is_secrets_manager() {
            return self.answer(&ReadRequest::SecretNames(filter.clone())).await;
        }
        if filter.tags.is_empty() {
            let path = filter.path.clone().unwrap_or_else(|| "/".to_owned());
            let below = self.answer(&ReadRequest::ParametersBelow { path }).await;
            // Then they are read by name, as External Secrets does.
            if !below.as_ref().is_err_and(|failure| PATH_REFUSALS.contains(&failure.reason)) {
                return below;
            }
        }
        self.answer(&ReadRequest::ParameterNames(filter.clone())).await
    }

    async fn read_all(&self, names: &[&String]) -> Result<NamedValues, Failure> {
        let read = async |name: &&String| {
            let value = self.read(&self.current(name)).await;
            self.budget.check()?;
            Ok(((*name).clone(), value))
        };
        let reads: Vec<_> = names.iter().map(read).collect();
        stream::iter(reads).buffered(MAX_CONCURRENT_READS).try_collect().await
    }

    /// A value that was found before and is not listed now. None if it is gone.
    async fn read_lost(
        &self,
        name: &str,
        filter: &Filter,
        is_long_unlisted: bool,
    ) -> Result<Option<FetchedValue>, Failure> {
        let is_denied = |failure: &Failure| failure.reason == Reason::AccessDenied;
        if !filter.tags.is_empty() {
            match self.is_still_tagged(name, filter).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(failure) if is_denied(&failure) && is_long_unlisted => return Ok(None),
                // Roles for External Secrets may allow to read the value, but not its tags.
                Err(failure) if is_denied(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        let value = self.read(&self.current(name)).await;
        // To a role that may read some names only, AWS denies names that do not exist, too.
        let is_gone = is_long_unlisted && value.answer.as_ref().is_err_and(is_denied);
        Ok((!is_gone).then_some(value))
    }

    async fn is_still_tagged(&self, name: &str, filter: &Filter) -> Result<bool, Failure> {
        let name = name.to_owned();
        let request = if self.is_secrets_manager() {
            ReadRequest::SecretTags { id: name }
        } else {
            ReadRequest::ParameterTags { name }
        };
        match self.answer(&request).await.as_deref() {
            Ok(ReadResponse::Value(value)) => {
                let tags: BTreeMap<String, String> =
                    serde_json::from_slice(&value.bytes).unwrap_or_default();
                Ok(filter.tags.iter().all(|(key, value)| tags.get(key) == Some(value)))
            }
            Ok(_) => Ok(false),
            Err(failure) if is_gone(failure) => Ok(false),
            Err(failure) => Err(failure.clone()),
        }
    }
}

/// The level of the hierarchy of Parameter Store that contains all names with this prefix. None: the root.
/// AWS accepts whole levels only, and finds nothing below others or rejects them.
fn level(prefix: &str) -> Option<&str> {
    let level = prefix.rsplit_once('/')?.0;
    Some(level).filter(|level| level.starts_with('/'))
}
