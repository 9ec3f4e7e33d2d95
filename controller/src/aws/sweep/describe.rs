//! Asks AWS for the versions of single values, without the values: no lag of a list, no secret in the response,
//! and no request to KMS. One request describes a secret, or 50 parameters.
//!
//! Descriptions are batched like reads, by a planner of their own. They are only used if they cost no more requests
//! than the reads that they save, and if AWS allows them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::source::{RECHECK_INTERVAL, VersionSource, reads};
use crate::{
    aws::{
        error::ReadError,
        planner::{BatchPermission, Planner, is_refusal},
        read::{BatchResponses, ReadRequest, ReadResponse, ReadResult, ReadSource},
    },
    reason::Reason,
};

/// How long a worker waits for a description.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Describes versions for one identity.
pub(crate) struct Describer {
    source: Arc<Descriptions>,
    /// Batches the descriptions.
    planner: Arc<Planner>,
    /// Reads the values.
    values: Arc<Planner>,
}

/// The planner of descriptions takes them for values.
struct Descriptions {
    source: Arc<dyn VersionSource>,
    unusable: Mutex<Option<Unusable>>,
}

/// Why descriptions are not used, and since when.
#[derive(Clone, Copy, Debug)]
struct Unusable {
    /// None: they take more requests than reads.
    denied: Option<&'static str>,
    since: Instant,
}

impl Describer {
    /// `values` is the planner of the reads.
    pub(crate) fn new(source: Arc<dyn VersionSource>, values: Arc<Planner>) -> Self {
        let source = Arc::new(Descriptions { source, unusable: Mutex::default() });
        // Batches need no other permission.
        let planner = Planner::new(source.clone(), BatchPermission::Allowed);
        Self { source, planner, values }
    }

    /// Whether descriptions of so many values cost no more requests than reads, and are allowed.
    pub(crate) fn is_worth_it(&self, values: usize) -> bool {
        let reads = reads(values, self.values.batch_permission(), self.values.max_batch_size());
        let requests = values.div_ceil(self.source.max_batch_size());
        requests <= reads && self.source.unusable().is_none()
    }

    /// The id of the version that AWS has now, for an object of this namespace. None if it has none.
    pub(crate) async fn version(
        &self,
        namespace: &str,
        request: ReadRequest,
    ) -> ReadResult<Option<String>> {
        let described = timeout(MAX_WAIT, self.planner.read(namespace, request)).await;
        let late = |_| Err(ReadError::new(Reason::Timeout, "describe"));
        match &*described.unwrap_or_else(late)? {
            ReadResponse::Value(value) => Ok(value.version.as_ref().map(|read| read.id.clone())),
            ReadResponse::Names(_) | ReadResponse::Values(_) => Ok(None),
        }
    }
}

impl Descriptions {
    /// Sends a request, unless AWS denied one within a day.
    async fn describe(&self, requests: Vec<ReadRequest>) -> ReadResult<BatchResponses> {
        if let Some(Unusable { denied, .. }) = self.unusable() {
            return Err(ReadError::new(Reason::AccessDenied, denied.unwrap_or("describe")));
        }
        let described = self.source.describe(requests.clone()).await;
        let denied = match &described {
            Ok(None) => Some(None),
            Err(error) if error.reason == Reason::AccessDenied && is_refusal(error) => {
                Some(Some(error.action))
            }
            _ => None,
        };
        if let Some(denied) = denied {
            let unusable = Unusable { denied, since: Instant::now() };
            *self.unusable.lock().expect("no holder of the lock panics") = Some(unusable);
        }
        let mut described = described?.unwrap_or_default();
        // The planner asks again for what is missing in a batch.
        for request in requests {
            described.entry(request).or_insert_with(|| Ok(ReadResponse::of_version(None)));
        }
        Ok(described)
    }

    /// Permissions change, so a denial holds for a day.
    fn unusable(&self) -> Option<Unusable> {
        let mut unusable = self.unusable.lock().expect("no holder of the lock panics");
        *unusable = unusable.filter(|unusable| unusable.since.elapsed() < RECHECK_INTERVAL);
        *unusable
    }
}

impl ReadSource for Descriptions {
    fn max_batch_size(&self) -> usize {
        self.source.max_descriptions()
    }

    fn is_batchable(&self, _: &ReadRequest) -> bool {
        self.max_batch_size() > 1
    }

    fn one_poisons_batch(&self) -> bool {
        false
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, ReadResult> {
        Box::pin(async move {
            let mut described = self.describe(vec![request.clone()]).await?;
            described.remove(&request).unwrap_or_else(|| Ok(ReadResponse::of_version(None)))
        })
    }

    fn read_batch(&self, requests: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<BatchResponses>> {
        Box::pin(self.describe(requests))
    }

    fn count_served(&self, _: usize) {}
}
