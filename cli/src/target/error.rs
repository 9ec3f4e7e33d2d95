//! Why a Secret cannot be sealed, and what the user can do.

use sealing::Scope;

use sources::MAX_SECRET_BYTES;

use crate::{
    error::{Explain, hint},
    exit::Exit,
    names,
};

/// Why a Secret cannot be sealed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TargetError {
    /// A flag and the manifest differ.
    #[error("{origin}: the manifest has the {field} `{manifest}`, but `--{field}` is `{flag}`")]
    Contradiction {
        /// The place of the manifest.
        origin: String,
        /// The flag, without dashes.
        field: &'static str,
        /// The value of the flag.
        flag: String,
        /// The value in the manifest.
        manifest: String,
    },
    /// The Secret has no values.
    #[error("{origin}: no values to seal")]
    Empty {
        /// The place of the Secret.
        origin: String,
    },
    /// Kubernetes would reject the name or namespace.
    #[error("{origin}: {error}")]
    Invalid {
        /// The place of the Secret.
        origin: String,
        /// The rule that it breaks.
        error: names::NameError,
    },
    /// Nothing sets the name.
    #[error("{origin}: the Secret has no name")]
    NoName {
        /// The place of the Secret.
        origin: String,
    },
    /// Nothing sets the namespace, but the scope needs one.
    #[error("{origin}: the Secret has no namespace, but the scope `{scope}` requires one")]
    NoNamespace {
        /// The place of the Secret.
        origin: String,
        /// The scope.
        scope: Scope,
    },
    /// The values exceed the limit of Kubernetes.
    #[error(
        "{origin}: the values have {size} bytes, but a Secret can contain at most {MAX_SECRET_BYTES}"
    )]
    TooLarge {
        /// The place of the Secret.
        origin: String,
        /// The bytes of all values.
        size: usize,
    },
    /// Two Secrets have the same name and namespace.
    #[error("{origin}: the input has another Secret `{name}`")]
    Duplicate {
        /// The place of the second Secret.
        origin: String,
        /// The name.
        name: String,
    },
}

impl Explain for TargetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Empty { .. } => Exit::Input,
            _ => Exit::Target,
        }
    }

    fn hints(&self) -> Vec<String> {
        hint(match self {
            Self::Contradiction { field: field @ ("name" | "namespace" | "scope"), .. } => {
                return hint(format!(
                    "remove `--{field}` (and unset MTK_SEAL_{}), or change the manifest",
                    field.to_uppercase()
                ));
            }
            Self::Contradiction { .. } => "remove the flag, or change the manifest",
            Self::Empty { .. } => "`--allow-empty` allows a Secret without values",
            Self::Invalid { .. } => "change it in the manifest or the flag",
            Self::NoName { .. } => {
                "give `--name`, or write a project file with `mtk-seal init --name NAME`"
            }
            Self::NoNamespace { .. } => {
                "give `--namespace`, or write a project file with `mtk-seal init --namespace NAMESPACE`"
            }
            Self::TooLarge { .. } => "split it into several Secrets",
            Self::Duplicate { .. } => {
                "the second would overwrite the first: rename it, or merge both"
            }
        })
    }
}
