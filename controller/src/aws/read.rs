//! Requests for values in AWS, and the responses.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum ReadRequest {
    /// A secret of Secrets Manager, by name or ARN.
    Secret {
        id: String,
        version: Version,
    },
    /// The tags of a secret, as JSON.
    SecretTags {
        id: String,
    },
    SecretNames(Filter),
    /// A parameter of Parameter Store, such as `/a/b`, or `/a/b:3` for one version.
    Parameter {
        name: String,
    },
    /// The tags of a parameter, as JSON.
    ParameterTags {
        name: String,
    },
    /// All parameters below a path such as `/a`, with their values.
    ParametersBelow {
        path: String,
    },
    ParameterNames(Filter),
}

/// The version of a secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Version {
    /// The version with this staging label.
    Stage(String),
    Id(String),
}

#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Filter {
    /// The beginning of the name.
    pub(crate) path: Option<String>,
    /// Tags with these exact values.
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) enum ReadResponse {
    Value(Value),
    Names(Vec<String>),
    Values(BTreeMap<String, Value>),
}

/// A value and its version. Tags have no version.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) version: Option<ReadVersion>,
}

/// The version of a value that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReadVersion {
    pub(crate) id: String,
    /// Orders versions: the creation time in milliseconds since 1970, or the number of a
    /// parameter's version.
    pub(crate) created: i64,
}

impl ReadRequest {
    /// The current version of a secret.
    pub(crate) fn current(id: impl Into<String>) -> Self {
        Self::Secret { id: id.into(), version: Version::current() }
    }
}

impl Version {
    pub(crate) const CURRENT: &str = "AWSCURRENT";

    pub(crate) fn current() -> Self {
        Self::Stage(Self::CURRENT.to_owned())
    }

    /// Parses `remoteRef.version`: a stage, or `uuid/` and an id. Empty means the current version.
    pub(crate) fn parse(text: &str) -> Self {
        match text.strip_prefix("uuid/") {
            Some(id) => Self::Id(id.to_owned()),
            None if text.is_empty() => Self::current(),
            None => Self::Stage(text.to_owned()),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("version", &self.version).finish_non_exhaustive()
    }
}
