//! The requests for versions, and what reads would cost in their place.

use std::time::Duration;

use futures::future::BoxFuture;

use super::list::Page;
use crate::{
    aws::{
        planner::BatchPermission,
        read::{BatchResponses, ReadRequest, ReadResult},
    },
    reason::Reason,
};

/// How many requests must fail in a row before that is reported.
pub(super) const MIN_FAILURES: u32 = 3;
/// How long a denial, and requests that cost more than reads, are believed.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_hours(24);

/// Whether AWS tells an identity versions without values, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum VersionChecks {
    Unknown,
    Work,
    /// This action has failed several times in a row.
    Failing(&'static str, Reason),
    /// AWS denies this action.
    Denied(&'static str),
}

impl VersionChecks {
    /// The meaning of so many failures of an action in a row. A single failure shows nothing.
    pub(super) fn failing(failures: u32, action: &'static str, reason: Reason) -> Self {
        if failures < MIN_FAILURES { Self::Unknown } else { Self::Failing(action, reason) }
    }

    /// The more urgent of both.
    pub(super) fn or(self, other: Self) -> Self {
        let urgency = |checks: &Self| match checks {
            Self::Unknown => 0,
            Self::Work => 1,
            Self::Failing(..) => 2,
            Self::Denied(_) => 3,
        };
        if urgency(&other) > urgency(&self) { other } else { self }
    }
}

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
