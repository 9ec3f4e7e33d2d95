//! Requests to the API server, and the [`Reason`] of each error.

use std::{future::Future, time::Duration};

use kube::{
    Error,
    api::ObjectMeta,
    core::{Status, response::StatusCause},
};

use super::leader::fenced::LeaseNotHeld;
use crate::reason::{Failure, Reason};

/// The name under which the controller writes (`metadata.managedFields`).
pub(crate) const FIELD_MANAGER: &str = "mtk-controller";
/// The time limit of a request, except for watches.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A failed request.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The API server refused it, or could not be reached.
    Api(Error),
    TimedOut,
}

/// Makes a request, within [`REQUEST_TIMEOUT`].
pub(crate) async fn request<T>(
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(RequestError::Api),
        Err(_) => Err(RequestError::TimedOut),
    }
}

/// Orders the versions of one object that watches and requests return. Versions of the API server
/// are numbers (KEP-5504). Anything else counts as the newest.
pub(crate) fn version_of(metadata: &ObjectMeta) -> u64 {
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    version.parse().unwrap_or(u64::MAX)
}

impl RequestError {
    /// The object was changed, or exists already.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Another replica leads, so this one did not make the request.
    pub(crate) fn is_fenced(&self) -> bool {
        matches!(self, Self::Api(Error::Service(error)) if error.is::<LeaseNotHeld>())
    }

    /// The namespace is being deleted and takes no new objects.
    pub(crate) fn is_namespace_terminating(&self) -> bool {
        self.causes().any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// The failure to report. `action` describes the request, as in "create Secret n/s". The API
    /// server's own text is left out, since it may quote values.
    pub(crate) fn failure(&self, action: &str) -> Failure {
        if self.is_fenced() {
            let message = format!("this replica may not {action}: it does not hold the lease");
            return Failure::new(Reason::Unavailable, message);
        }
        let (reason, answer) = match self.code() {
            Some(403) => {
                let remedy = "grant its ServiceAccount the permission, or check which admission \
                              policy denies the request";
                (Reason::AccessDenied, format!("forbids the controller to {action}: {remedy}"))
            }
            Some(409) => {
                let message = "another client changed the object while the controller tried to";
                return Failure::new(Reason::Conflict, format!("{message} {action}"));
            }
            Some(400 | 413 | 422) => {
                (Reason::InvalidSecret, format!("refuses to {action}: {}", self.rejected_fields()))
            }
            Some(429) => (Reason::Throttled, format!("rate limits the request to {action}")),
            Some(code) => {
                (Reason::Unavailable, format!("answered {code} to the request to {action}"))
            }
            None if matches!(self, Self::TimedOut) => {
                (Reason::Timeout, format!("did not answer in time to the request to {action}"))
            }
            None => {
                (Reason::Unavailable, format!("could not be reached for the request to {action}"))
            }
        };
        Failure::new(reason, format!("the API server {answer}"))
    }

    /// The fields that the API server rejects, with its reasons. Fields are names of the API and
    /// keys of the Secret, never values.
    fn rejected_fields(&self) -> String {
        let fields = self.causes().map(|cause| format!("{} ({})", cause.field, cause.reason));
        let fields: Vec<_> = fields.take(5).collect();
        match self.status() {
            _ if !fields.is_empty() => fields.join(", "),
            Some(status) if !status.reason.is_empty() => status.reason.clone(),
            _ => "it is not valid".to_owned(),
        }
    }

    fn causes(&self) -> impl Iterator<Item = &StatusCause> {
        let details = self.status().and_then(|status| status.details.as_ref());
        details.into_iter().flat_map(|details| &details.causes)
    }

    pub(crate) fn code(&self) -> Option<u16> {
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
    fn failure_never_repeats_text_of_the_api_server() {
        for code in [400, 403, 404, 409, 413, 422, 429, 500, 503] {
            let error = refused(serde_json::json!({ "code": code, "message": "canary" }));
            let failure = error.failure("create Secret n/s");
            assert!(!failure.to_string().contains("canary"), "{failure}");
        }
    }

    #[test]
    fn failure_of_an_invalid_secret_names_its_fields() {
        let error = refused(serde_json::json!({ "code": 422, "details": { "causes": [
            { "reason": "FieldValueRequired", "message": "canary", "field": "data[tls.crt]" },
        ]}}));
        let failure = error.failure("create Secret n/s");
        assert_eq!(failure.reason, Reason::InvalidSecret);
        assert!(failure.message.ends_with("data[tls.crt] (FieldValueRequired)"), "{failure}");
    }

    #[test]
    fn terminating_namespace_is_recognised_by_its_cause() {
        let error = refused(serde_json::json!({ "code": 403, "details": { "causes": [
            { "reason": "NamespaceTerminating", "message": "", "field": "metadata.namespace" },
        ]}}));
        assert!(error.is_namespace_terminating());
    }
}
