//! What the API server's refusals mean, in our words.

use std::{future::Future, time::Duration};

use kube::{Error, api::ObjectMeta, core::Status};

use crate::reason::{Failure, Reason};

/// No single request (a watch is none) waits longer than this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The API server refused, or could not be asked.
    #[error(transparent)]
    Api(#[from] Error),
    /// No answer in time.
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    TimedOut,
}

/// Makes a request, within the time that one may take.
///
/// # Errors
/// As the request, or `TimedOut`.
pub async fn request<T>(
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(RequestError::TimedOut),
    }
}

/// Orders what watches and our own requests tell of one object. The API server's versions are
/// numbers (KEP-5504); one that is not counts as newest.
pub fn version_of(metadata: &ObjectMeta) -> u64 {
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    version.parse().unwrap_or(u64::MAX)
}

impl RequestError {
    /// The object was changed, or exists already.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The object is not as its schema says.
    pub fn is_invalid(&self) -> bool {
        self.code() == Some(422)
    }

    /// The object is not there.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// The namespace takes no new objects, since it is being deleted.
    pub fn is_namespace_terminating(&self) -> bool {
        let causes = self.status().and_then(|status| status.details.as_ref());
        causes.is_some_and(|details| {
            details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
        })
    }

    /// The failure to report. `action` is what was tried, as in "create Secret n/s". The API
    /// server's own text is left out: it may quote what it was given.
    pub fn failure(&self, action: &str) -> Failure {
        let (reason, message) = match self.code() {
            Some(403) => (
                Reason::AccessDenied,
                format!(
                    "the API server forbids the controller to {action}: give its ServiceAccount \
                     that right, or see what admission policy refuses it"
                ),
            ),
            Some(409) => (
                Reason::Conflict,
                format!("others changed the object while the controller tried to {action}"),
            ),
            Some(400 | 413 | 422) => (
                Reason::InvalidSecret,
                format!("the API server refuses to {action}: {}", self.causes()),
            ),
            Some(429) => (
                Reason::Throttled,
                format!("the API server asks for fewer requests; it is still to {action}"),
            ),
            Some(code) => (
                Reason::Unavailable,
                format!("the API server answered {code} to the request to {action}"),
            ),
            None if matches!(self, Self::TimedOut) => (
                Reason::Timeout,
                format!("the API server did not answer in time to the request to {action}"),
            ),
            None => {
                (Reason::Unavailable, format!("the API server could not be reached to {action}"))
            }
        };
        Failure::new(reason, message)
    }

    /// The fields that the API server complains of, with its words for why. Fields are names of
    /// the API and keys of the Secret, never values.
    fn causes(&self) -> String {
        let causes = self.status().and_then(|status| status.details.as_ref());
        let causes: Vec<_> = causes
            .iter()
            .flat_map(|details| &details.causes)
            .take(5)
            .map(|cause| format!("{} ({})", cause.field, cause.reason))
            .collect();
        if causes.is_empty() {
            let reason = self.status().map_or("", |status| status.reason.as_str());
            return if reason.is_empty() { "it is not valid".into() } else { reason.to_owned() };
        }
        causes.join(", ")
    }

    fn code(&self) -> Option<u16> {
        self.status().map(|status| status.code)
    }

    fn status(&self) -> Option<&Status> {
        match self {
            Self::Api(Error::Api(status)) => Some(status),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: serde_json::Value) -> RequestError {
        RequestError::Api(Error::Api(Box::new(serde_json::from_value(status).unwrap())))
    }

    #[test]
    fn the_api_servers_text_is_never_repeated() {
        for code in [400, 403, 404, 409, 413, 422, 429, 500, 503] {
            let error = refused(serde_json::json!({ "code": code, "message": "canary" }));
            let failure = error.failure("create Secret n/s");
            assert!(!failure.to_string().contains("canary"), "{failure}");
        }
    }

    #[test]
    fn an_invalid_secret_names_the_fields() {
        let error = refused(serde_json::json!({ "code": 422, "details": { "causes": [
            { "reason": "FieldValueRequired", "message": "canary", "field": "data[tls.crt]" },
        ]}}));
        let failure = error.failure("create Secret n/s");
        assert_eq!(failure.reason, Reason::InvalidSecret);
        assert!(failure.message.ends_with("data[tls.crt] (FieldValueRequired)"), "{failure}");
    }

    #[test]
    fn a_terminating_namespace_is_known_by_its_cause() {
        let error = refused(serde_json::json!({ "code": 403, "details": { "causes": [
            { "reason": "NamespaceTerminating", "message": "", "field": "metadata.namespace" },
        ]}}));
        assert!(error.is_namespace_terminating());
    }
}
