//! The requests for versions, and what reads would cost in their place.

use std::time::Duration;

use futures::future::BoxFuture;

use super::list::Page;
use crate::aws::{
    planner::BatchPermission,
    read::{BatchResponses, ReadRequest, ReadResult},
};

/// How long a denial, and requests that cost more than reads, are believed.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_hours(24);

/// Lists and describes versions, with one identity.
pub(crate) trait VersionSource: Send + Sync + 'static {
    /// A page of the list of all secrets: the first one, or the one of this token.
    fn page(&self, token: Option<String>) -> BoxFuture<'_, ReadResult<Page>>;

    /// How many values one request describes.
    fn max_descriptions(&self) -> usize;

    /// The versions that AWS has, without values. None if that takes more requests than reads.
    fn describe(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, ReadResult<Option<BatchResponses>>>;
}

/// The requests that read so many values.
pub(super) fn reads(values: usize, batches: BatchPermission, batch_size: usize) -> usize {
    match batches {
        BatchPermission::Denied(_) => values,
        BatchPermission::Unknown | BatchPermission::Allowed => values.div_ceil(batch_size.max(1)),
    }
}
