//! Why items cannot be edited.

use std::io;

use sealing::{Scope, SealError};
use sources::MAX_SECRET_BYTES;

use crate::{
    error::{Explain, hint, root_cause},
    exit::Exit,
    sealed_file::SealedFileError,
};

/// Why items cannot be edited. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemsError {
    /// A binary value is not base64.
    #[error("{place}: `base64:` is not followed by base64")]
    Base64 {
        /// Where.
        place: String,
    },
    /// The editor reported a failure.
    #[error("the editor failed ({0}), so nothing changed")]
    EditorFailed(String),
    /// The editor cannot be started.
    #[error("cannot run the editor: {}", root_cause(.0))]
    EditorMissing(#[source] io::Error),
    /// A signal ended the editor.
    #[error("a signal ended the editor, so nothing changed")]
    Interrupted,
    /// The system has no file system in memory.
    #[error("no file system in memory for the text in the editor")]
    NoMemory,
    /// No item can be decrypted.
    #[error("{file}: no key opens any of the items")]
    NoneOpens {
        /// The file.
        file: String,
    },
    /// The text for the editor cannot be written.
    #[error("cannot write the text for the editor: {}", root_cause(.0))]
    Scratch(#[source] io::Error),
    /// The file cannot be edited.
    #[error(transparent)]
    File(#[from] SealedFileError),
    /// The key is not one of a Secret.
    #[error("`{key}` cannot be a key of a Secret")]
    Key {
        /// The key, shortened.
        key: String,
    },
    /// `KEY=VALUE` in place of a key.
    #[error("`{key}=…` is not a key: values do not belong in the arguments")]
    KeyWithValue {
        /// The part before the `=`, shortened.
        key: String,
    },
    /// The file has no SealedSecret.
    #[error("{file}: no SealedSecret in the file")]
    NoSealedSecret {
        /// The file.
        file: String,
    },
    /// No SealedSecret has the name and namespace of the flags.
    #[error("{file}: no SealedSecret has this name and namespace")]
    NoneFits {
        /// The file.
        file: String,
        /// All SealedSecrets.
        found: Vec<String>,
    },
    /// Several SealedSecrets fit.
    #[error("{file}: {} SealedSecrets in the file", found.len())]
    Several {
        /// The file.
        file: String,
        /// Those that fit.
        found: Vec<String>,
    },
    /// The name or namespace to seal for is missing.
    #[error("{origin}: no {field} to seal for")]
    NoName {
        /// `file:line`
        origin: String,
        /// `name` or `namespace`
        field: &'static str,
    },
    /// A template computes the annotations.
    #[error("{origin}: a template computes the annotations, so the scope is unknown")]
    ComputedScope {
        /// `file:line`
        origin: String,
    },
    /// The flag and the document have different scopes.
    #[error("{origin}: the SealedSecret has the scope `{own}`, but `--scope` is `{flag}`")]
    Scope {
        /// `file:line`
        origin: String,
        /// The flag.
        flag: Scope,
        /// The scope of the document.
        own: Scope,
    },
    /// The old and the new key are the same.
    #[error("the item has the name `{key}` already")]
    SameKey {
        /// The key.
        key: String,
    },
    /// The values are those of another Secret.
    #[error("{origin}: the Secret has the {field} `{theirs}`, but the SealedSecret has `{own}`")]
    OtherSecret {
        /// `file:line` of the Secret.
        origin: String,
        /// `name`, `namespace` or `scope`
        field: &'static str,
        /// That of the Secret.
        theirs: String,
        /// That of the SealedSecret.
        own: String,
    },
    /// The values are those of several Secrets.
    #[error("{name}: more than one Secret")]
    SeveralSecrets {
        /// The input.
        name: String,
    },
    /// The standard input is empty.
    #[error("no value on the standard input")]
    NoValue,
    /// The terminal cannot be read, or the user pressed Ctrl-C.
    #[error("no value from the terminal: {}", root_cause(.0))]
    Prompt(#[source] io::Error),
    /// The value cannot be sealed.
    #[error("cannot seal `{key}`: {source}")]
    Seal {
        /// The key.
        key: String,
        /// Why.
        source: SealError,
    },
    /// The value is larger than a Secret.
    #[error("the value has {size} bytes, and a Secret can contain {MAX_SECRET_BYTES}")]
    TooLarge {
        /// The size of the value.
        size: usize,
    },
}

impl Explain for ItemsError {
    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::ComputedScope { .. }
            | Self::NoName { .. }
            | Self::Scope { .. }
            | Self::OtherSecret { .. }
            | Self::NoneFits { .. }
            | Self::Several { .. } => Exit::Target,
            Self::EditorFailed(_)
            | Self::EditorMissing(_)
            | Self::Interrupted
            | Self::Prompt(_)
            | Self::Seal { .. } => Exit::Failure,
            Self::NoMemory | Self::Scratch(_) => Exit::Output,
            Self::NoneOpens { .. } => Exit::Unseal,
            _ => Exit::Input,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::NoneFits { found, .. } | Self::Several { found, .. } => found.clone(),
            _ => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Base64 { .. } => hint("put a text that starts with `base64:` in quotes"),
            Self::EditorFailed(_) | Self::EditorMissing(_) => hint(
                "`VISUAL` or `EDITOR` names the editor; an editor with windows must wait, as `code --wait` does",
            ),
            Self::NoMemory => hint(
                "`--insecure-disk` writes the values to a disk, where they may stay after they are removed; `mtk-seal set KEY` needs no file",
            ),
            Self::NoneOpens { .. } => hint("without `--key`, the editor shows blanks to fill in"),
            Self::File(error) => error.hints(),
            Self::Key { .. } => hint("a key has up to 253 letters, digits, `-`, `_` and `.`"),
            Self::KeyWithValue { .. } => hint(
                "give the key only; `mtk-seal set KEY FILE` reads the value from a prompt or the standard input",
            ),
            Self::NoSealedSecret { .. } => hint(
                "`--path '$.app.secrets'` edits a mapping in any YAML or JSON; `mtk-seal secrets.env -w FILE` creates a SealedSecret",
            ),
            Self::NoneFits { .. } | Self::Several { .. } => {
                hint("select one with `--name` and `--namespace`")
            }
            Self::NoName { field, .. } => hint(format!("give it with `--{field}`")),
            Self::ComputedScope { .. } => {
                hint("`--scope strict`, `namespace-wide` or `cluster-wide` states it")
            }
            Self::Scope { .. } => hint("remove `--scope`: the document states the scope"),
            Self::OtherSecret { .. } => {
                hint("merge the values into the SealedSecret of that Secret")
            }
            Self::SeveralSecrets { .. } => hint("merge one Secret at a time"),
            Self::NoValue => hint("for an empty value, use `--insecure-value ''`"),
            Self::Prompt(_) => hint(
                "give the value with `--from-file` or on the standard input, and an empty one with `--insecure-value ''`",
            ),
            Self::Interrupted
            | Self::SameKey { .. }
            | Self::Scratch(_)
            | Self::Seal { .. }
            | Self::TooLarge { .. } => Vec::new(),
        }
    }
}
