//! `spec.data` and `spec.dataFrom`: the values to read, and how to convert them and their keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store_ref::StoreRef;
use crate::lenient;

/// A single value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// The key in the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub secret_key: String,
    /// Where the value is in the store.
    pub remote_ref: RemoteRef,
    /// A store other than `spec.secretStoreRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// A reference to a value in a store.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// The name or ARN of the value.
    pub key: String,
    /// A gjson path that selects a part of a JSON value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub property: String,
    /// The version. In Secrets Manager: a stage, or `uuid/` and a version ID. Default: `AWSCURRENT`. In
    /// Parameter Store: a number or a label.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub version: String,
    /// Whether to read the tags instead of the value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata_policy: MetadataPolicy,
    /// How to replace characters that are invalid in keys of a Secret. For `extract`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How to decode the value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What to do with null bytes in the value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// Whether to read the tags instead of the value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MetadataPolicy {
    /// Read the value.
    #[default]
    None,
    /// Read the tags, as JSON.
    Fetch,
}

/// How to replace characters that are invalid in keys of a Secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConversionStrategy {
    /// Replace each with `_`.
    #[default]
    Default,
    /// Replace each with `_U0000_`, where `0000` is its code point.
    Unicode,
}

/// How to decode a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DecodingStrategy {
    /// Do not decode.
    #[default]
    None,
    /// Decode base64 (RFC 4648 §4).
    Base64,
    /// Decode base64url (RFC 4648 §5).
    Base64URL,
    /// Decode base64 or base64url if the value is valid. Otherwise keep the value.
    Auto,
}

/// What to do with null bytes in a value.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NullBytePolicy {
    /// Keep them.
    #[default]
    Ignore,
    /// Fail.
    Fail,
}

/// A source other than `spec.secretStoreRef`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// A store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// A generator. Not supported: the controller ignores the object, and explains this in a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A reference to a generator.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// `generators.external-secrets.io/v1alpha1`
    #[serde(default)]
    pub api_version: String,
    /// The kind of the generator.
    #[serde(default)]
    pub kind: String,
    /// The name of the generator.
    #[serde(default)]
    pub name: String,
}

/// A group of values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// Read all members of one JSON value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// Read all values that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// How to rewrite the keys. The steps run in order.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub rewrite: Vec<Rewrite>,
    /// A store other than `spec.secretStoreRef`, or a generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Selects values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// The prefix of their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A pattern for their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// The tags that they must have.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub tags: BTreeMap<String, String>,
    /// How to replace characters that are invalid in keys of a Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conversion_strategy: ConversionStrategy,
    /// How to decode each value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub decoding_strategy: DecodingStrategy,
    /// What to do with null bytes in the value.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub null_byte_policy: NullBytePolicy,
}

/// A pattern for names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct FindName {
    /// A regular expression in RE2 syntax.
    #[serde(default)]
    pub regexp: String,
}

/// A step that rewrites keys. Set exactly one field.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Rewrite {
    /// Replace the matches of a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// Render a template for each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
    /// Merge the members of all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
}

/// Replaces the matches of a regular expression.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteRegexp {
    /// A regular expression in RE2 syntax.
    pub source: String,
    /// The replacement, with `$1` and `${name}` for groups.
    pub target: String,
}

/// Renders a template for each key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RewriteTransform {
    /// The template. The key is `.value`.
    pub template: String,
}

/// Merges the members of all values. Each value must be a JSON object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMerge {
    /// The key of the result, with the strategy `JSON`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub into: String,
    /// Keys that override others. Later keys override earlier ones.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority: Vec<String>,
    /// Whether the keys in `priority` must exist.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub priority_policy: PriorityPolicy,
    /// Whether two values may have the same member.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub conflict_policy: ConflictPolicy,
    /// The form of the result.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub strategy: MergeStrategy,
}

/// Whether the keys in `priority` must exist.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PriorityPolicy {
    /// They must exist.
    #[default]
    Strict,
    /// They may be missing.
    IgnoreNotFound,
}

/// Whether two values may have the same member.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConflictPolicy {
    /// A duplicate member is an error.
    #[default]
    Error,
    /// Duplicate members are allowed.
    Ignore,
}

/// The form of the result of a merge.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergeStrategy {
    /// The merged members replace the values.
    #[default]
    Extract,
    /// The merged members become one additional JSON value.
    JSON,
}
