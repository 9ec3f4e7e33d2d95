//! Why the writer leaves a Secret as it is.

use crds::SealedSecret;

use super::{ownership::ControllerRef, policy::CONSENT};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
};

/// A write that the ownership rules forbid, or that the API server would refuse. Callers match on
/// it; the message is for people only.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "Secret {secret} already exists, and the controller requires consent to take it over: \
         annotate it with {CONSENT}=true, or rename one of the two"
    )]
    ConsentMissing { secret: ObjectKey },
    #[error(
        "Secret {secret} already exists and is controlled by {controller}: delete or rename one of \
         the two"
    )]
    ControlledBy { secret: ObjectKey, controller: ControllerRef },
    // Users of Bitnami's controller look for the words before the colon.
    #[error(
        "the target Secret is immutable: {secret} cannot take the new data. Delete the Secret, and \
         the controller creates it again"
    )]
    Immutable { secret: ObjectKey },
    #[error(
        "Secret {secret} already exists and is not managed by this SealedSecret: delete it, or \
         annotate it with {}=true to let the controller take it over",
        SealedSecret::MANAGED
    )]
    NotManaged { secret: ObjectKey },
    #[error(
        "Secret {secret} belongs to an earlier SealedSecret of this name: the controller creates it \
         again when the garbage collector has removed it"
    )]
    OwnedByEarlierObject { secret: ObjectKey },
    #[error(
        "Secret {secret} has another type, and a Secret's type cannot change: delete the Secret, \
         and the controller creates it with type {type_:?}"
    )]
    TypeDiffers { secret: ObjectKey, type_: String },
}

impl Refusal {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::ConsentMissing { .. }
            | Self::ControlledBy { .. }
            | Self::NotManaged { .. }
            | Self::OwnedByEarlierObject { .. } => Reason::NotOwned,
            Self::Immutable { .. } | Self::TypeDiffers { .. } => Reason::Immutable,
        }
    }

    pub(crate) fn failure(&self) -> Failure {
        Failure::new(self.reason(), self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: "s".into() }
    }

    #[test]
    fn foreign_secret_message_names_the_remedy() {
        let message = Refusal::NotManaged { secret: secret() }.to_string();
        assert!(message.contains("sealedsecrets.bitnami.com/managed=true"), "{message}");
        let message = Refusal::ConsentMissing { secret: secret() }.to_string();
        assert!(message.contains("mtk.mytomorrows.com/adopt=true"), "{message}");
    }

    /// Recorded, g52: these are the words that Bitnami's users look for.
    #[test]
    fn immutable_message_begins_with_bitnamis_words() {
        let message = Refusal::Immutable { secret: secret() }.to_string();
        assert!(message.starts_with("the target Secret is immutable"), "{message}");
    }
}
