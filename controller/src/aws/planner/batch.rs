//! Decides what to do after a batch. Pure: no request, clock or lock.

use super::source::BatchResponses;
use crate::{
    aws::{
        error::ReadError,
        read::{ReadRequest, ReadResponse},
    },
    reason::Reason,
};

pub(super) type BatchResult = Result<BatchResponses, ReadError>;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum BatchOutcome {
    Answered,
    Throttled(ReadError),
    /// It failed for a reason that says nothing about permissions.
    Failed,
    /// AWS denied or rejected it. The cause is one of its requests, or a missing permission for
    /// batches.
    Refused(ReadError),
}

/// What to do with a request of a batch.
#[derive(Debug)]
pub(super) enum Next {
    Reply(Result<ReadResponse, ReadError>),
    /// Read it individually. The result says nothing about batches.
    Retry,
    /// Read it individually. The result helps to [`diagnose`] why the batch was refused.
    ReadIndividually,
    /// Read it individually. If that succeeds, keep it out of batches.
    NeverBatch,
}

/// Why a batch was refused.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Diagnosis {
    /// The identity may not read batches: AWS denies this action.
    BatchesDenied(&'static str),
    /// These requests caused it.
    Poisoned(Vec<ReadRequest>),
}

impl BatchOutcome {
    pub(super) fn of(result: &BatchResult) -> Self {
        match result {
            Ok(_) => Self::Answered,
            Err(error) if error.reason == Reason::Throttled => Self::Throttled(error.clone()),
            // Without valid credentials, the result says nothing about permissions.
            Err(error)
                if error.is_transient() || error.rejected.is_some() || error.detail.is_some() =>
            {
                Self::Failed
            }
            Err(error) => Self::Refused(error.clone()),
        }
    }
}

/// Decides what to do with each request of a batch.
pub(super) fn classify(
    requests: Vec<ReadRequest>,
    result: BatchResult,
) -> Vec<(ReadRequest, Next)> {
    let outcome = BatchOutcome::of(&result);
    let mut responses = result.unwrap_or_default();
    let next = |request: &ReadRequest| match &outcome {
        BatchOutcome::Answered => match responses.remove(request) {
            Some(Ok(response)) => Next::Reply(Ok(response)),
            Some(Err(error)) if error.is_transient() => Next::Retry,
            Some(Err(_)) => Next::NeverBatch,
            None => Next::Retry,
        },
        // Individual reads would be throttled too.
        BatchOutcome::Throttled(error) => Next::Reply(Err(error.clone())),
        BatchOutcome::Failed => Next::Retry,
        BatchOutcome::Refused(_) => Next::ReadIndividually,
    };
    let next: Vec<Next> = requests.iter().map(next).collect();
    requests.into_iter().zip(next).collect()
}

/// Finds out why a batch was refused. `failed` are those of its `count` requests that failed
/// individually too.
pub(super) fn diagnose(
    refusal: &ReadError,
    count: usize,
    failed: Vec<(ReadRequest, ReadError)>,
    one_poisons_batch: bool,
) -> Diagnosis {
    let has_some_succeeded = failed.len() < count;
    let suspects: Vec<_> = failed
        .into_iter()
        .filter(|(_, error)| error.reason == refusal.reason)
        .map(|(request, _)| request)
        .collect();
    let is_innocent = suspects.is_empty() || has_some_succeeded && !one_poisons_batch;
    if refusal.reason == Reason::AccessDenied && is_innocent {
        Diagnosis::BatchesDenied(refusal.action)
    } else {
        Diagnosis::Poisoned(suspects)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::aws::{error::Rejection, read::Value};

    fn requests(ids: &[&str]) -> Vec<ReadRequest> {
        ids.iter().map(|id| ReadRequest::current(*id)).collect()
    }

    fn error(reason: Reason) -> ReadError {
        ReadError::new(reason, "batch")
    }

    fn names(classified: &[(ReadRequest, Next)]) -> Vec<&'static str> {
        let name = |next: &Next| match next {
            Next::Reply(Ok(_)) => "reply",
            Next::Reply(Err(_)) => "reply with error",
            Next::Retry => "retry",
            Next::ReadIndividually => "read individually",
            Next::NeverBatch => "never batch",
        };
        classified.iter().map(|(_, next)| name(next)).collect()
    }

    #[test]
    fn each_response_of_an_answered_batch_is_classified() {
        let value = Value { bytes: Zeroizing::new(vec![1]), version: None };
        let [ok, throttled, denied, missing] = requests(&["a", "b", "c", "d"]).try_into().unwrap();
        let responses = BatchResponses::from([
            (ok.clone(), Ok(ReadResponse::Value(value))),
            (throttled.clone(), Err(error(Reason::Throttled))),
            (denied.clone(), Err(error(Reason::AccessDenied))),
        ]);
        let classified = classify(vec![ok, throttled, denied, missing], Ok(responses));
        assert_eq!(names(&classified), ["reply", "retry", "never batch", "retry"]);
    }

    #[test]
    fn requests_of_a_failed_batch_are_classified_by_its_error() {
        let rejected =
            ReadError { rejected: Some(Rejection::Expired), ..error(Reason::AccessDenied) };
        let explained = ReadError { detail: Some("x".into()), ..error(Reason::AccessDenied) };
        for (error, expected) in [
            (error(Reason::Throttled), "reply with error"),
            (error(Reason::Timeout), "retry"),
            (rejected, "retry"),
            (explained, "retry"),
            (error(Reason::AccessDenied), "read individually"),
            (error(Reason::Malformed), "read individually"),
        ] {
            let classified = classify(requests(&["a", "b"]), Err(error.clone()));
            assert_eq!(names(&classified), [expected; 2], "{error:?}");
        }
    }

    #[test]
    fn refusal_is_diagnosed_by_individual_reads() {
        let denied = error(Reason::AccessDenied);
        let failed = |ids: &[&str], reason| {
            requests(ids).into_iter().map(|request| (request, error(reason))).collect::<Vec<_>>()
        };
        let poisoned = |ids| Diagnosis::Poisoned(requests(ids));
        let batches = Diagnosis::BatchesDenied("batch");
        for (refusal, failed, one_poisons, expected) in [
            // All succeed individually.
            (&denied, vec![], true, &batches),
            // Some are denied, which does not refuse the batch in Secrets Manager, but does in
            // Parameter Store.
            (&denied, failed(&["a"], Reason::AccessDenied), false, &batches),
            (&denied, failed(&["a"], Reason::AccessDenied), true, &poisoned(&["a"])),
            // The failures have another reason.
            (&denied, failed(&["a"], Reason::NotFound), true, &batches),
            // All are denied, so the permission for batches stays unknown.
            (&denied, failed(&["a", "b"], Reason::AccessDenied), false, &poisoned(&["a", "b"])),
            // A malformed request is no matter of permissions.
            (
                &error(Reason::Malformed),
                failed(&["a"], Reason::Malformed),
                false,
                &poisoned(&["a"]),
            ),
            (&error(Reason::Malformed), vec![], false, &poisoned(&[])),
        ] {
            let diagnosis = diagnose(refusal, 2, failed, one_poisons);
            assert_eq!(&diagnosis, expected);
        }
    }
}
