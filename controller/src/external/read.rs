//! Reads from a store: one value for one entry of an ExternalSecret.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crds::{
    external_secret::{MetadataPolicy, RemoteRef},
    secret_store::{Aws, AwsService},
};
use tokio::time::timeout;

use super::{
    budget::ReadBudget,
    store::{Store, StoreKey},
    versions,
};
use crate::{
    aws::{
        ReadError, ReadRequest, ReadResponse, Version, error::Rejection, planner::Urgency,
        pool::Reader,
    },
    reason::{Failure, Reason},
};

/// How long an object waits for one answer, retries included. It is shorter than the time of a reconcile, so
/// that the status names the entry.
const READ_TIMEOUT: Duration = Duration::from_secs(100);
/// Longer than any name or ARN in AWS.
const MAX_NAME_BYTES: usize = 2048;

pub(crate) struct ReadableStore {
    pub(crate) store: Arc<Store>,
    pub(crate) aws: Aws,
    pub(crate) reader: Arc<Reader>,
    pub(crate) urgency: Urgency,
}

/// The stores of an object, or why a store cannot be used.
pub(crate) type ReadableStores = BTreeMap<StoreKey, Result<ReadableStore, Failure>>;

/// The answers of AWS for each entry of the spec.
pub(crate) struct FetchedEntries {
    pub(crate) data_from: Vec<Result<FetchedEntry, Failure>>,
    pub(crate) data: Vec<Result<FetchedEntry, Failure>>,
    /// The version keys of values that a `find` found earlier and that AWS does not list now.
    pub(crate) unlisted: BTreeSet<String>,
}

pub(crate) enum FetchedEntry {
    One(FetchedValue),
    Found(NamedValues),
}

pub(crate) struct FetchedValue {
    /// The key of its version in `status.versions`, if it can have several.
    pub(crate) version_key: Option<String>,
    pub(crate) answer: Result<Arc<ReadResponse>, Failure>,
}

pub(crate) type NamedValues = Vec<(String, FetchedValue)>;

impl FetchedEntries {
    /// The bytes of all entries, where entries for the same value count separately.
    pub(super) fn bytes(&self) -> usize {
        let size = |entry: &FetchedEntry| match entry {
            FetchedEntry::One(value) => value.bytes(),
            FetchedEntry::Found(values) => values.iter().map(|(_, value)| value.bytes()).sum(),
        };
        self.data_from.iter().chain(&self.data).flatten().map(size).sum()
    }
}

impl FetchedValue {
    fn bytes(&self) -> usize {
        match self.answer.as_deref() {
            Ok(ReadResponse::Value(value)) => value.bytes.len(),
            _ => 0,
        }
    }
}

pub(crate) fn is_gone(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::NotFound | Reason::MarkedForDeletion)
}

pub(super) struct Location<'s> {
    pub(super) from: &'s ReadableStore,
    /// The namespace of the object that reads.
    pub(super) namespace: &'s str,
    pub(super) budget: &'s ReadBudget,
    /// The [`versions::scope`].
    pub(super) scope: String,
}

impl Location<'_> {
    pub(super) async fn read(&self, request: &ReadRequest) -> FetchedValue {
        let answer = self.answer(request).await;
        FetchedValue { version_key: versions::key(&self.scope, request), answer }
    }

    /// Reads while the object has bytes left, and charges it for the answer.
    pub(super) async fn answer(&self, request: &ReadRequest) -> Result<Arc<ReadResponse>, Failure> {
        self.budget.check()?;
        if request.name().is_some_and(|name| name.len() > MAX_NAME_BYTES) {
            let message =
                format!("a name in AWS has at most {MAX_NAME_BYTES} bytes: shorten the key");
            return Err(Failure::new(Reason::Malformed, message));
        }
        let Self { from, namespace, .. } = self;
        let read = from.reader.planner.read(namespace, request.clone(), from.urgency);
        let answer = timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| {
            let detail = Some(format!("AWS did not answer within {} s", READ_TIMEOUT.as_secs()));
            Err(ReadError { detail, ..ReadError::new(Reason::Timeout, "") })
        });
        let answer = answer.map_err(|error| explain(&error, request, self.from))?;
        self.budget.charge(request, &answer)?;
        Ok(answer)
    }

    pub(super) fn request(&self, reference: &RemoteRef) -> ReadRequest {
        request(self.from.aws.service, &self.from.aws.prefix, reference)
    }
}

/// The request for an entry of a store with this service and prefix.
pub(super) fn request(service: AwsService, prefix: &str, reference: &RemoteRef) -> ReadRequest {
    let key = format!("{prefix}{}", reference.key);
    let is_tags = reference.metadata_policy == MetadataPolicy::Fetch;
    match (service, is_tags) {
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

fn explain(error: &ReadError, request: &ReadRequest, from: &ReadableStore) -> Failure {
    if let Some(detail) = &error.detail {
        return Failure::new(error.reason, detail.clone());
    }
    let (region, store, action) = (from.aws.region.as_str(), &from.store.key, error.action);
    let (kind, name) = match request {
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => ("secret", Some(id)),
        ReadRequest::Parameter { name } | ReadRequest::ParameterTags { name } => {
            ("parameter", Some(name))
        }
        ReadRequest::ParametersBelow { path } => ("parameters below", Some(path)),
        ReadRequest::SecretNames(_) | ReadRequest::ParameterNames(_) => ("list", None),
    };
    let version = match request {
        ReadRequest::Secret { version, .. } if *version != Version::current() => {
            let (Version::Stage(version) | Version::Id(version)) = version;
            format!(" in version {}", version.escape_debug())
        }
        _ => String::new(),
    };
    let what = match name {
        Some(name) => format!("{kind} `{}`{version}", name.escape_debug()),
        None => format!("the {kind}"),
    };
    let resource = request.resource(region);
    let message = match error.reason {
        Reason::NotFound => format!("{what} not found in {region} for {store}"),
        Reason::VersionNotFound => {
            format!("{what}: the parameter exists, but not in this version ({region}, {store})")
        }
        Reason::MarkedForDeletion => {
            format!("{what} is marked for deletion in AWS: restore it, or remove the reference")
        }
        Reason::AccessDenied if let Some(rejection) = error.rejected => {
            let why = match rejection {
                Rejection::Expired => "they have expired",
                Rejection::Signature => {
                    "invalid secret access key, or the controller node's clock is skewed"
                }
                Rejection::Unknown => "AWS does not know them",
            };
            format!("AWS rejects the credentials of {store}: {why}")
        }
        Reason::AccessDenied => {
            format!("AWS denies {action} on {resource}: allow it to the role of {store}")
        }
        Reason::KmsDenied => format!(
            "AWS denies kms:Decrypt for {what}: allow the role of {store} to use its KMS key"
        ),
        Reason::Throttled => format!("AWS throttles requests ({action} on {resource})"),
        Reason::Timeout => format!("AWS timed out ({action} on {resource})"),
        Reason::Malformed => {
            format!("AWS rejects the request for {what} as invalid: check its name")
        }
        _ => format!("AWS is unreachable or fails ({action} on {resource})"),
    };
    Failure::new(error.reason, message)
}
