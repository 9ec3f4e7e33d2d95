//! `status`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::lenient;

/// What became of the ExternalSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the values were last read (RFC 3339), as of the last write of the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub refresh_time: Option<String>,

    /// The generation, labels and annotations that the Secret was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,

    /// The Secret, as servicebinding.io wants it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub binding: Binding,

    /// `Ready`, and `Explained` where something is wrong.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,

    /// A keyed MAC over the Secret, where it has no hash of its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,

    /// The versions that were read: none older than these is written.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub versions: BTreeMap<String, String>,
}

/// A Secret by name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Binding {
    /// The name.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub name: String,
}

/// One aspect of the state.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready` or `Explained`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence for people. Never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_transition_time: Option<String>,
    /// Of `BatchReads`: the generation of the store that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The condition of this type.
pub fn condition<'c>(conditions: &'c [Condition], type_: &str) -> Option<&'c Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}
