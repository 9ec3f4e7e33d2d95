//! `status` of an ExternalSecret.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::lenient;

/// The state of the ExternalSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// The generation of the spec that the conditions describe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// When the values were last read (RFC 3339), as known at the last status update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub refresh_time: Option<String>,

    /// When AWS was last seen to have the values of the Secret (RFC 3339), by a read or by their versions, as known at
    /// the last status update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub proved_time: Option<String>,

    /// Identifies the generation, labels and annotations that were last synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,

    /// The Secret, in the form that servicebinding.io specifies.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub binding: Binding,

    /// `Ready`. If there is a problem, `Explained`, and `Stalled` if only the user can solve it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,

    /// A keyed MAC over the Secret, if the Secret has no hash of its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,

    /// The versions that were read. The controller never writes an older version.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub versions: BTreeMap<String, String>,
}

/// A reference to a Secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Binding {
    /// The name of the Secret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub name: String,
}

/// A condition.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The type, such as `Ready`, `Explained` or `Stalled`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A machine-readable reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A human-readable message. It never contains a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_transition_time: Option<String>,
    /// For `BatchReads`: the generation of the store that was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The condition of this type, if any.
pub fn condition<'c>(conditions: &'c [Condition], type_: &str) -> Option<&'c Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}
