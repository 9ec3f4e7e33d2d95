//! What the refusals of AWS mean, in our words.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::reason::Reason;

/// A request that did not succeed. Holds no text of AWS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {action}")]
pub struct ReadError {
    /// What is wrong.
    pub reason: Reason,
    /// The action that failed, as IAM writes it: `secretsmanager:GetSecretValue`.
    pub action: &'static str,
    /// What is wrong in our words, where that is more than the reason.
    pub detail: Option<String>,
    /// Whether it was the credentials that had expired, so that new ones may do.
    pub expired: bool,
}

/// What is known of a refusal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusal<'r> {
    /// The code: `AccessDeniedException`.
    pub code: Option<&'r str>,
    /// The text, which is looked at here and goes no further.
    pub message: Option<&'r str>,
    /// The status of HTTP.
    pub status: Option<u16>,
}

impl ReadError {
    /// An error of this reason.
    pub fn new(reason: Reason, action: &'static str) -> Self {
        Self { reason, action, detail: None, expired: false }
    }

    /// The meaning of what an SDK reports.
    pub fn of<E: ProvideErrorMetadata>(
        error: &SdkError<E, HttpResponse>,
        action: &'static str,
    ) -> Self {
        match error {
            SdkError::TimeoutError(_) => Self::new(Reason::Timeout, action),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Self::new(Reason::Timeout, action)
            }
            SdkError::ServiceError(service) => {
                let error = service.err();
                let status = Some(service.raw().status().as_u16());
                Self::meaning(
                    Refusal { code: error.code(), message: error.message(), status },
                    action,
                )
            }
            SdkError::ResponseError(response) => {
                let status = Some(response.raw().status().as_u16());
                Self::meaning(Refusal { status, ..Refusal::default() }, action)
            }
            _ => Self::new(Reason::Unavailable, action),
        }
    }

    /// The meaning of a refusal.
    pub fn meaning(refusal: Refusal<'_>, action: &'static str) -> Self {
        let message = refusal.message.unwrap_or_default();
        let is_kms = || message.contains("KMS") || message.contains("kms:");
        let reason = match (refusal.code.unwrap_or_default(), refusal.status) {
            ("ExpiredTokenException" | "ExpiredToken" | "RequestExpired", _) => {
                return Self { expired: true, ..Self::new(Reason::AccessDenied, action) };
            }
            ("ResourceNotFoundException" | "ParameterNotFound" | "ParameterVersionNotFound", _) => {
                Reason::NotFound
            }
            ("DecryptionFailure" | "KMSAccessDeniedException" | "InvalidKeyId", _) => {
                Reason::KmsDenied
            }
            ("AccessDeniedException" | "AccessDenied", _) if is_kms() => Reason::KmsDenied,
            (
                "AccessDeniedException"
                | "AccessDenied"
                | "UnrecognizedClientException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "MissingAuthenticationToken"
                | "AuthFailure"
                | "InvalidIdentityToken"
                | "IDPRejectedClaim",
                _,
            )
            | ("", Some(401 | 403)) => Reason::AccessDenied,
            (
                "ThrottlingException"
                | "Throttling"
                | "ThrottledException"
                | "TooManyRequestsException"
                | "RequestLimitExceeded"
                | "LimitExceededException"
                | "SlowDown",
                _,
            )
            | (_, Some(429)) => Reason::Throttled,
            ("InvalidRequestException" | "InvalidParameterException", _)
                if message.contains("marked for deletion")
                    || message.contains("marked deleted")
                    || message.contains("scheduled for deletion") =>
            {
                Reason::MarkedForDeletion
            }
            (
                "InvalidRequestException"
                | "InvalidParameterException"
                | "ValidationException"
                | "InvalidNextTokenException",
                _,
            ) => Reason::Malformed,
            ("", Some(404)) => Reason::NotFound,
            _ => Reason::Unavailable,
        };
        Self::new(reason, action)
    }

    /// Whether the same request may succeed a moment later.
    pub fn passes(&self) -> bool {
        self.reason.passes()
    }
}

/// The pause before attempt `number` (from 1): that of the store, else growing, with `noise` in 0..=1.
pub fn pause(number: u32, fixed: Option<Duration>, noise: f64) -> Duration {
    fixed.unwrap_or_else(|| {
        let full = Duration::from_millis(200).saturating_mul(1 << number.min(6));
        full.mul_f64(0.5 + noise / 2.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, message: &str, status: u16) -> Reason {
        let refusal = Refusal { code: Some(code), message: Some(message), status: Some(status) };
        ReadError::meaning(refusal, "a:B").reason
    }

    /// The shapes that AWS documents, and those that moto gives (XML, so no code).
    #[test]
    fn refusals_have_the_reason_that_they_mean() {
        for (code, message, status, expected) in [
            (
                "AccessDeniedException",
                "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: \
                 secretsmanager:GetSecretValue on resource: x because no identity-based policy \
                 allows the secretsmanager:GetSecretValue action",
                400,
                Reason::AccessDenied,
            ),
            ("AccessDeniedException", "Access to KMS is not allowed", 400, Reason::KmsDenied),
            ("DecryptionFailure", "", 400, Reason::KmsDenied),
            ("ResourceNotFoundException", "Secrets Manager can't find", 400, Reason::NotFound),
            (
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
                400,
                Reason::MarkedForDeletion,
            ),
            ("InvalidRequestException", "else", 400, Reason::Malformed),
            ("ThrottlingException", "Rate exceeded", 400, Reason::Throttled),
            ("InternalServiceError", "", 500, Reason::Unavailable),
            ("", "", 403, Reason::AccessDenied),
            ("", "", 429, Reason::Throttled),
            ("", "", 503, Reason::Unavailable),
        ] {
            assert_eq!(reason(code, message, status), expected, "{code} {status}");
        }
        let expired = Refusal { code: Some("ExpiredTokenException"), ..Refusal::default() };
        assert!(ReadError::meaning(expired, "a:B").expired);
    }
}
