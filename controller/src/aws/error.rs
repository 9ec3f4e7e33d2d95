//! Classifies the errors of AWS.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{ErrorMetadata, metadata::ProvideErrorMetadata};

use crate::{
    aws::trust::certificate_problem,
    reason::{Failure, Reason},
};

/// The meaning of error codes. The message may refine `AccessDenied` and `Malformed`.
const REASONS: &[(&str, Reason)] = &[
    ("ResourceNotFoundException", Reason::NotFound),
    ("ParameterNotFound", Reason::NotFound),
    // The tags of a parameter that does not exist.
    ("InvalidResourceId", Reason::NotFound),
    ("QueueDoesNotExist", Reason::NotFound),
    ("AWS.SimpleQueueService.NonExistentQueue", Reason::NotFound),
    ("DecryptionFailure", Reason::KmsDenied),
    ("KmsAccessDenied", Reason::KmsDenied),
    ("KMS.AccessDeniedException", Reason::KmsDenied),
    ("KMSAccessDeniedException", Reason::KmsDenied),
    ("InvalidKeyId", Reason::KmsDenied),
    ("AccessDeniedException", Reason::AccessDenied),
    ("AccessDenied", Reason::AccessDenied),
    ("InvalidIdentityToken", Reason::AccessDenied),
    ("IDPRejectedClaim", Reason::AccessDenied),
    ("ThrottlingException", Reason::Throttled),
    ("Throttling", Reason::Throttled),
    ("ThrottledException", Reason::Throttled),
    ("TooManyRequestsException", Reason::Throttled),
    ("RequestLimitExceeded", Reason::Throttled),
    ("RequestThrottled", Reason::Throttled),
    ("OverLimit", Reason::Throttled),
    ("LimitExceededException", Reason::Throttled),
    ("SlowDown", Reason::Throttled),
    ("InvalidRequestException", Reason::Malformed),
    ("InvalidParameterException", Reason::Malformed),
    ("ValidationException", Reason::Malformed),
    ("ValidationError", Reason::Malformed),
    ("ParameterVersionNotFound", Reason::VersionNotFound),
    ("MalformedPolicyDocument", Reason::Malformed),
    ("PackedPolicyTooLarge", Reason::Malformed),
    ("InvalidNextTokenException", Reason::Malformed),
];

/// The codes with which AWS rejects credentials instead of an action.
const REJECTIONS: &[(&str, Rejection)] = &[
    ("ExpiredTokenException", Rejection::Expired),
    ("ExpiredToken", Rejection::Expired),
    ("RequestExpired", Rejection::Expired),
    ("UnrecognizedClientException", Rejection::Unknown),
    ("InvalidClientTokenId", Rejection::Unknown),
    ("InvalidSignatureException", Rejection::Signature),
    ("SignatureDoesNotMatch", Rejection::Signature),
    ("IncompleteSignature", Rejection::Signature),
    ("RequestTimeTooSkewed", Rejection::Signature),
    ("MissingAuthenticationToken", Rejection::Signature),
    ("AuthFailure", Rejection::Signature),
];

/// Phrases of messages that deny the use of a KMS key. AWS has no error code for it. The reason only
/// changes the explanation: a retry treats it like any denial. Shorter phrases could match a quoted
/// name.
const KMS_PHRASES: &[&str] =
    &["Access to KMS", "AWSKMS", "ciphertext refers to", "to perform: kms:"];

/// Phrases of messages about secrets with a scheduled deletion, for which AWS has no error code either.
const DELETION_PHRASES: &[&str] =
    &["marked for deletion", "marked deleted", "scheduled for deletion"];

/// A failed request. It contains no text from AWS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {action}")]
pub(crate) struct ReadError {
    pub(crate) reason: Reason,
    /// The failed action as IAM writes it: `secretsmanager:GetSecretValue`.
    pub(crate) action: &'static str,
    /// Our explanation, where the reason does not say enough.
    pub(crate) detail: Option<String>,
    /// Set if AWS rejected the credentials, so that new ones may help.
    pub(crate) rejected: Option<Rejection>,
}

/// Why AWS rejects credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rejection {
    Expired,
    /// They are wrong, or belong to a role that was deleted and created again.
    Unknown,
    /// The secret key is wrong, or the clock. The SDK corrects its clock from the response.
    Signature,
}

impl ReadError {
    pub(crate) fn new(reason: Reason, action: &'static str) -> Self {
        Self { reason, action, detail: None, rejected: None }
    }

    /// There are no credentials.
    pub(super) fn of(Failure { reason, message }: Failure) -> Self {
        Self { detail: Some(message), ..Self::new(reason, "") }
    }

    pub(super) fn from_sdk<E: ProvideErrorMetadata>(
        error: &SdkError<E, HttpResponse>,
        action: &'static str,
    ) -> Self {
        let is_timeout = match error {
            SdkError::TimeoutError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_timeout(),
            _ => false,
        };
        if is_timeout {
            return Self::new(Reason::Timeout, action);
        }
        if let SdkError::DispatchFailure(failure) = error
            && let Some(problem) = failure.as_connector_error().and_then(|e| certificate_problem(e))
        {
            let detail = Some(format!("cannot call {action}: {problem}"));
            return Self { detail, ..Self::new(Reason::UntrustedCertificate, action) };
        }
        let status = error.raw_response().map(|response| response.status().as_u16());
        Self::classify(error.meta(), status, action)
    }

    /// The message of `error` only classifies it, and goes no further.
    pub(super) fn classify(
        error: &ErrorMetadata,
        status: Option<u16>,
        action: &'static str,
    ) -> Self {
        let code = error.code().unwrap_or_default();
        if let Some(rejection) = find(REJECTIONS, code) {
            return Self { rejected: Some(rejection), ..Self::new(Reason::AccessDenied, action) };
        }
        let message = error.message().unwrap_or_default();
        let mentions = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        let reason = match (find(REASONS, code), status) {
            (Some(Reason::AccessDenied), _) if mentions(KMS_PHRASES) => Reason::KmsDenied,
            (None | Some(Reason::Malformed), Some(429)) => Reason::Throttled,
            (Some(Reason::Malformed), _) if mentions(DELETION_PHRASES) => Reason::MarkedForDeletion,
            (Some(reason), _) => reason,
            (None, Some(401 | 403)) if code.is_empty() => Reason::AccessDenied,
            (None, _) => Reason::Unavailable,
        };
        Self::new(reason, action)
    }
}

fn find<T: Copy>(table: &[(&str, T)], code: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str, message: &str, status: u16) -> Reason {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        ReadError::classify(&error, Some(status), "a:B").reason
    }

    /// Errors as AWS documents them, and as moto sends them: XML, so without a code.
    #[test]
    fn errors_are_classified_by_code_message_and_status() {
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
            ("InvalidRequestException", "other", 400, Reason::Malformed),
            ("ThrottlingException", "Rate exceeded", 400, Reason::Throttled),
            ("InternalServiceError", "", 500, Reason::Unavailable),
            ("", "", 403, Reason::AccessDenied),
            ("", "", 429, Reason::Throttled),
            ("", "", 503, Reason::Unavailable),
            // Sent by a proxy without a route, or a wrong endpoint.
            ("", "", 404, Reason::Unavailable),
            ("InvalidResourceId", "", 400, Reason::NotFound),
            ("ParameterNotFound", "", 400, Reason::NotFound),
            ("ParameterVersionNotFound", "", 400, Reason::VersionNotFound),
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
            ("ExpiredTokenException", Some(Rejection::Expired)),
            ("UnrecognizedClientException", Some(Rejection::Unknown)),
            ("SignatureDoesNotMatch", Some(Rejection::Signature)),
            ("AccessDeniedException", None),
        ] {
            let error = ErrorMetadata::builder().code(code).build();
            assert_eq!(ReadError::classify(&error, None, "a:B").rejected, expected);
        }
    }
}
