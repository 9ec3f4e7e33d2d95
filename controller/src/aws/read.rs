//! What can be asked of AWS, and what it answers.

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

/// One thing to read.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ReadRequest {
    /// A secret of Secrets Manager, by name or ARN.
    Secret {
        /// Name or ARN.
        id: String,
        /// Which version.
        version: Version,
    },
    /// The tags of a secret, as JSON.
    SecretTags {
        /// Name or ARN.
        id: String,
    },
    /// The names of secrets.
    SecretNames(Filter),
    /// A parameter of Parameter Store, by name, with `:` and the version where one is asked for.
    Parameter {
        /// `/a/b` or `/a/b:3`
        name: String,
    },
    /// The tags of a parameter, as JSON.
    ParameterTags {
        /// `/a/b`
        name: String,
    },
    /// All parameters below a path, with their values.
    ParametersBelow {
        /// `/a`
        path: String,
    },
    /// The names of parameters.
    ParameterNames(Filter),
}

/// The version of a secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// The one with this staging label.
    Stage(String),
    /// This one.
    Id(String),
}

/// Which names.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Filter {
    /// What they begin with.
    pub path: Option<String>,
    /// The tags that they have, each with just this value.
    pub tags: BTreeMap<String, String>,
}

/// What AWS answers.
#[derive(Clone, Debug)]
pub enum ReadResponse {
    /// One value.
    Value(Value),
    /// Names.
    Names(Vec<String>),
    /// Values by name.
    Values(BTreeMap<String, Value>),
}

/// A value, with what tells older from newer ones.
#[derive(Clone)]
pub struct Value {
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The version that was read; none of tags.
    pub version: Option<Read>,
}

/// A version that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read {
    /// Its id.
    pub id: String,
    /// When it was made, in milliseconds since 1970; of a parameter, its number.
    pub created: i64,
}

impl ReadRequest {
    /// The current version of a secret.
    pub fn current(id: impl Into<String>) -> Self {
        Self::Secret { id: id.into(), version: Version::current() }
    }
}

impl Version {
    /// `AWSCURRENT`
    pub const CURRENT: &str = "AWSCURRENT";

    /// The current one.
    pub fn current() -> Self {
        Self::Stage(Self::CURRENT.to_owned())
    }

    /// By `remoteRef.version`: a stage, or `uuid/` and an id. Nothing means the current one.
    pub fn parse(text: &str) -> Self {
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
