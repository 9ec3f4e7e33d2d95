//! How much one ExternalSecret may read and hold.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
};

use crate::{
    aws::{ReadRequest, ReadResponse},
    reason::{Failure, Reason},
};

/// All values of one object, twice what a Secret holds. Read values and the values made of them count
/// separately.
const MAX_BYTES: usize = 2 << 20;

/// The bytes of an object so far.
#[derive(Default)]
pub(super) struct ByteBudget(usize);

/// The answers for one object. Each is charged once, since entries for the same value share its answer.
#[derive(Default)]
pub(super) struct ReadBudget(Mutex<Read>);

#[derive(Default)]
struct Read {
    bytes: ByteBudget,
    charged: HashSet<ReadRequest>,
}

impl ByteBudget {
    /// Fails with `Malformed` when this many bytes more are too many.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Failure> {
        self.0 = self.0.saturating_add(bytes);
        if self.0 <= MAX_BYTES {
            return Ok(());
        }
        let message = "the values are larger than 2 MiB together, and a Secret holds 1 MiB: remove entries, or \
                       narrow name, path or tags of find";
        Err(Failure::new(Reason::Malformed, message))
    }
}

impl ReadBudget {
    /// Whether another read may be sent.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.lock().bytes.charge(0)
    }

    pub(super) fn charge(
        &self,
        request: &ReadRequest,
        response: &ReadResponse,
    ) -> Result<(), Failure> {
        let ReadResponse::Value(value) = response else { return Ok(()) };
        let mut read = self.lock();
        let is_new = read.charged.insert(request.clone());
        read.bytes.charge(if is_new { value.bytes.len() } else { 0 })
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::aws::Value;

    #[test]
    fn answer_is_charged_once_and_a_full_budget_sends_no_more_reads() {
        let response =
            ReadResponse::Value(Value { bytes: Zeroizing::new(vec![0; 1 << 20]), version: None });
        let budget = ReadBudget::default();
        for _ in 0..3 {
            budget.charge(&ReadRequest::current("a"), &response).unwrap();
        }
        budget.charge(&ReadRequest::current("b"), &response).unwrap();
        budget.check().unwrap();
        let failure = budget.charge(&ReadRequest::current("c"), &response).unwrap_err();
        assert_eq!(failure.reason, Reason::Malformed);
        assert!(budget.check().is_err());
    }
}
