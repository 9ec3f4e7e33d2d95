//! Requests for values in AWS, and the responses.

use std::{collections::BTreeMap, fmt};

use crds::provider::partition;
use futures::future::BoxFuture;
use zeroize::Zeroizing;

use crate::aws::error::ReadError;

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

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReadVersion {
    pub(crate) id: String,
    /// Orders versions: milliseconds since 1970, or the number of a parameter's version.
    pub(crate) created: i64,
}

pub(crate) type ReadResult<T = ReadResponse> = Result<T, ReadError>;

/// The responses of a batch, without the values that AWS left out.
pub(crate) type BatchResponses = BTreeMap<ReadRequest, ReadResult>;

/// A value in the response to a batch.
pub(super) struct BatchValue {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) response: ReadResult,
}

/// Reads from AWS, with one identity.
pub(crate) trait ReadSource: Send + Sync + 'static {
    fn max_batch_size(&self) -> usize;

    fn is_batchable(&self, request: &ReadRequest) -> bool;

    /// Whether AWS denies a whole batch because of one of its requests.
    fn one_poisons_batch(&self) -> bool;

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, ReadResult>;

    fn read_batch(&self, requests: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<BatchResponses>>;

    fn count_served(&self, objects: usize);
}

impl ReadRequest {
    /// The name that the author of an ExternalSecret chose.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Secret { id: name, .. }
            | Self::SecretTags { id: name }
            | Self::Parameter { name }
            | Self::ParameterTags { name }
            | Self::ParametersBelow { path: name } => Some(name),
            Self::SecretNames(filter) | Self::ParameterNames(filter) => filter.path.as_deref(),
        }
    }

    /// The name or ARN of the secret or parameter.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Secret { id, .. } | Self::SecretTags { id } => Some(id),
            Self::Parameter { name } | Self::ParameterTags { name } => Some(name),
            _ => None,
        }
    }

    /// The resource as IAM policies write it.
    pub(crate) fn resource(&self, region: &str) -> String {
        let partition = partition(region);
        if let Some(arn) = self.id().filter(|id| id.starts_with("arn:")) {
            return arn.escape_debug().to_string();
        }
        match self {
            Self::Secret { id, .. } | Self::SecretTags { id } => {
                let id = id.escape_debug();
                format!("arn:{partition}:secretsmanager:{region}:*:secret:{id}-??????")
            }
            Self::Parameter { name }
            | Self::ParameterTags { name }
            | Self::ParametersBelow { path: name } => {
                let name = name.split(':').next().unwrap_or_default().trim_start_matches('/');
                format!("arn:{partition}:ssm:{region}:*:parameter/{}", name.escape_debug())
            }
            Self::SecretNames(_) | Self::ParameterNames(_) => "*".to_owned(),
        }
    }

    /// Whether AWS tells its version without its value. Descriptions of parameters have neither labels nor old
    /// versions, and those of other accounts are not among them.
    pub(crate) fn is_describable(&self) -> bool {
        match self {
            Self::Secret { .. } => true,
            Self::Parameter { name } => !name.contains(':'),
            _ => false,
        }
    }

    /// The id of the version, if the request names it.
    pub(crate) fn fixed_version(&self) -> Option<&str> {
        match self {
            Self::Secret { version: Version::Id(id), .. } => Some(id),
            _ => None,
        }
    }

    pub(crate) fn current(id: impl Into<String>) -> Self {
        Self::Secret { id: id.into(), version: Version::current() }
    }
}

impl ReadResponse {
    /// Tags as Go encodes a map: sorted, and without white space.
    pub(super) fn of_tags<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let tags: BTreeMap<_, _> = tags.collect();
        let bytes = serde_json::to_vec(&tags).expect("strings are JSON");
        Self::Value(Value { bytes: Zeroizing::new(bytes), version: None })
    }

    /// A version without its value.
    pub(super) fn of_version(version: Option<ReadVersion>) -> Self {
        Self::Value(Value { bytes: Zeroizing::default(), version })
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

/// Assigns values to requests. An ARN identifies one value. A name, or a part of an ARN, may fit
/// several values from different accounts, and a value may fit several names. Such requests get no
/// value.
pub(super) fn assign(
    requests: &[ReadRequest],
    values: &[BatchValue],
    has_id: impl Fn(&BatchValue, &str) -> bool,
) -> BatchResponses {
    let is_wanted = |arn: &str| requests.iter().any(|request| request.id() == Some(arn));
    let value_of = |request: &ReadRequest| {
        let id = request.id()?;
        let mut fitting = values.iter().filter(|value| !is_wanted(&value.arn) && has_id(value, id));
        let only_fitting = || fitting.next().filter(|_| fitting.next().is_none());
        values.iter().find(|value| value.arn == id).or_else(only_fitting)
    };
    let found = requests.iter().filter_map(|request| Some((request, value_of(request)?)));
    let found: Vec<_> = found.collect();
    let is_unique = |value: &BatchValue| {
        found.iter().filter(|(_, other)| std::ptr::eq(*other, value)).count() == 1
    };
    let unique = found.iter().filter(|(_, value)| is_unique(value));
    unique.map(|(request, value)| ((*request).clone(), value.response.clone())).collect()
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("version", &self.version).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_written_as_in_policies() {
        for (request, region, expected) in [
            (
                ReadRequest::current("a"),
                "eu-west-1",
                "arn:aws:secretsmanager:eu-west-1:*:secret:a-??????",
            ),
            (
                ReadRequest::current("a"),
                "cn-north-1",
                "arn:aws-cn:secretsmanager:cn-north-1:*:secret:a-??????",
            ),
            (ReadRequest::current("arn:aws:x\n"), "eu-west-1", "arn:aws:x\\n"),
            (
                ReadRequest::Parameter { name: "/a/b:3".into() },
                "us-gov-west-1",
                "arn:aws-us-gov:ssm:us-gov-west-1:*:parameter/a/b",
            ),
            (
                ReadRequest::Parameter { name: "arn:aws:ssm:r:1:parameter/a".into() },
                "eu-west-1",
                "arn:aws:ssm:r:1:parameter/a",
            ),
        ] {
            assert_eq!(request.resource(region), expected);
        }
    }
}
