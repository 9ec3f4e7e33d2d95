//! `dataFrom.find`: the values that AWS lists, and those that it listed before.
//!
//! Lists lag (F14). A name that was found before and is not listed now is read by its name. If AWS denies
//! that, it counts as gone once it has been unlisted for long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crds::{external_secret::Find, secret_store::AwsService};
use futures::future::{join_all, try_join_all};
use templates::rewrite::Matcher;
use tokio::time::Instant;

use super::{
    entry::{FetchedValue, FoundValues, is_gone},
    location::Location,
};
use crate::{
    aws::{Filter, ReadRequest, ReadResponse, Value},
    external::versions::{self, Versions},
    reason::{Failure, Reason},
};

/// How much one `find` may read. A Secret holds 1 MiB.
const MAX_FOUND_BYTES: usize = 16 << 20;
const MAX_CONCURRENT_READS: usize = 400;

type NamedValues = Vec<(String, FetchedValue)>;

/// The criteria of a `find`.
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
    pub(super) async fn find(&self, find: &Find, versions: &Versions, now: Instant) -> FoundValues {
        let mut unlisted = BTreeSet::new();
        let values = self.values(find, versions, now, &mut unlisted).await;
        FoundValues { values, unlisted }
    }

    async fn values(
        &self,
        find: &Find,
        versions: &Versions,
        now: Instant,
        unlisted: &mut BTreeSet<String>,
    ) -> Result<NamedValues, Failure> {
        let query = self.query(find)?;
        let mut values = self.listed(&query).await?;
        let listed: BTreeSet<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
        let lost: Vec<(&str, String)> = versions
            .names(&self.scope)
            .filter(|name| !listed.contains(name) && query.is_in_path(name))
            .filter_map(|name| Some((name, versions::key(&self.scope, &self.current(name))?)))
            .collect();
        unlisted.extend(lost.iter().map(|(_, key)| key.clone()));
        let reads = lost.into_iter().map(async |(name, key)| {
            let is_long_unlisted = versions.is_long_unlisted(&key, now);
            let value = self.read_lost(name, &query.filter, is_long_unlisted).await?;
            Ok::<_, Failure>(value.map(|value| (name.to_owned(), value)))
        });
        values.extend(try_join_all(reads).await?.into_iter().flatten());
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
        let prefix = self.store.prefix.as_str();
        let start = format!("{prefix}{}", find.path.as_deref().unwrap_or_default());
        let path = match &find.path {
            None if !self.is_secrets_manager() => level(prefix),
            _ => Some(&*start).filter(|start| !start.is_empty()),
        };
        let filter = Filter { path: path.map(ToOwned::to_owned), tags: find.tags.clone() };
        Ok(Query { matcher, start, filter })
    }

    fn is_secrets_manager(&self) -> bool {
        self.store.service != AwsService::ParameterStore
    }

    fn current(&self, name: &str) -> ReadRequest {
        if self.is_secrets_manager() {
            ReadRequest::current(name)
        } else {
            ReadRequest::Parameter { name: name.to_owned() }
        }
    }

    async fn listed(&self, query: &Query) -> Result<NamedValues, Failure> {
        match &*self.list(&query.filter).await.answer? {
            ReadResponse::Names(names) => {
                let matching = names.iter().filter(|name| query.matches(name));
                self.read_all(&matching.collect::<Vec<_>>()).await
            }
            ReadResponse::Values(values) => {
                let value = |(name, value): (&String, &Value)| {
                    let version_key = versions::key(&self.scope, &self.current(name));
                    let answer = Ok(Arc::new(ReadResponse::Value(value.clone())));
                    (name.clone(), FetchedValue { version_key, answer })
                };
                Ok(values.iter().filter(|(name, _)| query.matches(name)).map(value).collect())
            }
            ReadResponse::Value(_) => Ok(vec![]),
        }
    }

    async fn list(&self, filter: &Filter) -> FetchedValue {
        if self.is_secrets_manager() {
            return self.read(ReadRequest::SecretNames(filter.clone())).await;
        }
        if filter.tags.is_empty() {
            let path = filter.path.clone().unwrap_or_else(|| "/".to_owned());
            let below = self.read(ReadRequest::ParametersBelow { path }).await;
            // Without permission for all of them, or for the KMS key of one, or if they are too large
            // together, they are read by name, as External Secrets does.
            let is_refused = below.answer.as_ref().is_err_and(|failure| {
                matches!(
                    failure.reason,
                    Reason::AccessDenied | Reason::KmsDenied | Reason::Malformed
                )
            });
            if !is_refused {
                return below;
            }
        }
        self.read(ReadRequest::ParameterNames(filter.clone())).await
    }

    async fn read_all(&self, names: &[&String]) -> Result<NamedValues, Failure> {
        let read = async |name: &String| (name.clone(), self.read(self.current(name)).await);
        let (mut values, mut bytes) = (Vec::new(), 0);
        for chunk in names.chunks(MAX_CONCURRENT_READS) {
            let chunk = join_all(chunk.iter().copied().map(read)).await;
            bytes += chunk.iter().map(|(_, value)| value.bytes()).sum::<usize>();
            if bytes > MAX_FOUND_BYTES {
                let message = "find reads more than 16 MiB, and a Secret holds 1 MiB: narrow name, \
                               path or tags";
                return Err(Failure::new(Reason::Malformed, message));
            }
            values.extend(chunk);
        }
        Ok(values)
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
        let value = self.read(self.current(name)).await;
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
        match self.read(request).await.answer {
            Ok(answer) => {
                let ReadResponse::Value(value) = &*answer else { return Ok(false) };
                let tags: BTreeMap<String, String> =
                    serde_json::from_slice(&value.bytes).unwrap_or_default();
                Ok(filter.tags.iter().all(|(key, value)| tags.get(key) == Some(value)))
            }
            Err(failure) if is_gone(&failure) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

/// The level of the hierarchy of Parameter Store that contains all names with this prefix. None: the root.
/// AWS accepts whole levels only, and finds nothing below others or rejects them.
fn level(prefix: &str) -> Option<&str> {
    let level = prefix.rsplit_once('/')?.0;
    Some(level).filter(|level| level.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn store_prefix_may_end_within_a_name() {
        for (prefix, expected) in [
            ("", None),
            ("/", None),
            ("team-", None),
            ("/team-", None),
            ("team/a-", None),
            ("/team/", Some("/team")),
            ("/team/a-", Some("/team")),
        ] {
            assert_eq!(level(prefix), expected, "{prefix}");
        }
    }
}
