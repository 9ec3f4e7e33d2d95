//! `spec.target`: the Secret to write, and its templates.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::data::DecodingStrategy;
use crate::lenient;

/// The Secret to write.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The name of the Secret. Default: the name of the ExternalSecret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// The owner of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub creation_policy: CreationPolicy,
    /// What to do with the Secret if the provider has no values any more.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub deletion_policy: DeletionPolicy,
    /// Whether the Secret is immutable.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub immutable: bool,
    /// A kind other than Secret. Not supported: the controller ignores the object, and explains this in
    /// a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// Templates for the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// The owner of the Secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CreationPolicy {
    /// The ExternalSecret owns the Secret. Deleting it deletes the Secret.
    #[default]
    Owner,
    /// The controller creates the Secret without an owner. It stays when the ExternalSecret is deleted.
    Orphan,
    /// The controller adds values to an existing Secret.
    Merge,
    /// The controller adds values to the Secret, and creates it if it does not exist.
    CreateOrMerge,
    /// The controller writes no Secret.
    None,
}

/// What to do with the Secret if the provider has no values any more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// Keep it.
    #[default]
    Retain,
    /// Delete it.
    Delete,
    /// Remove its values.
    Merge,
}

/// A kind of object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The API version, such as `v1`.
    #[serde(default)]
    pub api_version: String,
    /// The kind, such as `ConfigMap`.
    #[serde(default)]
    pub kind: String,
}

/// Templates for the Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The type of the Secret. Default: `Opaque`.
    #[serde(rename = "type", default, deserialize_with = "lenient::null_is_default")]
    pub type_: String,
    /// The version of the template engine.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "engine_schema")]
    pub engine_version: String,
    /// Labels and annotations of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata: TemplateMetadata,
    /// Whether the Secret also contains the values themselves.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub merge_policy: MergePolicy,
    /// Templates by key.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub data: BTreeMap<String, String>,
    /// Templates from ConfigMaps, Secrets or literals.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_from: Vec<TemplateFrom>,
}

/// Labels and annotations of the Secret. Their values are templates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateMetadata {
    /// Annotations of the Secret.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the Secret.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub labels: BTreeMap<String, String>,
    /// Finalizers of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub finalizers: Vec<String>,
}

/// Whether the Secret also contains the values themselves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergePolicy {
    /// Only if there are no templates.
    #[default]
    Replace,
    /// Always.
    Merge,
}

/// Templates from one ConfigMap, one Secret or one literal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// A ConfigMap in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// A Secret in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// A template that renders to keys and values in YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// Where the result goes: `Data`, `Annotations` or `Labels`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub target: String,
    /// How to decode the rendered values.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub values_decoding_strategy: DecodingStrategy,
}

/// A reference to keys of an object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateRef {
    /// The name of the object.
    pub name: String,
    /// The keys that contain templates.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub items: Vec<TemplateItem>,
}

/// A key that contains a template.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// The key.
    pub key: String,
    /// The part of each item that the template renders.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_as: TemplateScope,
}

/// The part of each item that a template renders.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TemplateScope {
    /// The value of this key.
    #[default]
    Values,
    /// A map of keys to values, in YAML.
    KeysAndValues,
}

fn engine_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["v2"] })
}
