//! What the refusals of AWS mean, in our words.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::reason::Reason;

/// Of a denial that is one of KMS.
const KMS: [&str; 4] = ["Access to KMS", "AWSKMS", "ciphertext refers to", "to perform: kms:"];

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
    /// What AWS says of the credentials: new ones may do.
    pub refused: Option<Refused>,
}

/// Why AWS does not take credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// They have expired.
    Expired,
    /// It does not know them: they are wrong, or those of a role that was made again.
    Unknown,
    /// The signature is not theirs, or of another time: the secret key is wrong, or the clock. The SDK
    /// learns AWS's time from such an answer.
    Signature,
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
        Self { reason, action, detail: None, refused: None }
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
        // Its text quotes names, which may be about anything.
        let is_kms = || KMS.iter().any(|words| message.contains(words));
        let refused = |why| Self { refused: Some(why), ..Self::new(Reason::AccessDenied, action) };
        let reason = match (refusal.code.unwrap_or_default(), refusal.status) {
            ("ExpiredTokenException" | "ExpiredToken" | "RequestExpired", _) => {
                return refused(Refused::Expired);
            }
            ("UnrecognizedClientException" | "InvalidClientTokenId", _) => {
                return refused(Refused::Unknown);
            }
            (
                "InvalidSignatureException"
                | "SignatureDoesNotMatch"
                | "IncompleteSignature"
                | "RequestTimeTooSkewed"
                | "MissingAuthenticationToken"
                | "AuthFailure",
                _,
            ) => {
                return refused(Refused::Signature);
            }
            (
                "ResourceNotFoundException"
                | "ParameterNotFound"
                // What the tags of a parameter that is not there are refused with.
                | "InvalidResourceId",
                _,
            ) => Reason::NotFound,
            ("DecryptionFailure" | "KMSAccessDeniedException" | "InvalidKeyId", _) => {
                Reason::KmsDenied
            }
            ("AccessDeniedException" | "AccessDenied", _) if is_kms() => Reason::KmsDenied,
            (
                "AccessDeniedException"
                | "AccessDenied"
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
                | "ValidationError"
                // Of a parameter that is there: it does not count as gone.
                | "ParameterVersionNotFound"
                | "MalformedPolicyDocument"
                | "PackedPolicyTooLarge"
                | "InvalidNextTokenException",
                _,
            ) => Reason::Malformed,
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
            // Not of AWS: a proxy without a route, or a wrong endpoint.
            ("", "", 404, Reason::Unavailable),
            ("InvalidResourceId", "", 400, Reason::NotFound),
            ("ParameterNotFound", "", 400, Reason::NotFound),
            ("ParameterVersionNotFound", "", 400, Reason::Malformed),
            ("ValidationError", "1 validation error detected", 400, Reason::Malformed),
            (
                "AccessDeniedException",
                "User: arn:aws:sts::1:assumed-role/KMS-reader/s is not authorized to perform: \
                 secretsmanager:BatchGetSecretValue",
                400,
                Reason::AccessDenied,
            ),
        ] {
            assert_eq!(reason(code, message, status), expected, "{code} {status}");
        }
        for (code, expected) in [
            ("ExpiredTokenException", Some(Refused::Expired)),
            ("UnrecognizedClientException", Some(Refused::Unknown)),
            ("SignatureDoesNotMatch", Some(Refused::Signature)),
            ("AccessDeniedException", None),
        ] {
            let refusal = Refusal { code: Some(code), ..Refusal::default() };
            assert_eq!(ReadError::meaning(refusal, "a:B").refused, expected);
        }
    }
}
