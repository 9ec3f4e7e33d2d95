//! `find` when lists of AWS lag, or when AWS denies something.

use std::sync::{Arc, Mutex};

use crds::{ExternalSecret, secret_store::AwsService};
use futures::future::{BoxFuture, ready};
use serde_json::json;
use templates::dialect;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{fetch, level};
use crate::{
    aws::{
        ReadError, ReadRequest, ReadResponse, ReadVersion, Value,
        credentials::CachedCredentials,
        planner::{BatchPermission, Planner, Urgency},
        pool::Reader,
        read::{BatchResponses, ReadSource},
        sweep::{Describer, Page, Sweeper, VersionSource},
    },
    external::{
        assemble::{assemble, tests::rendering},
        read::{ReadableStore, ReadableStores},
        store::{self, Store},
        versions::{LIST_LAG, Versions},
    },
    reason::Reason,
};

/// An AWS whose secrets have one version each. It lists only some, and may deny tags and values.
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

    fn read_batch(&self, _: Vec<ReadRequest>) -> BoxFuture<'_, Result<BatchResponses, ReadError>> {
        panic!("nothing fits in a batch")
    }

    fn one_poisons_batch(&self) -> bool {
        false
    }

    fn count_served(&self, _: usize) {}
}

/// Nothing is listed to refresh an object.
struct NoLists;

impl VersionSource for NoLists {
    fn page(&self, _: Option<String>) -> BoxFuture<'_, Result<Page, ReadError>> {
        panic!("a list of versions is asked for")
    }

    fn max_descriptions(&self) -> usize {
        1
    }

    fn describe(
        &self,
        _: Vec<ReadRequest>,
    ) -> BoxFuture<'_, Result<Option<BatchResponses>, ReadError>> {
        panic!("a version is asked for")
    }
}

fn stores<const N: usize>(fakes: [(&str, Arc<Fake>); N]) -> ReadableStores {
    let store = |(name, fake): (&str, Arc<Fake>)| {
        let fetch = || -> BoxFuture<'static, _> { panic!("nothing asks for credentials") };
        let planner = Planner::new(fake, BatchPermission::Unknown);
        let credentials = CachedCredentials::new(Box::new(fetch));
        let describer = Describer::new(Arc::new(NoLists), planner.clone());
        let sweeper = Sweeper::new(Arc::new(NoLists), planner.clone());
        let reader = Reader { planner, sweeper, describer, credentials };
        let aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        let store = Store { uid: name.to_owned(), ..store::tests::store("n", name, aws) };
        let (key, aws) = (store.key.clone(), store.aws().unwrap());
        (
            key,
            Ok(ReadableStore {
                store: Arc::new(store),
                aws,
                reader: Arc::new(reader),
                urgency: Urgency::Routine,
            }),
        )
    };
    fakes.into_iter().map(store).collect()
}

fn object(mut spec: serde_json::Value) -> ExternalSecret {
    spec["secretStoreRef"] = json!({ "name": "own" });
    serde_json::from_value(json!({
        "metadata": { "namespace": "n", "name": "s" }, "spec": spec,
    }))
    .unwrap()
}

/// The keys of the Secret after a refresh.
async fn refresh(
    object: &ExternalSecret,
    stores: &ReadableStores,
    versions: &mut Versions,
    now: Instant,
) -> Result<Vec<String>, Reason> {
    let entries = fetch(object, stores, versions, now).await;
    let dialect = dialect::external_secret();
    let assembled = assemble(&object.spec, entries, versions, &mut rendering(&dialect, now, false));
    let assembled = assembled.map_err(|errors| errors[0].failure.reason)?;
    Ok(assembled.values.into_keys().collect())
}

fn lists(fake: &Fake, names: &[&str]) {
    *fake.listed.lock().unwrap() = names.iter().map(|&name| name.to_owned()).collect();
}

/// Roles for External Secrets may have no permission to describe secrets.
#[tokio::test(start_paused = true)]
async fn secret_is_gone_after_list_lag_if_tags_are_denied() {
    let fake = Arc::new(Fake { denies_tags: true, ..Fake::default() });
    let stores = stores([("own", fake.clone())]);
    let find = json!({ "find": { "tags": { "team": "a" } } });
    let object = object(json!({ "dataFrom": [find] }));
    let (versions, start) = (&mut Versions::default(), Instant::now());
    lists(&fake, &["a", "b"]);
    let both = Ok(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(refresh(&object, &stores, versions, start).await, both);
    lists(&fake, &["a"]);
    assert_eq!(refresh(&object, &stores, versions, start).await, both);
    let (lags, gone) = (start + LIST_LAG / 2, start + LIST_LAG);
    assert_eq!(refresh(&object, &stores, versions, lags).await, both);
    assert_eq!(refresh(&object, &stores, versions, gone).await, Ok(vec!["a".to_owned()]));
}

/// To a role that may read some names only, AWS denies a deleted secret.
#[tokio::test(start_paused = true)]
async fn secret_is_gone_after_list_lag_if_its_value_is_denied() {
    let found = Arc::new(Fake::default());
    let find = json!({ "find": { "name": { "regexp": "." } } });
    let object = object(json!({ "dataFrom": [find] }));
    let (versions, start) = (&mut Versions::default(), Instant::now());
    lists(&found, &["a"]);
    let before = stores([("own", found)]);
    assert_eq!(refresh(&object, &before, versions, start).await, Ok(vec!["a".to_owned()]));
    let denying = Arc::new(Fake { denies_values: true, ..Fake::default() });
    let after = stores([("own", denying)]);
    assert_eq!(refresh(&object, &after, versions, start).await, Err(Reason::AccessDenied));
    let gone = start + LIST_LAG;
    assert_eq!(refresh(&object, &after, versions, gone).await, Ok(vec![]));
}

/// AWS denies all parameters of a path if one is encrypted with a KMS key that the role may not use.
#[tokio::test(start_paused = true)]
async fn parameters_are_read_by_name_if_a_kms_key_is_denied() {
    let fake = Arc::new(Fake::default());
    lists(&fake, &["/a", "/b"]);
    let mut stores = stores([("own", fake)]);
    for store in stores.values_mut().flatten() {
        store.aws.service = AwsService::ParameterStore;
    }
    let find = json!({ "find": { "name": { "regexp": "a" } } });
    let object = object(json!({ "dataFrom": [find] }));
    let (versions, start) = (&mut Versions::default(), Instant::now());
    let found = refresh(&object, &stores, versions, start).await;
    assert_eq!(found, Ok(vec!["_a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn secrets_of_two_stores_do_not_affect_each_other() {
    let own = Arc::new(Fake { created: 20, ..Fake::default() });
    let other = Arc::new(Fake { created: 10, ..Fake::default() });
    lists(&own, &["a"]);
    let stores = stores([("own", own), ("other", other)]);
    let find = json!({ "find": { "name": { "regexp": "." } } });
    let data = ["a", "b"].map(|key| {
        let from = json!({ "storeRef": { "name": "other" } });
        json!({ "secretKey": format!("other-{key}"), "remoteRef": { "key": key }, "sourceRef": from })
    });
    let object = object(json!({ "dataFrom": [find], "data": data }));
    let (versions, start) = (&mut Versions::default(), Instant::now());
    let all = Ok(["a", "other-a", "other-b"].map(str::to_owned).to_vec());
    for _ in 0..2 {
        assert_eq!(refresh(&object, &stores, versions, start).await, all);
    }
}

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
