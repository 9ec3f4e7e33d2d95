//! The fixed vocabulary of failures (design, decision 9): one word, used alike in conditions,
//! Events, metric labels and the book.

use std::fmt;

/// Why an object is not in sync.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// The API server forbids the controller a request.
    AccessDenied,
    /// Others changed the Secret at the same moment, again and again.
    Conflict,
    /// The Secret that exists cannot be changed as asked: it is immutable, or of another type.
    Immutable,
    /// The API server refuses the Secret as invalid.
    InvalidSecret,
    /// The key of KMS that encrypts a value may not be used.
    KmsDenied,
    /// An item is not of the wire format, or a value is not what the object says it is.
    Malformed,
    /// A value is to be deleted in AWS, and cannot be read meanwhile.
    MarkedForDeletion,
    /// A value is not in the store.
    NotFound,
    /// A Secret of that name exists and is somebody else's.
    NotOwned,
    /// A value has no such part.
    PropertyMissing,
    /// An item was sealed for another scope.
    ScopeMismatch,
    /// The store is not there, or cannot be used.
    StoreInvalid,
    /// A value of the template cannot be rendered.
    TemplateInvalid,
    /// The API server asks for fewer requests.
    Throttled,
    /// The API server did not answer in time.
    Timeout,
    /// The template asks for a Secret that the operator does not allow.
    TypeDenied,
    /// The API server cannot be reached, or fails.
    Unavailable,
    /// No sealing key here opens an item.
    UnknownKey,
}

/// When a failed object is tried again, besides a new generation and the resync.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// With exponential back-off, for ever.
    BackOff,
    /// Only when what it waits for happens: a key appears, the foreign Secret goes.
    OnCause,
}

impl Reason {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDenied",
            Self::Conflict => "Conflict",
            Self::Immutable => "Immutable",
            Self::InvalidSecret => "InvalidSecret",
            Self::KmsDenied => "KmsDenied",
            Self::Malformed => "Malformed",
            Self::MarkedForDeletion => "MarkedForDeletion",
            Self::NotFound => "NotFound",
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
        }
    }

    /// Whether only the user can mend it, so that waiting tools may fail at once.
    pub fn stalls(self) -> bool {
        match self {
            Self::Immutable
            | Self::InvalidSecret
            | Self::Malformed
            | Self::ScopeMismatch
            | Self::TemplateInvalid
            | Self::TypeDenied
            | Self::UnknownKey => true,
            Self::AccessDenied
            | Self::Conflict
            | Self::KmsDenied
            | Self::MarkedForDeletion
            | Self::NotFound
            | Self::NotOwned
            | Self::PropertyMissing
            | Self::StoreInvalid
            | Self::Throttled
            | Self::Timeout
            | Self::Unavailable => false,
        }
    }

    /// Whether it usually passes by itself, so that the first of it is not worth a condition.
    pub fn passes(self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Timeout | Self::Unavailable)
    }

    /// Whether a change of the Secret may end the failure.
    pub fn concerns_target(self) -> bool {
        matches!(self, Self::Conflict | Self::Immutable | Self::InvalidSecret | Self::NotOwned)
    }

    /// When to try again.
    pub fn retry(self) -> Retry {
        if self.stalls() || self == Self::NotOwned { Retry::OnCause } else { Retry::BackOff }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure with the sentence for people: what, where, and what to do. Never a value, and never
/// text of the API server.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// The word for programs.
    pub reason: Reason,
    /// The sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure of this reason.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_user_can_mend_is_not_retried_in_a_loop() {
        for reason in [Reason::Malformed, Reason::UnknownKey, Reason::TypeDenied, Reason::Immutable]
        {
            assert!(reason.stalls());
            assert_eq!(reason.retry(), Retry::OnCause);
        }
        assert!(!Reason::NotOwned.stalls());
        assert_eq!(Reason::NotOwned.retry(), Retry::OnCause);
        assert_eq!(Reason::Unavailable.retry(), Retry::BackOff);
        assert_eq!(Reason::AccessDenied.retry(), Retry::BackOff);
    }
}
