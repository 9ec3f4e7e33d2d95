//! Why manifests cannot be used.

use sources::SourceError;

use crate::{
    error::{Explain, hint},
    exit::Exit,
    input::InputError,
};

/// Why the objects in the input cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestsError {
    /// A referenced ConfigMap or Secret is missing.
    #[error("{object}: the {kind} `{name}` is not in the input")]
    NotFound {
        /// The object that refers to it.
        object: String,
        /// ConfigMap or Secret.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A referenced key is missing.
    #[error("{object}: the {kind} `{name}` has no key `{key}`")]
    NoKey {
        /// The object that refers to it.
        object: String,
        /// ConfigMap or Secret.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
    /// The object does not match its schema.
    #[error("{origin}: the {kind} does not match its schema")]
    Malformed {
        /// `file:line`
        origin: String,
        /// Its kind.
        kind: &'static str,
    },
    /// The interval is no duration.
    #[error("{origin}: refreshInterval is not a duration")]
    Interval {
        /// `file:line`
        origin: String,
    },
    /// A document is not a Kubernetes object.
    #[error("{origin}: a document without `kind`")]
    NoKind {
        /// `file:line`
        origin: String,
    },
    /// The input has no object that the command is about.
    #[error("no {wanted} in the input")]
    None {
        /// The kinds of objects.
        wanted: &'static str,
        /// The inputs that the arguments may name.
        inputs: &'static str,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is neither YAML nor JSON.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Explain for ManifestsError {
    fn exit(&self) -> Exit {
        Exit::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { .. } => hint("add its manifest to the input, in the same namespace"),
            Self::Malformed { kind, .. } => {
                hint(format!("`kubectl explain {}.spec` shows the schema", kind.to_lowercase()))
            }
            Self::Interval { .. } => hint("write it like 1h, 90m or 1h30m0s"),
            Self::None { inputs, .. } => {
                hint(format!("give the manifests on the standard input, or name {inputs}"))
            }
            Self::NoKey { .. } | Self::NoKind { .. } => Vec::new(),
            Self::Input(error) => error.hints(),
            Self::Source(error) => error.hints(),
        }
    }
}
