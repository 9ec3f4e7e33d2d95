//! Why a text cannot be edited.

/// Deeper nesting than any manifest has. The limit protects the stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a text cannot be edited. No message contains a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct EditError {
    /// The line, counted from 1. None if the problem concerns the whole text.
    pub line: Option<usize>,
    /// The problem.
    pub problem: Problem,
}

impl EditError {
    pub(crate) fn at(line: usize, problem: Problem) -> Self {
        Self { line: Some(line), problem }
    }

    pub(crate) fn whole(problem: Problem) -> Self {
        Self { line: None, problem }
    }
}

/// A problem with a text or a change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The text is neither YAML nor JSON. The message quotes no part of it.
    #[error("not valid {language}: {message}")]
    Syntax {
        /// YAML or JSON.
        language: &'static str,
        /// The parser's message.
        message: String,
    },
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Too many values.
    #[error("too many values for a manifest")]
    TooManyNodes,
    /// The mapping of items is an alias.
    #[error("`{key}` is an alias, so an edit here would change another place")]
    Alias {
        /// The key of the mapping.
        key: String,
    },
    /// The mapping of items, a mapping around it, or an item is used by aliases.
    #[error("`{key}` has an anchor that other places use, so an edit would change them too")]
    Shared {
        /// The key.
        key: String,
    },
    /// The place is missing, or is not a mapping.
    #[error("`{place}` is not a mapping of items")]
    NoMapping {
        /// The key or path.
        place: String,
    },
    /// The whole Secret is one item.
    #[error("`spec.data` has the format of kubeseal before 0.7")]
    OldFormat,
    /// Several documents have the place.
    #[error("several documents have `{place}`")]
    SeveralDocuments {
        /// The path.
        place: String,
    },
    /// A mapping of items has a key twice.
    #[error("the key `{key}` is a duplicate")]
    Duplicate {
        /// The key.
        key: String,
    },
    /// The key to remove or rename is missing.
    #[error("no item `{key}`")]
    NoItem {
        /// The key.
        key: String,
        /// The existing key that is spelt most like it.
        similar: Option<String>,
    },
    /// The new name of an item is the key of another item.
    #[error("there is an item `{key}` already")]
    Exists {
        /// The key.
        key: String,
    },
    /// The item is a list, a mapping, or has an unknown tag.
    #[error("the item `{key}` is not a string")]
    NotAString {
        /// The key.
        key: String,
    },
    /// The layout of the text does not allow the change.
    #[error("cannot change `{key}` in this layout")]
    Layout {
        /// The key.
        key: String,
    },
    /// The result would differ from what was asked for.
    #[error("the edit would change other values of the file, so it was not made")]
    Unsafe,
}

impl Problem {
    /// How the user can correct the text. It names no flag of any program.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Alias { .. } => {
                "edit the place with the anchor, or write the items out here".to_owned()
            }
            Self::Shared { .. } => {
                "write the value out where its alias is, and remove the anchor".to_owned()
            }
            Self::NoMapping { place } => {
                let key = place.rsplit('.').next().unwrap_or_default();
                let is_plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
                format!("add it, such as `{}: {{}}`", if is_plain { key } else { "encryptedData" })
            }
            Self::OldFormat => "decrypt it, and seal it again".to_owned(),
            Self::SeveralDocuments { .. } => "put one of them into another file".to_owned(),
            Self::Duplicate { .. } => "remove one of the two".to_owned(),
            Self::NoItem { similar: Some(similar), .. } => format!("did you mean `{similar}`?"),
            Self::Exists { .. } => "remove that item first".to_owned(),
            Self::Layout { .. } | Self::Unsafe => {
                "write each item on its own line as `KEY: VALUE`, and try again".to_owned()
            }
            Self::NoItem { similar: None, .. }
            | Self::NotAString { .. }
            | Self::Syntax { .. }
            | Self::TooDeep
            | Self::TooManyNodes => return None,
        })
    }
}
