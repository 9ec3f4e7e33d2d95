//! Sends requests to AWS: several attempts, each of them counted. The configuration of the SDK.

use std::{sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{
    aws::{
        credentials::CachedCredentials,
        error::{ReadError, Rejection},
        identity::Retries,
        metrics::AwsMetrics,
        rates::IdentityRates,
    },
    reason::Reason,
    runtime::backoff::Backoff,
};

const RETRY_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(400), max: Duration::from_millis(12_800) };
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// A million secrets.
const MAX_LIST_PAGES: usize = 10_000;

type Sent<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// Calls AWS for one identity.
pub(super) struct Caller {
    /// The store, as metrics name it.
    pub(super) store: String,
    pub(super) retries: Retries,
    pub(super) metrics: AwsMetrics,
    /// The cache of the credentials in use, which can renew them. STS is called with credentials
    /// that are not in a cache.
    pub(super) credentials: Option<Arc<CachedCredentials>>,
    /// None for STS, which has a quota of its own.
    pub(super) rates: Option<IdentityRates>,
}

impl Caller {
    /// Sends a request with this action of IAM. Sends it again after transient errors, and again with
    /// new credentials if AWS rejected the cached ones.
    pub(super) async fn call<T, E: ProvideErrorMetadata, F: Future<Output = Sent<T, E>>>(
        &self,
        action: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, ReadError> {
        let (mut attempt, mut renewed) = (1, false);
        loop {
            if let Some(rates) = &self.rates {
                rates.turn(action).await;
            }
            // Asking the cache before the SDK does keeps the reason why there are none.
            let cached = match &self.credentials {
                Some(cache) => Some((cache, cache.get().await.map_err(ReadError::of)?)),
                None => None,
            };
            let result = send().await;
            let result = result.map_err(|error| ReadError::from_sdk(&error, action));
            let failure = result.as_ref().err().map(|error| error.reason);
            self.metrics.call(&self.store, action, failure);
            if let Some(rates) = &self.rates {
                rates.ended(action, failure);
            }
            let error = match result {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // The SDK has corrected its clock after a rejected signature.
            let has_wrong_clock = error.rejected == Some(Rejection::Signature);
            let may_retry = match (error.rejected, &cached) {
                (Some(rejection), Some((cache, used))) if !renewed => {
                    renewed = has_wrong_clock || cache.expire(used, rejection);
                    if renewed {
                        continue;
                    }
                    false
                }
                (Some(_), None) => has_wrong_clock,
                _ => error.reason.passes(),
            };
            if !may_retry || attempt >= self.retries.attempts {
                return Err(error);
            }
            let backoff = || RETRY_BACKOFF.delay(attempt - 1, rand::random());
            tokio::time::sleep(self.retries.pause.unwrap_or_else(backoff)).await;
            attempt += 1;
        }
    }

    /// Sends a request for each page. `take` returns the token of the next page.
    pub(super) async fn pages<T, E: ProvideErrorMetadata, F: Future<Output = Sent<T, E>>>(
        &self,
        action: &'static str,
        send: impl Fn(Option<String>) -> F,
        mut take: impl FnMut(T) -> Result<Option<String>, ReadError>,
    ) -> Result<(), ReadError> {
        let mut token = None;
        for _ in 0..MAX_LIST_PAGES {
            token = take(self.call(action, || send(token.clone())).await?)?;
            if token.is_none() {
                return Ok(());
            }
        }
        Err(ReadError::new(Reason::Unavailable, action))
    }
}

/// Loads the configuration from the environment and its files as they are now.
pub(super) async fn load_config(region: &str, http_client: SharedHttpClient) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http_client)
        // `Caller` retries, because it counts attempts.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await
}

/// The endpoint in this variable. External Secrets uses the same variables.
pub(super) fn endpoint(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
    use prometheus_client::registry::Registry;

    use super::*;

    fn caller(credentials: Option<Arc<CachedCredentials>>) -> Caller {
        let metrics = AwsMetrics::register(&mut Registry::default());
        let (store, retries) = ("s".to_owned(), Retries::default());
        Caller { store, retries, metrics, credentials, rates: None }
    }

    fn cached(lifetime: Duration) -> Arc<CachedCredentials> {
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
        let error = caller.call("a:N", send).await.unwrap_err();
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
