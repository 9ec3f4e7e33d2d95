//! Asks AWS for the versions of single values, without the values: no lag of a list, no secret in the response,
//! and no request to KMS. One request describes a secret, or 50 parameters.
//!
//! Descriptions are batched like reads, by a planner of their own. They are only used if they cost no more requests
//! than the reads that they save, and if AWS allows them.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::source::{RECHECK_INTERVAL, VersionChecks, VersionSource, reads};
use crate::{
    aws::{
        error::ReadError,
        planner::{BatchPermission, Planner, Urgency, is_refusal},
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
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    unusable: Option<Unusable>,
    has_succeeded: bool,
    /// The last failure, and how many there were in a row.
    failing: Option<(&'static str, Reason, u32)>,
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
        let source = Arc::new(Descriptions { source, state: Mutex::default() });
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

    /// Whether descriptions work.
    pub(super) fn checks(&self) -> VersionChecks {
        let State { unusable, has_succeeded, failing } = *self.source.lock();
        let works = if has_succeeded { VersionChecks::Work } else { VersionChecks::Unknown };
        match (unusable, failing) {
            (Some(Unusable { denied: Some(action), .. }), _) => VersionChecks::Denied(action),
            (_, Some((action, reason, failures))) => {
                works.or(VersionChecks::failing(failures, action, reason))
            }
            _ => works,
        }
    }

    /// The id of the version that AWS has now, for an object of this namespace. None if it has none.
    pub(crate) async fn version(
        &self,
        namespace: &str,
        request: ReadRequest,
    ) -> ReadResult<Option<String>> {
        let described =
            timeout(MAX_WAIT, self.planner.read(namespace, request, Urgency::Routine)).await;
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
        self.record(&described);
        let mut described = described?.unwrap_or_default();
        // The planner asks again for what is missing in a batch.
        for request in requests {
            described.entry(request).or_insert_with(|| Ok(ReadResponse::of_version(None)));
        }
        Ok(described)
    }

    fn record(&self, described: &ReadResult<Option<BatchResponses>>) {
        let mut state = self.lock();
        let unusable = |denied| Some(Unusable { denied, since: Instant::now() });
        match described {
            Ok(Some(_)) => (state.failing, state.has_succeeded) = (None, true),
            Ok(None) => state.unusable = unusable(None),
            Err(error) if error.reason == Reason::AccessDenied && is_refusal(error) => {
                state.unusable = unusable(Some(error.action));
            }
            Err(ReadError { action, reason, .. }) if reason.passes() => {
                let before = state.failing.map_or(0, |(.., failures)| failures);
                state.failing = Some((*action, *reason, before.saturating_add(1)));
            }
            // It says something about the value.
            Err(_) => {}
        }
    }

    /// Permissions change, so a denial holds for a day.
    fn unusable(&self) -> Option<Unusable> {
        let mut state = self.lock();
        state.unusable =
            state.unusable.filter(|unusable| unusable.since.elapsed() < RECHECK_INTERVAL);
        state.unusable
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
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
