//! Where an entry is read: a store, and a scope of versions.

use std::time::Duration;

use crds::{
    external_secret::{MetadataPolicy, RemoteRef},
    secret_store::AwsService,
};
use tokio::time::timeout;

use super::{entry::FetchedValue, explain::explain, store::ReadableStore};
use crate::{
    aws::{ReadError, ReadRequest, Version},
    external::versions,
    reason::Reason,
};

/// How long an object waits for one answer, retries included. It is shorter than the time of a reconcile, so
/// that the status names the entry.
const READ_TIMEOUT: Duration = Duration::from_secs(100);

pub(super) struct Location<'s> {
    pub(super) store: &'s ReadableStore,
    /// The [`versions::scope`].
    pub(super) scope: String,
}

impl Location<'_> {
    pub(super) async fn read_reference(&self, reference: &RemoteRef) -> FetchedValue {
        self.read(self.request(reference)).await
    }

    pub(super) async fn read(&self, request: ReadRequest) -> FetchedValue {
        let read = self.store.reader.planner.read(request.clone());
        let answer = timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| {
            let detail = Some(format!("AWS did not answer within {} s", READ_TIMEOUT.as_secs()));
            Err(ReadError { detail, ..ReadError::new(Reason::Timeout, "") })
        });
        let answer = answer.map_err(|error| explain(&error, &request, self.store));
        FetchedValue { version_key: versions::key(&self.scope, &request), answer }
    }

    fn request(&self, reference: &RemoteRef) -> ReadRequest {
        let key = format!("{}{}", self.store.prefix, reference.key);
        let is_tags = reference.metadata_policy == MetadataPolicy::Fetch;
        match (self.store.service, is_tags) {
            // All versions of a parameter have the same tags.
            (AwsService::ParameterStore, true) => ReadRequest::ParameterTags { name: key },
            (AwsService::ParameterStore, false) => {
                let colon = if reference.version.is_empty() { "" } else { ":" };
                ReadRequest::Parameter { name: format!("{key}{colon}{}", reference.version) }
            }
            (_, true) => ReadRequest::SecretTags { id: key },
            (_, false) => {
                ReadRequest::Secret { id: key, version: Version::parse(&reference.version) }
            }
        }
    }
}
