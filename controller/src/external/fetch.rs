//! Asks AWS for everything that one ExternalSecret wants.

pub mod explain;
mod find;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crds::{
    ExternalSecret,
    external_secret::{DataFrom, Find, MetadataPolicy, RemoteRef, SourceRef, StoreRef},
    secret_store::AwsService,
};
use futures::future::join_all;
use tokio::time::{Instant, timeout};

use super::versions::{self, Versions};
use crate::{
    aws::{ReadError, ReadRequest, ReadResponse, Version, pool::Reader},
    reason::{Failure, Reason},
};

/// How long an object waits for one answer, with all attempts: it holds up a worker.
const PATIENCE: Duration = Duration::from_mins(5);

/// A store that values are read from.
pub struct Source {
    /// Its name, for people.
    pub store: String,
    /// Its uid.
    pub uid: String,
    /// What it says of its provider.
    pub provider: serde_json::Value,
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
    Found(Found),
    /// It cannot be asked for.
    Not(Failure),
}

/// What came of one value.
pub struct One {
    /// What its version is recorded under, if it can have several.
    pub key: Option<String>,
    /// What was answered, with errors in our words.
    pub answer: Result<Arc<ReadResponse>, Failure>,
}

impl One {
    /// How many bytes it holds.
    fn size(&self) -> usize {
        match self.answer.as_deref() {
            Ok(ReadResponse::Value(value)) => value.bytes.len(),
            _ => 0,
        }
    }
}

/// What came of a `find`.
pub struct Found {
    /// The values by name.
    pub values: Result<Vec<(String, One)>, Failure>,
    /// What was found before and is not listed now, by [`versions::key`].
    pub unlisted: BTreeSet<String>,
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

/// Where an entry is read.
struct Place<'s> {
    source: &'s Source,
    /// By [`versions::scope`].
    scope: String,
}

/// Reads all values. `versions` tells what was found before, so that a lagging list takes nothing away.
pub async fn fetch(
    object: &ExternalSecret,
    sources: &Sources,
    versions: &Versions,
    now: Instant,
) -> Entries {
    let spec = &object.spec;
    let own = name(&spec.secret_store_ref);
    let place = |of: &Option<SourceRef>, find: Option<&Find>| {
        if let Some(generator) = of.as_ref().and_then(|source| source.generator_ref.as_ref()) {
            let message =
                format!("generators ({}) are not supported", generator.kind.escape_debug());
            return Err(Failure::new(Reason::StoreInvalid, message));
        }
        let other = of.as_ref().and_then(|source| source.store_ref.as_ref()).map(name);
        let store = other.as_ref().unwrap_or(&own);
        match sources.get(store) {
            Some(Ok(source)) => {
                let scope = versions::scope(&source.uid, &source.provider, find);
                Ok(Place { source, scope })
            }
            Some(Err(failure)) => Err(failure.clone()),
            None => {
                let message = "no store is named: set spec.secretStoreRef.name";
                Err(Failure::new(Reason::StoreInvalid, message))
            }
        }
    };
    let from = spec.data_from.iter().map(async |entry| {
        match (place(&entry.source_ref, entry.find.as_ref()), entry) {
            (Err(failure), _) => Fetched::Not(failure),
            (Ok(place), DataFrom { extract: Some(extract), .. }) => place.one(extract).await,
            (Ok(place), DataFrom { find: Some(find), .. }) => {
                Fetched::Found(place.found(find, versions, now).await)
            }
            _ => {
                let message = "an entry of dataFrom has neither extract nor find";
                Fetched::Not(Failure::new(Reason::Malformed, message))
            }
        }
    });
    let data = spec.data.iter().map(async |entry| match place(&entry.source_ref, None) {
        Ok(place) => place.one(&entry.remote_ref).await,
        Err(failure) => Fetched::Not(failure),
    });
    let (from, data) = futures::future::join(join_all(from), join_all(data)).await;
    Entries { from, data }
}

impl Place<'_> {
    async fn one(&self, reference: &RemoteRef) -> Fetched {
        Fetched::One(self.read(want(self.source, reference)).await)
    }

    async fn read(&self, want: ReadRequest) -> One {
        let read = self.source.reader.planner.read(want.clone());
        let answer = timeout(PATIENCE, read).await.unwrap_or_else(|_| {
            let minutes = PATIENCE.as_secs() / 60;
            let detail = Some(format!("AWS has not answered within {minutes} minutes"));
            Err(ReadError { detail, ..ReadError::new(Reason::Timeout, "") })
        });
        let answer = answer.map_err(|error| explain::explained(&error, &want, self.source));
        One { key: versions::key(&self.scope, &want), answer }
    }
}

/// What a reference wants.
fn want(source: &Source, reference: &RemoteRef) -> ReadRequest {
    let key = format!("{}{}", source.prefix, reference.key);
    let is_tags = reference.metadata_policy == MetadataPolicy::Fetch;
    match (source.service, is_tags) {
        // All versions of a parameter have the same tags.
        (AwsService::ParameterStore, true) => ReadRequest::ParameterTags { name: key },
        (AwsService::ParameterStore, false) => {
            let colon = if reference.version.is_empty() { "" } else { ":" };
            ReadRequest::Parameter { name: format!("{key}{colon}{}", reference.version) }
        }
        (_, true) => ReadRequest::SecretTags { id: key },
        (_, false) => ReadRequest::Secret { id: key, version: Version::parse(&reference.version) },
    }
}

/// Whether there is no value any more, as AWS says of this very one.
pub fn is_gone(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::NotFound | Reason::MarkedForDeletion)
}
