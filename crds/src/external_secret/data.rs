//! `spec.data` and `spec.dataFrom`: which values, and what becomes of them and of their keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StoreRef;
use crate::lenient;

/// One value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Its key in the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub secret_key: String,
    /// Where it is in the store.
    pub remote_ref: RemoteRef,
    /// Another store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// A value in a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// Its name, or its ARN.
    pub key: String,
    /// A part of it, if it is JSON: a path of gjson.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub property: String,
    /// Its version. On Secrets Manager a stage, by default `AWSCURRENT`, or `uuid/` and a version id;
    /// on Parameter Store a number or a label.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub version: String,
    /// Whether its tags are read in its place.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata_policy: MetadataPolicy,
    /// What becomes of characters that keys of a Secret cannot have. For `extract`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How the value is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What becomes of a value with null bytes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// Whether tags are read in place of the value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// The tags, as JSON.
    Fetch,
}

/// What becomes of characters that keys of a Secret cannot have.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConversionStrategy {
    /// `_`
    #[default]
    Default,
    /// `_U0000_` with the number of the character.
    Unicode,
}

/// How a value is decoded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DecodingStrategy {
    /// Not at all.
    #[default]
    None,
    /// RFC 4648 §4.
    Base64,
    /// RFC 4648 §5.
    Base64URL,
    /// One of both if it can be, else not at all.
    Auto,
}

/// What becomes of a value with null bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NullBytePolicy {
    /// It is taken as it is.
    #[default]
    Ignore,
    /// It is an error.
    Fail,
}

/// Another store, or a generator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// The store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// The generator. Not supported: the object is left alone, with a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// `generators.external-secrets.io/v1alpha1`
    #[serde(default)]
    pub api_version: String,
    /// The kind.
    #[serde(default)]
    pub kind: String,
    /// The name.
    #[serde(default)]
    pub name: String,
}

/// Many values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// The members of one value that is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// All values that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// What becomes of the keys, in order.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub rewrite: Vec<Rewrite>,
    /// Another store, or a generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which values match.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// What their names begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What their names match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// The tags that they have.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub tags: BTreeMap<String, String>,
    /// What becomes of characters that keys of a Secret cannot have.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How each value is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What becomes of a value with null bytes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// A regular expression for names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FindName {
    /// In the syntax of RE2.
    #[serde(default)]
    pub regexp: String,
}

/// What becomes of keys: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Rewrite {
    /// Replaces what matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// Renders each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
    /// Merges the members of all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
}

/// Replaces what matches.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteRegexp {
    /// In the syntax of RE2.
    pub source: String,
    /// With `$1` and `${name}`.
    pub target: String,
}

/// Renders each key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteTransform {
    /// A template that sees the key as `.value`.
    pub template: String,
}

/// Merges the members of all values, each a JSON object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMerge {
    /// The key of the result, with the strategy `JSON`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub into: String,
    /// Keys that win over others, the later over the earlier.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority: Vec<String>,
    /// Whether those have to be there.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority_policy: PriorityPolicy,
    /// Whether two values may have the same member.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conflict_policy: ConflictPolicy,
    /// What the result is.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub strategy: MergeStrategy,
}

/// Whether keys with priority have to be there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PriorityPolicy {
    /// They have to.
    #[default]
    Strict,
    /// They need not.
    IgnoreNotFound,
}

/// Whether two values may have the same member.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConflictPolicy {
    /// They may not.
    #[default]
    Error,
    /// They may.
    Ignore,
}

/// What a merge gives.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergeStrategy {
    /// The members in place of the values.
    #[default]
    Extract,
    /// One value beside them.
    JSON,
}
