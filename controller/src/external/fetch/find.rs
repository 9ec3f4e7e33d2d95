//! What a `find` of `dataFrom` finds: what AWS lists, and what its list has lost.
//!
//! Lists lag (F14), so that a name that was found before and is not listed now is asked for by itself.
//! Where that is denied, it counts as gone once it has not been listed for long.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crds::{external_secret::Find, secret_store::AwsService};
use futures::future::{join_all, try_join_all};
use templates::rewrite::Matcher;
use tokio::time::Instant;

use super::{Found, One, Place, is_gone};
use crate::{
    aws::{Filter, ReadRequest, ReadResponse, Value},
    external::versions::{self, Versions},
    reason::{Failure, Reason},
};

/// How many bytes an object may find. A Secret holds 1 MiB.
const MOST: usize = 16 << 20;
/// How many values are asked for at a time.
const ABREAST: usize = 400;

fn too_much() -> Failure {
    let message = "it finds more than 16 MiB, and a Secret holds 1 MiB: narrow name, path or tags";
    Failure::new(Reason::Malformed, message)
}

impl Place<'_> {
    /// All that fits.
    pub(super) async fn found(&self, find: &Find, versions: &Versions, now: Instant) -> Found {
        let mut unlisted = BTreeSet::new();
        let values = self.values(find, versions, now, &mut unlisted).await;
        Found { values, unlisted }
    }

    async fn values(
        &self,
        find: &Find,
        versions: &Versions,
        now: Instant,
        unlisted: &mut BTreeSet<String>,
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
        // The prefix of a store stands before what is looked for too.
        let prefix = self.source.prefix.as_str();
        let start = format!("{prefix}{}", find.path.as_deref().unwrap_or_default());
        let path = match &find.path {
            None if !self.is_secrets() => level(prefix),
            _ => Some(&*start).filter(|start| !start.is_empty()),
        };
        let filter = Filter { path: path.map(ToOwned::to_owned), tags: find.tags.clone() };
        let is_in_path = |name: &str| name.starts_with(&start);
        let fits = |name: &str| {
            is_in_path(name) && matcher.as_ref().is_none_or(|matcher| matcher.is_match(name))
        };
        let mut all = self.listed(&filter, fits).await?;
        let listed: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let lost = versions
            .names(&self.scope)
            .filter(|name| !listed.contains(name) && is_in_path(name))
            .filter_map(|name| Some((name, versions::key(&self.scope, &self.current(name))?)));
        let lost: Vec<(&str, String)> = lost.collect();
        unlisted.extend(lost.iter().map(|(_, key)| key.clone()));
        let looked = lost.into_iter().map(async |(name, key)| {
            let is_long = versions.is_long_unlisted(&key, now);
            let one = self.lost(name, &filter, is_long).await?;
            Ok(one.map(|one| (name.to_owned(), one)))
        });
        all.extend(try_join_all(looked).await?.into_iter().flatten());
        // What is gone by now is no longer found.
        all.retain(|(_, one)| !one.answer.as_ref().is_err_and(is_gone));
        all.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(all)
    }

    fn is_secrets(&self) -> bool {
        self.source.service != AwsService::ParameterStore
    }

    fn current(&self, name: &str) -> ReadRequest {
        if self.is_secrets() {
            ReadRequest::current(name)
        } else {
            ReadRequest::Parameter { name: name.to_owned() }
        }
    }

    /// What AWS lists, with its values.
    async fn listed(
        &self,
        filter: &Filter,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, One)>, Failure> {
        let listed = if self.is_secrets() {
            self.read(ReadRequest::SecretNames(filter.clone())).await
        } else if filter.tags.is_empty() {
            let path = filter.path.clone().unwrap_or_else(|| "/".to_owned());
            let below = self.read(ReadRequest::ParametersBelow { path }).await;
            match &below.answer {
                // As External Secrets does where that right is missing, or that to the key of one of them;
                // and where all of them would be too much.
                Err(failure)
                    if matches!(
                        failure.reason,
                        Reason::AccessDenied | Reason::KmsDenied | Reason::Malformed
                    ) =>
                {
                    self.read(ReadRequest::ParameterNames(filter.clone())).await
                }
                _ => below,
            }
        } else {
            self.read(ReadRequest::ParameterNames(filter.clone())).await
        };
        Ok(match &*listed.answer? {
            ReadResponse::Names(names) => {
                let read =
                    async |name: &String| (name.clone(), self.read(self.current(name)).await);
                let fitting: Vec<_> = names.iter().filter(|name| fits(name)).collect();
                let (mut found, mut size) = (Vec::new(), 0);
                for some in fitting.chunks(ABREAST) {
                    let some = join_all(some.iter().copied().map(read)).await;
                    size += some.iter().map(|(_, one)| one.size()).sum::<usize>();
                    if size > MOST {
                        return Err(too_much());
                    }
                    found.extend(some);
                }
                found
            }
            ReadResponse::Values(values) => {
                let value = |(name, value): (&String, &Value)| {
                    let key = versions::key(&self.scope, &self.current(name));
                    let answer = Ok(Arc::new(ReadResponse::Value(value.clone())));
                    (name.clone(), One { key, answer })
                };
                values.iter().filter(|(name, _)| fits(name)).map(value).collect()
            }
            ReadResponse::Value(_) => vec![],
        })
    }

    /// What was found before and is not listed now, `is_long` since; none if it is gone.
    async fn lost(
        &self,
        name: &str,
        filter: &Filter,
        is_long: bool,
    ) -> Result<Option<One>, Failure> {
        let is_denied = |failure: &Failure| failure.reason == Reason::AccessDenied;
        if !filter.tags.is_empty() {
            match self.is_still_tagged(name, filter).await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(failure) if is_denied(&failure) && is_long => return Ok(None),
                // Its value can be read all the same, as roles for External Secrets allow that alone.
                Err(failure) if is_denied(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        let one = self.read(self.current(name)).await;
        // AWS denies what is not there, too, where a role may read some names only.
        let is_gone = is_long && one.answer.as_ref().is_err_and(is_denied);
        Ok((!is_gone).then_some(one))
    }

    async fn is_still_tagged(&self, name: &str, filter: &Filter) -> Result<bool, Failure> {
        let name = name.to_owned();
        let want = if self.is_secrets() {
            ReadRequest::SecretTags { id: name }
        } else {
            ReadRequest::ParameterTags { name }
        };
        match self.read(want).await.answer {
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

/// The level of Parameter Store's hierarchy that what begins so is on or below; none for the highest one.
fn level(start: &str) -> Option<&str> {
    let level = start.rsplit_once('/')?.0;
    Some(level).filter(|level| level.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use crds::ExternalSecret;
    use futures::future::{BoxFuture, ready};
    use serde_json::json;
    use templates::dialect;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        aws::{
            ReadError, ReadVersion,
            credentials::CachedCredentials,
            planner::{BatchPermission, BatchResponses, Planner, ReadSource},
            pool::Reader,
        },
        external::{
            assemble::{assemble, tests::Clock},
            fetch::{Source, Sources, fetch},
        },
    };

    /// Secrets of one version; lists only some, and may deny tags and values.
    #[derive(Default)]
    struct Fake {
        listed: Mutex<Vec<String>>,
        denies_tags: bool,
        denies_values: bool,
        /// When its secrets were made.
        created: i64,
    }

    impl ReadSource for Fake {
        fn max_batch_size(&self) -> usize {
            20
        }

        fn is_batchable(&self, _: &ReadRequest) -> bool {
            false
        }

        fn read(&self, want: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>> {
            let denied = |action| Err(ReadError::new(Reason::AccessDenied, action));
            Box::pin(ready(match want {
                ReadRequest::ParametersBelow { .. } => {
                    Err(ReadError::new(Reason::KmsDenied, "GetParametersByPath"))
                }
                ReadRequest::SecretNames(_) | ReadRequest::ParameterNames(_) => {
                    Ok(ReadResponse::Names(self.listed.lock().unwrap().clone()))
                }
                ReadRequest::SecretTags { .. } if self.denies_tags => denied("DescribeSecret"),
                ReadRequest::Secret { id, .. } | ReadRequest::Parameter { name: id }
                    if !self.denies_values =>
                {
                    let id = format!("{}{id}", self.created);
                    let version = Some(ReadVersion { id, created: self.created });
                    Ok(ReadResponse::Value(Value { bytes: Zeroizing::new(vec![]), version }))
                }
                _ => denied("GetSecretValue"),
            }))
        }

        fn read_batch(
            &self,
            _: Vec<ReadRequest>,
        ) -> BoxFuture<'_, Result<BatchResponses, ReadError>> {
            panic!("nothing fits in a batch")
        }

        fn one_poisons_batch(&self) -> bool {
            false
        }

        fn count_served(&self, _: usize) {}
    }

    fn sources<const N: usize>(fakes: [(&str, Arc<Fake>); N]) -> Sources {
        let source = |(name, fake): (&str, Arc<Fake>)| {
            let fetch = || -> BoxFuture<'static, _> { panic!("nothing asks for credentials") };
            let planner = Planner::new(fake, BatchPermission::Unknown);
            let reader = Reader { planner, credentials: CachedCredentials::new(Box::new(fetch)) };
            let source = Source {
                store: name.to_owned(),
                uid: name.to_owned(),
                provider: json!({}),
                service: AwsService::SecretsManager,
                region: "eu-west-1".to_owned(),
                prefix: String::new(),
                reader: Arc::new(reader),
            };
            ((false, name.to_owned()), Ok(source))
        };
        fakes.into_iter().map(source).collect()
    }

    fn object(mut spec: serde_json::Value) -> ExternalSecret {
        spec["secretStoreRef"] = json!({ "name": "own" });
        serde_json::from_value(json!({ "metadata": { "name": "s" }, "spec": spec })).unwrap()
    }

    /// The keys that a refresh makes.
    async fn refresh(
        object: &ExternalSecret,
        sources: &Sources,
        versions: &mut Versions,
        now: Instant,
    ) -> Result<Vec<String>, Reason> {
        let entries = fetch(object, sources, versions, now).await;
        let (dialect, mut clock) = (dialect::external_secret(), Clock::default());
        let made = assemble(&object.spec, entries, versions, &dialect, &mut clock, now);
        let made = made.map_err(|complaints| complaints[0].failure.reason)?;
        versions.took(made.versions);
        Ok(made.values.into_keys().collect())
    }

    fn lists(fake: &Fake, names: &[&str]) {
        *fake.listed.lock().unwrap() = names.iter().map(|&name| name.to_owned()).collect();
    }

    /// AWS takes levels only, and says of others that there is nothing below, or that they are malformed.
    #[test]
    fn the_prefix_of_a_store_may_end_within_a_name() {
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

    /// Roles that External Secrets needs may not describe secrets.
    #[tokio::test(start_paused = true)]
    async fn without_the_right_to_tags_what_is_long_unlisted_is_gone() {
        let fake = Arc::new(Fake { denies_tags: true, ..Fake::default() });
        let sources = sources([("own", fake.clone())]);
        let find = json!({ "find": { "tags": { "team": "a" } } });
        let object = object(json!({ "dataFrom": [find] }));
        let (versions, start) = (&mut Versions::default(), Instant::now());
        lists(&fake, &["a", "b"]);
        let both = Ok(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(refresh(&object, &sources, versions, start).await, both);
        lists(&fake, &["a"]);
        assert_eq!(refresh(&object, &sources, versions, start).await, both);
        let (lags, gone) = (start + versions::LAGS / 2, start + versions::LAGS);
        assert_eq!(refresh(&object, &sources, versions, lags).await, both);
        assert_eq!(refresh(&object, &sources, versions, gone).await, Ok(vec!["a".to_owned()]));
    }

    /// AWS denies what has been deleted where a role may read some names only.
    #[tokio::test(start_paused = true)]
    async fn what_is_neither_listed_nor_allowed_is_gone_after_a_while() {
        let found = Arc::new(Fake::default());
        let find = json!({ "find": { "name": { "regexp": "." } } });
        let object = object(json!({ "dataFrom": [find] }));
        let (versions, start) = (&mut Versions::default(), Instant::now());
        lists(&found, &["a"]);
        let before = sources([("own", found)]);
        assert_eq!(refresh(&object, &before, versions, start).await, Ok(vec!["a".to_owned()]));
        let denying = Arc::new(Fake { denies_values: true, ..Fake::default() });
        let after = sources([("own", denying)]);
        assert_eq!(refresh(&object, &after, versions, start).await, Err(Reason::AccessDenied));
        let gone = start + versions::LAGS;
        assert_eq!(refresh(&object, &after, versions, gone).await, Ok(vec![]));
    }

    /// One parameter under a key that the role may not use has all of them refused.
    #[tokio::test(start_paused = true)]
    async fn without_the_right_to_every_key_parameters_are_read_by_name() {
        let fake = Arc::new(Fake::default());
        lists(&fake, &["/a", "/b"]);
        let mut sources = sources([("own", fake)]);
        for source in sources.values_mut().flatten() {
            source.service = AwsService::ParameterStore;
        }
        let find = json!({ "find": { "name": { "regexp": "a" } } });
        let object = object(json!({ "dataFrom": [find] }));
        let (versions, start) = (&mut Versions::default(), Instant::now());
        let found = refresh(&object, &sources, versions, start).await;
        assert_eq!(found, Ok(vec!["_a".to_owned()]));
    }

    /// They were taken for an older version of one secret, and for what the list of a store had lost.
    #[tokio::test(start_paused = true)]
    async fn secrets_of_several_stores_have_nothing_to_do_with_each_other() {
        let own = Arc::new(Fake { created: 20, ..Fake::default() });
        let other = Arc::new(Fake { created: 10, ..Fake::default() });
        lists(&own, &["a"]);
        let sources = sources([("own", own), ("other", other)]);
        let find = json!({ "find": { "name": { "regexp": "." } } });
        let data = ["a", "b"].map(|key| {
            let from = json!({ "storeRef": { "name": "other" } });
            json!({ "secretKey": format!("other-{key}"), "remoteRef": { "key": key }, "sourceRef": from })
        });
        let object = object(json!({ "dataFrom": [find], "data": data }));
        let (versions, start) = (&mut Versions::default(), Instant::now());
        let all = Ok(["a", "other-a", "other-b"].map(str::to_owned).to_vec());
        for _ in 0..2 {
            assert_eq!(refresh(&object, &sources, versions, start).await, all);
        }
    }
}
