//! `bitnami.com/v1alpha1 SealedSecret`: an encrypted Secret that is safe to commit.
//!
//! The format is that of Bitnami Sealed Secrets up to v0.40, plus our field `status.fingerprint`.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sealing::Scope;
use serde::{Deserialize, Serialize};

use crate::lenient;

/// The encrypted values, and the template of the Secret.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "bitnami.com",
    version = "v1alpha1",
    kind = "SealedSecret",
    namespaced,
    status = "SealedSecretStatus",
    derive = "PartialEq",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretSpec {
    /// The encrypted items, as base64, by their key in the Secret.
    #[serde(default, deserialize_with = "lenient::strings")]
    #[schemars(schema_with = "encrypted_data_schema")]
    pub encrypted_data: BTreeMap<String, String>,

    /// Deprecated: the whole Secret as one encrypted item, as base64. Written by kubeseal before 0.7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "legacy_data_schema")]
    pub data: Option<String>,

    /// The metadata, type and plain values of the Secret. They are neither encrypted nor authenticated.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(extend("nullable" = true))]
    pub template: SecretTemplate,
}

/// The part of the Secret that is not encrypted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Labels and annotations of the Secret. Its name and namespace are always those of the SealedSecret.
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    #[schemars(schema_with = "template_metadata_schema")]
    pub metadata: TemplateMetadata,

    /// The type of the Secret. Default: `Opaque`.
    #[schemars(extend("nullable" = true))]
    #[serde(
        rename = "type",
        default,
        deserialize_with = "lenient::null_is_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub type_: String,

    /// Whether the Secret is immutable. An immutable Secret cannot be changed or made mutable again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,

    /// Plain values, or Go templates that use the items. An encrypted item with the same key overrides
    /// the value. Null removes that item from the Secret.
    #[serde(default, deserialize_with = "lenient::nullable_strings")]
    #[schemars(schema_with = "template_data_schema")]
    pub data: BTreeMap<String, Option<String>>,
}

/// The metadata of the Secret that the template may set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Annotations of the Secret.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the Secret.
    #[serde(
        default,
        deserialize_with = "lenient::strings",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// The controller ignores this with an Event, because the template is not authenticated.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub finalizers: Vec<String>,
    /// The controller ignores this with an Event, because the template is not authenticated.
    #[serde(
        default,
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub owner_references: Vec<serde_json::Value>,
}

/// The state of the SealedSecret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecretStatus {
    /// The generation of the spec that the conditions describe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Synced` (first, because the printer columns of Bitnami's CRD expect it there), `Ready`, `Stalled`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub conditions: Vec<Condition>,

    /// A keyed MAC over the inputs and the resulting Secret. The controller skips unchanged objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// A condition.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Synced`, `Ready` or `Stalled`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// When the condition was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_update_time: Option<String>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time_schema")]
    pub last_transition_time: Option<String>,
    /// A machine-readable reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A human-readable message. It never contains a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl SealedSecret {
    /// In the template: create the Secret without an owner reference.
    pub const SKIP_OWNER_REFERENCES: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
    /// On an existing Secret: the controller may take ownership.
    pub const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
    /// On an existing Secret: the controller may merge items into it.
    pub const PATCH: &str = "sealedsecrets.bitnami.com/patch";

    /// The scope that the items must be sealed for. Only the annotations of the object itself count, never
    /// those of the template (CVE-2026-22728).
    pub fn scope(&self) -> Scope {
        Scope::from_annotations(self.metadata.annotations.as_ref())
    }
}

impl SealedSecretStatus {
    /// The condition of this type, if any.
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }
}

fn encrypted_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "The encrypted items, as base64, by their key in the Secret.",
        "additionalProperties": { "type": "string" },
        "x-kubernetes-preserve-unknown-fields": true
    })
}

fn legacy_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "byte",
        "nullable": true,
        "description": "Deprecated: the whole Secret as one encrypted item, as base64. Use encryptedData."
    })
}

fn template_data_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "description": "Plain values, or Go templates that use the items. An encrypted item with the same key overrides the value. Null removes that item from the Secret.",
        "additionalProperties": { "type": "string", "nullable": true }
    })
}

fn template_metadata_schema(_: &mut SchemaGenerator) -> Schema {
    let strings = json_schema!({
        "type": "object",
        "nullable": true,
        "additionalProperties": { "type": "string" }
    });
    json_schema!({
        "type": "object",
        "nullable": true,
        "description": "Labels and annotations of the Secret. Its name and namespace are always those of the SealedSecret.",
        "properties": {
            "annotations": strings,
            "labels": strings,
            "finalizers": { "type": "array", "nullable": true, "items": { "type": "string" } },
            "name": { "type": "string", "nullable": true },
            "namespace": { "type": "string", "nullable": true }
        },
        "x-kubernetes-preserve-unknown-fields": true
    })
}

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "nullable": true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(spec: serde_json::Value) -> SealedSecret {
        serde_json::from_value(json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": { "name": "s", "namespace": "n" },
            "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn non_string_item_reads_as_empty_string() {
        let sealed = parse(json!({ "encryptedData": { "A": 1, "B": "x", "C": null } }));
        assert_eq!(sealed.spec.encrypted_data["A"], "");
        assert_eq!(sealed.spec.encrypted_data["B"], "x");
        assert_eq!(sealed.spec.encrypted_data["C"], "");
    }

    #[test]
    fn nulls_read_as_missing_values() {
        let sealed = parse(json!({
            "encryptedData": null,
            "template": {
                "metadata": { "creationTimestamp": null, "labels": null, "finalizers": null },
                "data": null,
                "type": null,
            },
        }));
        assert_eq!(sealed.spec, SealedSecretSpec::default());
        assert_eq!(
            parse(json!({ "encryptedData": {}, "template": { "metadata": null } })).spec,
            sealed.spec
        );
        assert_eq!(parse(json!({ "encryptedData": {}, "template": null })).spec, sealed.spec);
    }

    #[test]
    fn template_value_may_be_null() {
        let sealed =
            parse(json!({ "encryptedData": {}, "template": { "data": { "P": null, "Q": "x" } } }));
        assert_eq!(sealed.spec.template.data["P"], None);
        assert_eq!(sealed.spec.template.data["Q"].as_deref(), Some("x"));
    }

    #[test]
    fn malformed_status_does_not_hide_the_object() {
        let sealed: SealedSecret = serde_json::from_value(json!({
            "metadata": { "name": "s" },
            "spec": { "encryptedData": {} },
            "status": { "conditions": "none" },
        }))
        .unwrap();
        assert_eq!(sealed.status.unwrap().conditions, []);
    }

    #[test]
    fn scope_annotations_of_the_template_are_ignored() {
        let sealed = parse(json!({
            "encryptedData": {},
            "template": { "metadata": { "annotations": { Scope::CLUSTER_WIDE_ANNOTATION: "true" } } },
        }));
        assert_eq!(sealed.scope(), Scope::Strict);
    }
}
