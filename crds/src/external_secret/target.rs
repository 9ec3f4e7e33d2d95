//! `spec.target`: the Secret, and the templates that it is made with.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::DecodingStrategy;
use crate::lenient;

/// The Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its name; by default that of the ExternalSecret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Whose it is.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub creation_policy: CreationPolicy,
    /// What becomes of it when the provider has no values any more.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub deletion_policy: DeletionPolicy,
    /// Whether it is immutable.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub immutable: bool,
    /// Another kind than Secret. Not supported: the object is left alone, with a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What is made of the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Whose the Secret is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CreationPolicy {
    /// The ExternalSecret's: it goes with it.
    #[default]
    Owner,
    /// Nobody's: it stays.
    Orphan,
    /// Somebody else's, who makes it: values are added.
    Merge,
    /// Values are added to it; it is made if it is not there.
    CreateOrMerge,
    /// None is written.
    None,
}

/// What becomes of the Secret when the provider has no values any more.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Retain,
    /// It is deleted.
    Delete,
    /// Its values are removed.
    Merge,
}

/// A kind.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `v1`
    #[serde(default)]
    pub api_version: String,
    /// `ConfigMap`
    #[serde(default)]
    pub kind: String,
}

/// What is made of the values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The type of the Secret; by default `Opaque`.
    #[serde(rename = "type", default, deserialize_with = "lenient::null_is_default")]
    pub type_: String,
    /// The version of the templates' language.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "engine_schema")]
    pub engine_version: String,
    /// Labels and annotations of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub metadata: TemplateMetadata,
    /// Whether the values themselves are in the Secret too.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub merge_policy: MergePolicy,
    /// Templates by key.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub data: BTreeMap<String, String>,
    /// Templates from elsewhere.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_from: Vec<TemplateFrom>,
}

/// Labels and annotations of the Secret; their values are templates.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateMetadata {
    /// Annotations.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::strings")]
    pub labels: BTreeMap<String, String>,
    /// Finalizers.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub finalizers: Vec<String>,
}

/// Whether the values themselves are in the Secret beside those of templates.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum MergePolicy {
    /// Not if there are templates.
    #[default]
    Replace,
    /// They are.
    Merge,
}

/// Templates of one ConfigMap, one Secret or one literal.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// Templates in a ConfigMap of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// Templates in a Secret of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// A template that renders to keys and values in YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// `Data`, `Annotations` or `Labels`.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub target: String,
    /// How what is rendered is decoded.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub values_decoding_strategy: DecodingStrategy,
}

/// Some keys of an object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TemplateRef {
    /// The name of the object.
    pub name: String,
    /// The keys.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub items: Vec<TemplateItem>,
}

/// A key, and what its template makes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// The key.
    pub key: String,
    /// What its template makes.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub template_as: TemplateScope,
}

/// What a template makes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TemplateScope {
    /// The value of the key.
    #[default]
    Values,
    /// A map of keys to values, in YAML.
    KeysAndValues,
}

fn engine_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["v2"] })
}
