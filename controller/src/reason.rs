//! The fixed vocabulary of failures (decision 9 in `docs/design/decisions.md`): one word for each,
//! the same in conditions, messages of Events, metric labels and the documentation.

use std::fmt;

use crate::telemetry::one_line;

/// Why an object is not in sync.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Reason {
    /// The API server denies a request of the controller.
    AccessDenied,
    /// Others kept changing the Secret at the same moment.
    Conflict,
    /// The existing Secret is immutable or of another type.
    Immutable,
    /// The API server rejects the Secret as invalid.
    InvalidSecret,
    /// The controller may not use the KMS key that encrypts a value.
    KmsDenied,
    /// An item is not in the wire format, or a value does not match its declared encoding.
    Malformed,
    /// A value is scheduled for deletion in AWS, and cannot be read.
    MarkedForDeletion,
    /// A value is not in the store.
    NotFound,
    /// A Secret of that name exists, and the controller does not own it.
    NotOwned,
    /// A value does not have the property.
    PropertyMissing,
    /// An item was sealed for another scope.
    ScopeMismatch,
    /// The store does not exist, or its spec is invalid.
    StoreInvalid,
    /// The template cannot be rendered.
    TemplateInvalid,
    /// The API server or AWS limits the rate of requests.
    Throttled,
    /// The API server did not answer in time, or the reconcile exceeded its deadline.
    Timeout,
    /// The Secret is, or would become, one that the controller writes for no user.
    TypeDenied,
    /// The API server or AWS cannot be reached, or fails.
    Unavailable,
    /// No sealing key of the cluster decrypts an item.
    UnknownKey,
    /// The TLS certificate of an endpoint of AWS is not trusted.
    UntrustedCertificate,
    /// A parameter exists, but not the requested version. The value does not count as deleted.
    VersionNotFound,
}

/// When a failed object is retried, in addition to a new generation and the resync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Retry {
    /// With exponential back-off, without a limit.
    BackOff,
    /// Only when its cause changes: a key appears, or the foreign Secret is deleted.
    OnCause,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::Conflict => "Conflict",
            Self::Immutable => "Immutable",
            Self::InvalidSecret => "InvalidSecret",
            Self::KmsDenied => "KmsDenied",
            Self::Malformed => "Malformed",
            Self::MarkedForDeletion => "MarkedForDeletion",
            Self::NotFound | Self::VersionNotFound => "NotFound",
            Self::NotOwned => "NotOwned",
            Self::PropertyMissing => "PropertyMissing",
            Self::ScopeMismatch => "ScopeMismatch",
            Self::StoreInvalid => "StoreInvalid",
            Self::TemplateInvalid => "TemplateInvalid",
            Self::Throttled => "Throttled",
            Self::Timeout => "Timeout",
            Self::TypeDenied => "TypeDenied",
            Self::Unavailable => "Unavailable",
            Self::UnknownKey => "UnknownKey",
            Self::UntrustedCertificate => "UntrustedCertificate",
        }
    }

    /// Whether only the user can fix it, so that tools that wait may fail at once.
    pub(crate) fn stalls(self) -> bool {
        matches!(
            self,
            Self::Immutable
                | Self::InvalidSecret
                | Self::Malformed
                | Self::ScopeMismatch
                | Self::TemplateInvalid
                | Self::TypeDenied
                | Self::UnknownKey
        )
    }

    /// Whether it is usually transient, so that the first failures cause no condition.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Timeout | Self::Unavailable)
    }

    /// Whether a change of the Secret may end the failure.
    pub(crate) fn concerns_target(self) -> bool {
        matches!(
            self,
            Self::Conflict
                | Self::Immutable
                | Self::InvalidSecret
                | Self::NotOwned
                | Self::TypeDenied
        )
    }

    pub(crate) fn retry(self) -> Retry {
        if self.stalls() || self == Self::NotOwned { Retry::OnCause } else { Retry::BackOff }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure with a message for users: the problem, its place and the remedy. It never contains a value or
/// text of the API server. It is one line: control characters in the names that it quotes are escaped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {message}")]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: one_line(message.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_only_the_user_can_fix_are_not_retried_in_a_loop() {
        for reason in [Reason::Malformed, Reason::UnknownKey, Reason::TypeDenied, Reason::Immutable]
        {
            assert!(reason.stalls());
            assert_eq!(reason.retry(), Retry::OnCause);
        }
        assert!(!Reason::NotOwned.stalls());
        assert_eq!(Reason::NotOwned.retry(), Retry::OnCause);
        assert!(Reason::TypeDenied.concerns_target(), "the Secret may be the cause");
        assert_eq!(Reason::Unavailable.retry(), Retry::BackOff);
        assert_eq!(Reason::AccessDenied.retry(), Retry::BackOff);
    }

    #[test]
    fn message_that_quotes_line_breaks_is_one_line() {
        let failure = Failure::new(Reason::Malformed, "item A\nB\u{1b}[2K is not a sealed item");
        assert_eq!(failure.message, "item A\\nB\\u{1b}[2K is not a sealed item");
    }
}
