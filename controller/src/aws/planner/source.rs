//! The interface of the planner to AWS.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

use crate::aws::{
    error::ReadError,
    read::{ReadRequest, ReadResponse},
};

/// The responses of a batch, without the values that AWS left out.
pub(crate) type BatchResponses = BTreeMap<ReadRequest, Result<ReadResponse, ReadError>>;

/// Reads from AWS, with one identity.
pub(crate) trait ReadSource: Send + Sync + 'static {
    fn max_batch_size(&self) -> usize;

    /// Whether a batch may contain this request.
    fn is_batchable(&self, request: &ReadRequest) -> bool;

    /// Whether AWS denies a whole batch because of one of its requests.
    fn one_poisons_batch(&self) -> bool;

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>>;

    fn read_batch(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, Result<BatchResponses, ReadError>>;

    /// Counts the objects that got a response.
    fn count_served(&self, objects: usize);
}
