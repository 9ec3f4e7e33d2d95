//! Sends requests to AWS: several attempts, each of them counted.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    aws::{
        credentials::CachedCredentials,
        error::{ReadError, Rejection},
        identity::Retries,
        metrics::{AwsMetrics, CallOutcome},
    },
    runtime::backoff::Backoff,
};

const RETRY_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(400), max: Duration::from_millis(12_800) };

#[derive(Clone, Copy)]
pub(super) struct Operation {
    /// The provider as External Secrets' metrics name it.
    pub(super) provider: &'static str,
    /// The name as External Secrets' metrics have it.
    pub(super) name: &'static str,
    /// The action as IAM writes it.
    pub(super) action: &'static str,
}

/// Calls AWS for one identity.
pub(super) struct Caller {
    /// The store, as metrics name it.
    pub(super) store: String,
    pub(super) retries: Retries,
    pub(super) metrics: AwsMetrics,
    /// The cache of the credentials in use, which can renew them. STS is called with credentials
    /// that are not in a cache.
    pub(super) credentials: Option<CachedCredentials>,
}

impl Caller {
    /// Sends a request. Sends it again after transient errors, and again with new credentials
    /// if AWS rejected the cached ones.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: Operation,
        send: impl Fn() -> F,
    ) -> Result<T, ReadError>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 1;
        let mut renewed = false;
        loop {
            let cached = match &self.credentials {
                Some(cache) => Some((cache, current(cache).await?)),
                None => None,
            };
            let result =
                send().await.map_err(|error| ReadError::from_sdk(&error, operation.action));
            self.metrics.call(
                &self.store,
                operation.provider,
                operation.name,
                CallOutcome::of(&result),
            );
            let error = match result {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let may_retry = match (error.rejected, &cached) {
                (Some(rejection), Some((cache, used))) if !renewed => {
                    // The SDK has corrected its clock after a rejected signature.
                    if rejection == Rejection::Signature || cache.expire(used, rejection) {
                        renewed = true;
                        continue;
                    }
                    false
                }
                (Some(Rejection::Signature), None) => true,
                _ => error.is_transient(),
            };
            if !may_retry || attempt >= self.retries.attempts {
                return Err(error);
            }
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        self.retries.pause.unwrap_or_else(|| RETRY_BACKOFF.delay(attempt - 1, rand::random()))
    }
}

/// The current credentials. Asking the cache before the SDK does keeps the reason why there are
/// none.
async fn current(
    cache: &CachedCredentials,
) -> Result<aws_credential_types::Credentials, ReadError> {
    cache.get().await.map_err(|failure| ReadError {
        detail: Some(failure.message),
        ..ReadError::new(failure.reason, "")
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::reason::Reason;

    const OPERATION: Operation = Operation { provider: "p", name: "n", action: "a:N" };

    fn caller(credentials: Option<CachedCredentials>) -> Caller {
        let metrics = AwsMetrics::register(&mut Registry::default());
        Caller { store: "s".to_owned(), retries: Retries::default(), metrics, credentials }
    }

    fn cached(lifetime: Duration) -> CachedCredentials {
        CachedCredentials::new(Box::new(move || {
            let expiry = std::time::SystemTime::now() + lifetime;
            Box::pin(async move { Ok(Credentials::new("id", "key", None, Some(expiry), "test")) })
        }))
    }

    /// The number of requests until a call fails with this code, and its reason.
    async fn requests(caller: &Caller, code: &str) -> (u32, Reason) {
        let count = Cell::new(0);
        let send = async || {
            count.set(count.get() + 1);
            let error = ErrorMetadata::builder().code(code).build();
            let response = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::empty());
            Err::<(), _>(SdkError::service_error(error, response))
        };
        let error = caller.call(OPERATION, send).await.unwrap_err();
        (count.get(), error.reason)
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_retried_and_others_are_not() {
        let caller = caller(Some(cached(Duration::from_hours(1))));
        assert_eq!(requests(&caller, "ThrottlingException").await, (3, Reason::Throttled));
        assert_eq!(requests(&caller, "AccessDenied").await, (1, Reason::AccessDenied));
    }

    #[tokio::test(start_paused = true)]
    async fn rejected_credentials_are_replaced_once() {
        let caller = caller(Some(cached(Duration::from_hours(1))));
        assert_eq!(requests(&caller, "ExpiredToken").await, (2, Reason::AccessDenied));
        assert_eq!(requests(&caller, "SignatureDoesNotMatch").await, (2, Reason::AccessDenied));
        // New credentials would be as unknown as these.
        assert_eq!(requests(&caller, "InvalidClientTokenId").await, (1, Reason::AccessDenied));
    }

    #[tokio::test(start_paused = true)]
    async fn rejected_signature_is_retried_like_a_transient_error_without_a_cache() {
        let caller = caller(None);
        assert_eq!(requests(&caller, "SignatureDoesNotMatch").await, (3, Reason::AccessDenied));
        assert_eq!(requests(&caller, "ExpiredToken").await, (1, Reason::AccessDenied));
    }

    #[test]
    fn pauses_double_up_to_the_sixth_attempt() {
        let full = |attempt: u32| RETRY_BACKOFF.delay(attempt - 1, u32::MAX);
        assert_eq!(full(1), Duration::from_millis(400));
        assert_eq!(full(2), Duration::from_millis(800));
        assert_eq!(full(6), Duration::from_millis(12_800));
        assert_eq!(full(20), Duration::from_millis(12_800));
    }
}
