//! Why a Secret cannot be sealed as it is, and what to do about it.

use sealing::Scope;

use crate::error::{Explain, hint};
use crate::exit::Exit;
use crate::names;
use crate::secret::MAX_DATA;

/// Why a Secret cannot be sealed as it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TargetError {
    /// Flag and manifest differ.
    #[error("{origin}: the manifest has the {field} `{manifest}`, and `--{field}` says `{flag}`")]
    Contradiction {
        /// Where the manifest is.
        origin: String,
        /// The flag without dashes.
        field: &'static str,
        /// What the flag says.
        flag: String,
        /// What the manifest says.
        manifest: String,
    },
    /// No values.
    #[error("{origin}: there are no values to seal")]
    Empty {
        /// Where.
        origin: String,
    },
    /// A name that Kubernetes refuses.
    #[error("{origin}: {error}")]
    Invalid {
        /// Where.
        origin: String,
        /// Which rule.
        error: names::NameError,
    },
    /// Nobody names it.
    #[error("{origin}: the Secret has no name")]
    NoName {
        /// Where.
        origin: String,
    },
    /// Nobody says where it goes.
    #[error("{origin}: the Secret has no namespace, and the scope `{scope}` is bound to one")]
    NoNamespace {
        /// Where.
        origin: String,
        /// The scope.
        scope: Scope,
    },
    /// A scope that is none. Flags and manifests are checked before.
    #[error("{origin}: unknown scope")]
    Scope {
        /// Where.
        origin: String,
    },
    /// More than Kubernetes takes.
    #[error("{origin}: the values have {size} bytes in all, and a Secret holds {MAX_DATA}")]
    TooLarge {
        /// Where.
        origin: String,
        /// The bytes of all values.
        size: usize,
    },
    /// The same object twice.
    #[error("{origin}: there is another Secret `{name}` in the input")]
    Twice {
        /// Where the second is.
        origin: String,
        /// Its name.
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
                    "leave `--{field}` out (and MTK_SEAL_{} unset), or change the manifest",
                    field.to_uppercase()
                ));
            }
            Self::Contradiction { .. } => "leave the flag out, or change the manifest",
            Self::Empty { .. } => "`--allow-empty` seals a Secret without values",
            Self::Invalid { .. } => "change it in the manifest or the flag",
            Self::NoName { .. } => {
                "give `--name`, or write a project file with `mtk-seal init --name NAME`"
            }
            Self::NoNamespace { .. } => {
                "give `--namespace`, or write a project file with `mtk-seal init --namespace NAMESPACE`"
            }
            Self::Scope { .. } => "it is one of strict, namespace-wide, cluster-wide",
            Self::TooLarge { .. } => "split it into several Secrets",
            Self::Twice { .. } => {
                "the second would overwrite the first: give it another name, or merge them"
            }
        })
    }
}
